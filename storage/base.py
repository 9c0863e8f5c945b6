"""What the parts of the store share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.tables import avatars


class Base:
    """A part of the store: methods over one database, each one transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def _row(self, query: sa.Select[Any]) -> sa.RowMapping | None:
        """The one row of a query, read in a transaction of its own; None: there is none."""
        async with self._db.reading() as read:
            row: sa.RowMapping | None = (await read.execute(query)).mappings().one_or_none()
            return row

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
    return sqlite.insert(table) if database.is_sqlite else postgresql.insert(table)
