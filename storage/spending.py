"""What was spent, added up by month."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.ports import Spent
from avatar.records import Spending
from storage.rows import Part, insert, record
from storage.tables import spending, versions

_KEY = ("avatar_id", "month", "kind", "version_id", "model")
_SUMS = ("count", "prompt_tokens", "completion_tokens", "cost", "unpriced")


async def add_up(connection: AsyncConnection, amounts: Iterable[Spent]) -> None:
    """Add amounts to what was spent."""
    for spent in amounts:
        statement = insert(connection, spending).values(
            avatar_id=spent.avatar_id,
            month=spent.month,
            kind=spent.kind,
            version_id=spent.version_id or 0,
            model=spent.model,
            count=spent.count,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cost=spent.cost or 0,
            unpriced=spent.count if spent.cost is None else 0,
        )
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=_KEY,
                set_={name: spending.c[name] + statement.excluded[name] for name in _SUMS},
            )
        )


class SpendingPart(Part):
    """The store's methods about what was spent."""

    async def add_spent(self, spent: Spent) -> None:
        async with self._database.writing() as connection:
            await add_up(connection, [spent])

    async def spending(self, avatar_id: int, *, month: str) -> tuple[Spending, ...]:
        query = (
            select(
                *(column for column in spending.c if column.name != "version_id"),
                func.nullif(spending.c.version_id, 0).label("version_id"),
                versions.c.number.label("version_number"),
            )
            .outerjoin(versions, versions.c.id == spending.c.version_id)
            .where(spending.c.avatar_id == avatar_id, spending.c.month == month)
            .order_by(spending.c.kind, spending.c.version_id, spending.c.model)
        )
        async with self._database.reading() as connection:
            return tuple(record(Spending, row) for row in await connection.execute(query))
