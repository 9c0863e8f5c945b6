"""What was spent, added up by month."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.records import Spending, Spent
from storage.base import Base, insert_into
from storage.database import Database
from storage.prepared import Prepared
from storage.tables import spending, versions


def add_spent(database: Database, write: sa.Connection, spent: Spent) -> None:
    """Add an amount to the account of its month."""
    _adding(database.is_sqlite).tuples(write, _amounts(spent))


def _amounts(spent: Spent) -> dict[str, Any]:
    new = {
        "count": spent.count,
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "cost": spent.cost or 0,
        "unpriced": spent.count if spent.cost is None else 0,
    }
    key = {
        "avatar_id": spent.avatar_id,
        "month": spent.month,
        "kind": spent.kind,
        "version_id": spent.version_id or 0,
        "model": spent.model,
    }
    return {**key, **new}


@cache
def _adding(is_sqlite: bool) -> Prepared:
    statement = insert_into(spending, is_sqlite=is_sqlite)
    amounts = ("count", "prompt_tokens", "completion_tokens", "cost", "unpriced")
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["avatar_id", "month", "kind", "version_id", "model"],
            set_={name: spending.c[name] + statement.excluded[name] for name in amounts},
        )
    )


class SpendingTables(Base):
    """Fulfils `avatar.pricing.SpendingStore`."""

    async def add_spent(self, spent: Spent) -> None:
        await self._db.write(lambda write: add_spent(self._db, write, spent))

    async def spending(self, avatar_id: int, *, month: str) -> tuple[Spending, ...]:
        """Of one month: trainings first, then by version."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(spending, versions.c.number)
                .outerjoin(versions, versions.c.id == spending.c.version_id)
                .where(spending.c.avatar_id == avatar_id, spending.c.month == month)
                .order_by(spending.c.kind.desc(), spending.c.version_id)
            )
            return tuple(
                Spending(
                    month=row["month"],
                    kind=row["kind"],
                    version_id=row["version_id"] or None,
                    version_number=row["number"],
                    model=row["model"],
                    count=row["count"],
                    prompt_tokens=row["prompt_tokens"],
                    completion_tokens=row["completion_tokens"],
                    cost=row["cost"],
                    unpriced=row["unpriced"],
                )
                for row in found.mappings()
            )
