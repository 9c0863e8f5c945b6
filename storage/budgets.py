"""Budgets: what was spent in a day and a month, and what an avatar may."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.limits import Budget, Filled, Own
from avatar.records import Role
from storage.base import Base, insert_into
from storage.database import Database
from storage.door_tables import budgets
from storage.tables import (
    avatars,
    messages,
)


class _UsedUp(Exception):
    """Ends a transaction in which nothing is to be written."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget.period)
        self.budget = budget


def settle(
    database: Database, write: sa.Connection, wanted: Sequence[Budget], change: int
) -> tuple[Filled, ...]:
    """Add to all of them. One statement locks their rows, always in the same order, and tells what
    is in them then.
    """
    added = write.execute(_adding(database.is_sqlite, len(wanted)), _named(wanted, change))
    return _in_order(wanted, added.all())


class BudgetTables(Base):
    """Fulfils `avatar.limits.BudgetStore`."""

    async def prepay(self, wanted: Sequence[Budget], amount: int) -> Budget | None:
        """Put an amount into all of them, or into none and name the one that is used up."""

        def prepaid(write: sa.Connection) -> None:
            for each in settle(self._db, write, wanted, amount):
                before = Filled(budget=each.budget, cost=each.cost - amount)
                if before.is_used_up:
                    raise _UsedUp(each.budget)

        try:
            await self._db.write(prepaid)
        except _UsedUp as full:
            return full.budget
        return None

    async def settle(self, wanted: Sequence[Budget], change: int) -> tuple[Filled, ...]:
        """Add a change to all of them; what is in them then."""
        return await self._db.write(lambda write: settle(self._db, write, wanted, change))

    async def filled(self, wanted: Sequence[Budget]) -> tuple[Filled, ...]:
        """What is in them, in their order."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(
                    budgets.c.scope, budgets.c.scope_id, budgets.c.period, budgets.c.cost
                ).where(
                    sa.or_(
                        *(
                            (budgets.c.scope == each.scope.value)
                            & (budgets.c.scope_id == each.scope_id)
                            & (budgets.c.period == each.period)
                            for each in wanted
                        )
                    )
                )
            )
            return _in_order(wanted, found.all())

    async def nth_last_reply(self, avatar_id: int, person_id: int, *, n: int) -> datetime | None:
        """When the n-th newest reply of an avatar to a person was given."""
        values = {"avatar_id": avatar_id, "person_id": person_id, "before": n - 1}
        row = await self._row(_NTH, values)
        return None if row is None else row["created_at"]

    async def set_limit(self, avatar_id: int, which: Own, most: int | None) -> None:
        """One of an avatar's own; None: as usual."""
        async with self._db.writing() as write:
            await write.execute(
                sa.update(avatars).where(avatars.c.id == avatar_id).values({which.value: most})
            )


_NTH = (
    sa.select(messages.c.created_at)
    .where(
        messages.c.person_id == sa.bindparam("person_id"),
        messages.c.avatar_id == sa.bindparam("avatar_id"),
        messages.c.role == Role.ASSISTANT.value,
    )
    .order_by(messages.c.id.desc())
    .limit(1)
    .offset(sa.bindparam("before", type_=sa.Integer))
)


@cache
def _adding(is_sqlite: bool, count: int) -> Any:
    statement = insert_into(budgets, is_sqlite=is_sqlite).values(
        [
            {
                "scope": sa.bindparam(f"scope_{n}"),
                "scope_id": sa.bindparam(f"scope_id_{n}"),
                "period": sa.bindparam(f"period_{n}"),
                "cost": sa.bindparam(f"cost_{n}"),
            }
            for n in range(count)
        ]
    )
    return statement.on_conflict_do_update(
        index_elements=["scope", "scope_id", "period"],
        set_={"cost": budgets.c.cost + statement.excluded.cost},
    ).returning(budgets.c.scope, budgets.c.scope_id, budgets.c.period, budgets.c.cost)


def _named(wanted: Sequence[Budget], amount: int) -> dict[str, object]:
    values: dict[str, object] = {}
    for n, each in enumerate(wanted):
        values |= {
            f"scope_{n}": each.scope.value,
            f"scope_id_{n}": each.scope_id,
            f"period_{n}": each.period,
            f"cost_{n}": amount,
        }
    return values


def _in_order(wanted: Sequence[Budget], found: Sequence[Any]) -> tuple[Filled, ...]:
    costs = {(row.scope, row.scope_id, row.period): row.cost for row in found}
    return tuple(
        Filled(budget=each, cost=costs.get((each.scope.value, each.scope_id, each.period), 0))
        for each in wanted
    )
