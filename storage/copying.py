"""Carrying a whole installation from one database to another: SQLite to PostgreSQL and back.

The source is read at one moment, also while a bot works on it; the target must be empty. What was
written is read again and compared, table by table, by count and checksum.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AvatarError
from storage.columns import metadata
from storage.database import Database, DatabaseRefused
from storage.schema import bring_up_to_date
from storage.tables import (
    avatars,
)

BATCH = 500  # rows
# Avatars point to versions and versions to avatars: the pointers are set when both are there.
POINTERS = ("active_prompt_id", "active_model_id")


class CopyFailed(AvatarError):
    """The copy does not equal its source: {reason} Nothing was changed at the source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """One table that was carried over and compared."""

    table: str
    rows: int
    checksum: str  # SHA-256 over all rows, in order of their ids


def tables_in_order() -> list[sa.Table]:
    """All tables, in an order in which every row finds what it refers to."""
    rest = [table for table in metadata.sorted_tables if table is not avatars]
    people = [table for table in rest if table.name == "people"]
    return [*people, avatars, *(table for table in rest if table not in people)]


async def copy(source_url: str, target_url: str) -> AsyncIterator[Copied]:
    """Carry everything over. Raises DatabaseRefused and CopyFailed; then the target holds
    nothing.
    """
    source, target = Database(source_url), Database(target_url)
    try:
        if source.url == target.url:
            raise DatabaseRefused(reason="source and target are the same.")
        for database in (source, target):
            await bring_up_to_date(database)
        done: list[Copied] = []
        async with source.reading() as read, target.writing() as write:
            await must_be_empty(write)
            sums = {}
            for table in tables_in_order():
                sums[table.name] = await _carry(read, write, table)
            await _set_pointers(read, write)
            for table in tables_in_order():
                last = await last_number(read, table, is_sqlite=source.is_sqlite)
                await set_last_number(write, table, last, is_sqlite=target.is_sqlite)
                count, checksum = await summed(write, table)
                if (count, checksum) != sums[table.name]:
                    raise CopyFailed(reason=f"{table.name} differs.")
                done.append(Copied(table=table.name, rows=count, checksum=checksum))
        for each in done:
            yield each
    finally:
        await source.close()
        await target.close()


async def must_be_empty(write: AsyncConnection) -> None:
    """Raises DatabaseRefused where any table has a row."""
    for table in tables_in_order():
        first = sa.select(table.c.id).order_by(table.c.id).limit(1)
        if (await write.execute(first)).first() is not None:
            raise DatabaseRefused(reason=f"the target is not empty: {table.name} has rows.")


async def pages(read: AsyncConnection, table: sa.Table) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows by id, some at a time."""
    after = -1
    while True:
        found = await read.execute(
            sa.select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
        )
        page = [dict(row) for row in found.mappings()]
        if not page:
            return
        yield page
        after = page[-1]["id"]


async def _carry(read: AsyncConnection, write: AsyncConnection, table: sa.Table) -> tuple[int, str]:
    """Copy a table; how many rows, and the checksum of the source's."""
    none = dict.fromkeys(POINTERS) if table is avatars else {}

    async def put(page: list[dict[str, Any]]) -> None:
        await write.execute(sa.insert(table), [{**row, **none} for row in page])

    return await summed(read, table, put)


async def summed(
    read: AsyncConnection,
    table: sa.Table,
    then: Callable[[list[dict[str, Any]]], Awaitable[None]] | None = None,
) -> tuple[int, str]:
    """How many rows, and their checksum; each page is given to `then`."""
    count, hashed = 0, hashlib.sha256()
    async for page in pages(read, table):
        count += len(page)
        for row in page:
            hashed.update(canonical(row))
        if then is not None:
            await then(page)
    return count, hashed.hexdigest()


async def _set_pointers(read: AsyncConnection, write: AsyncConnection) -> None:
    async for page in pages(read, avatars):
        for row in page:
            await write.execute(
                sa.update(avatars)
                .where(avatars.c.id == row["id"])
                .values({name: row[name] for name in POINTERS})
            )


async def last_number(read: AsyncConnection, table: sa.Table, *, is_sqlite: bool) -> int:
    """The highest number that a row of the table was ever given; 0: none was."""
    if is_sqlite:
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = await read.scalar(query, {"name": table.name})
    else:
        sequence = sa.func.pg_sequence_last_value(sa.cast(_serial(table), postgresql.REGCLASS))
        last = await read.scalar(sa.select(sequence))
    return int(last or 0)


async def set_last_number(
    write: AsyncConnection, table: sa.Table, last: int, *, is_sqlite: bool
) -> None:
    """The next row gets a number that was never given, also not to a row that is deleted."""
    if not last:
        return
    if is_sqlite:
        given = {"name": table.name, "seq": last}
        await write.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), given)
        await write.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), given
        )
    else:
        await write.execute(sa.select(sa.func.setval(_serial(table), last)))


def _serial(table: sa.Table) -> sa.ColumnElement[str]:
    return sa.func.pg_get_serial_sequence(table.name, "id", type_=sa.String)


def canonical(row: dict[str, Any]) -> bytes:
    """A row as a line of JSON that does not depend on the database."""

    def plain(value: object) -> object:
        if isinstance(value, datetime | date):
            return value.isoformat()
        raise TypeError(f"{type(value).__name__} cannot be compared")

    return json.dumps(row, sort_keys=True, default=plain).encode() + b"\n"
