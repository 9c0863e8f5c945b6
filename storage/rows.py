"""Small things that every part of the store uses."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Table, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.records import Address
from storage.database import Database

R = TypeVar("R")


class Part:
    """A part of the store: the methods of one noun."""

    def __init__(self, database: Database) -> None:
        self._database = database


@lru_cache
def _names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def record(cls: type[R], row: Row[Any], **others: object) -> R:
    """The record of a row: its fields are columns of the same names, or given in `others`."""
    columns = row._mapping
    return cls(**{name: others[name] if name in others else columns[name] for name in _names(cls)})


def insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say ON CONFLICT, in the database's own dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def at(table: Table, address: Address) -> ColumnElement[bool]:
    """The condition that a row belongs to an address."""
    columns = table.c
    return (
        (columns.platform == address.platform)
        & (columns.bot == address.bot)
        & (columns.chat == address.chat)
        & (columns.thread == address.thread)
    )


def place(address: Address) -> Mapping[str, str]:
    """An address as the four columns that `at` looks for."""
    return {
        "platform": address.platform,
        "bot": address.bot,
        "chat": address.chat,
        "thread": address.thread,
    }


async def claim(
    connection: AsyncConnection,
    table: Table,
    due: Column[datetime],
    *,
    owed: ColumnElement[bool],
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    **values: object,
) -> Sequence[Row[Any]]:
    """Take rows that are owed, due and not leased; the rows as they are then, most overdue first.

    Finding and taking are one statement. On PostgreSQL rows that somebody else is just taking
    are passed over instead of waited for.
    """
    ready = (
        select(table.c.id)
        .where(owed, due <= now, or_(table.c.lease_until.is_(None), table.c.lease_until <= now))
        .order_by(due, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await connection.execute(
        update(table)
        .where(table.c.id.in_(ready))
        .values(lease_owner=owner, lease_until=now + lease, **values)
        .returning(*table.c)
    )
    return sorted(taken.all(), key=lambda row: (row._mapping[due.name], row._mapping["id"]))
