"""Bringing a database to the newest shape of the tables, by Alembic.

Alembic takes half a second to import, so it is not touched when the database says it is at HEAD.
"""

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage.database import Database, DatabaseRefused

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0014"  # the newest migration; a test holds it to the scripts
MIGRATIONS = Path(__file__).parent / "migrations"


def config(connection: sa.Connection | None = None) -> "Config":
    """Alembic's configuration, for a connection that is open and in a transaction."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    return made


_migrating = threading.Lock()  # Alembic keeps what it is at in its module: one at a time


async def bring_up_to_date(database: Database) -> None:
    """Raises DatabaseRefused when a newer avatar-bot has written the database."""
    async with database.reading() as read:
        at = await read.run_sync(_revision)
    if at != HEAD:
        await asyncio.to_thread(_migrate, database)


def _migrate(database: Database) -> None:
    """Over a connection of its own: Alembic is not asynchronous, and on SQLite rebuilds tables,
    which foreign keys must not follow.
    """
    engine = database.blocking_engine()
    try:
        with _migrating, engine.connect() as connection:
            # The write lock is taken first, so of two processes that start at once one migrates
            # and the other finds it done.
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7301934)")
            if _revision(connection) != HEAD:
                _upgrade(connection)
            connection.commit()
    finally:
        engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


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
