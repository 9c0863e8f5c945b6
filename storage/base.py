"""What the parts of the store share."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.sealing import Sealer
from storage.tables import avatars


class Base:
    """A part of the store: methods over one database, each one transaction."""

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        self._db = database
        self._sealer = sealer or Sealer()

    @property
    def database(self) -> Database:
        """What it is written to."""
        return self._db

    async def _row(
        self, query: sa.Select[Any], values: Mapping[str, Any] | None = None
    ) -> sa.RowMapping | None:
        """The one row of a query, read in a transaction of its own; None: there is none."""

        def row(read: sa.Connection) -> sa.RowMapping | None:
            return read.execute(query, values).mappings().one_or_none()

        return await self._db.read(row)

    async def _rows(
        self, query: sa.Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[sa.RowMapping]:
        """All rows of a query, read in a transaction of its own."""

        def rows(read: sa.Connection) -> Sequence[sa.RowMapping]:
            return read.execute(query, values).mappings().all()

        return await self._db.read(rows)

    async def _write(self, statement: sa.Update | sa.Delete) -> int:
        """How many rows a statement changed, in a transaction of its own."""

        def changed(write: sa.Connection) -> int:
            return write.execute(statement).rowcount

        return await self._db.write(changed)

    async def _lock_avatar(self, write: AsyncConnection, avatar_id: int) -> sa.RowMapping | None:
        """The avatar's row, locked against every other change of its pointers and numbers.

        On SQLite a writing transaction is alone anyway, and FOR UPDATE is left out.
        """
        found = await write.execute(
            # NO KEY UPDATE: rows that refer to the avatar can still be written.
            sa.select(avatars).where(avatars.c.id == avatar_id).with_for_update(key_share=True)
        )
        return found.mappings().one_or_none()


def insert(database: Database, table: sa.Table) -> sqlite.Insert | Any:
    """An INSERT that knows ON CONFLICT. Both dialects spell it alike."""
    return insert_into(table, is_sqlite=database.is_sqlite)


def insert_into(table: sa.Table, *, is_sqlite: bool) -> sqlite.Insert | Any:
    """The same, for statements that are made once and used for every message: to build one costs
    SQLAlchemy more than to run it.
    """
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)
