"""Bringing a database to the newest shape of the tables, by Alembic.

Alembic takes half a second to import, so it is not touched when the database says it is at HEAD.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database, DatabaseRefused

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"  # the newest migration; a test holds it to the scripts
MIGRATIONS = Path(__file__).parent / "migrations"


def config(connection: sa.Connection | None = None) -> "Config":
    """Alembic's configuration, for a connection that is open and in a transaction."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    return made


async def bring_up_to_date(database: Database) -> None:
    """Raises DatabaseRefused when a newer avatar-bot has written the database."""
    async with database.reading() as read:
        at = await _revision(read)
    if at == HEAD:
        return
    await asyncio.to_thread(_import_alembic)
    # The write lock is taken first, so of two processes that start at once one migrates and the
    # other finds it done.
    async with database.writing() as write:
        if not database.is_sqlite:
            await write.exec_driver_sql("SELECT pg_advisory_xact_lock(7_301_934)")
        if await _revision(write) != HEAD:
            await write.run_sync(_upgrade)


async def _revision(connection: AsyncConnection) -> str | None:
    def read(sync: sa.Connection) -> str | None:
        if not sa.inspect(sync).has_table("alembic_version"):
            return None
        found = sync.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)

    return await connection.run_sync(read)


def _import_alembic() -> None:
    import alembic.command  # noqa: F401  (for its side effect: later imports are quick)


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(config(connection), "head")
    except CommandError as error:
        raise DatabaseRefused(
            reason="it was written by a newer avatar-bot than this one. Update avatar-bot, or "
            "restore a backup of the database."
        ) from error
