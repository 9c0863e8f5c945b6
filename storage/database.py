"""The connection to a database: SQLite by aiosqlite, or PostgreSQL by psycopg 3."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from avatar.errors import AvatarError

BUSY_SECONDS = 30.0  # how long a writer waits for another one


# isolation_level None: the driver begins nothing by itself, we do.
_SQLITE_ARGUMENTS = {"timeout": BUSY_SECONDS, "isolation_level": None}


class DatabaseRefused(AvatarError):
    """The database cannot be used: {reason} Check DATABASE_URL."""


def database_url(url: str) -> URL:
    """The URL with its driver. Raises DatabaseRefused for another database."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise DatabaseRefused(reason=f"{other} is neither SQLite nor PostgreSQL.")


def data_folder(url: str) -> Path:
    """Where other files of the installation belong: beside an SQLite file, else `data`."""
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return Path(parsed.database).parent
    return Path("data")


class Database:
    """An engine with the two kinds of transaction that the store uses."""

    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite takes one writer: those of this process wait here, in order, and not each with a
        # connection in its hand, which readers would miss.
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )
        if self.is_sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_async_engine(self.url, connect_args=_SQLITE_ARGUMENTS)
            _set_up_sqlite(self.engine)
        else:
            try:
                self.engine = create_async_engine(self.url, pool_pre_ping=True)
            except ModuleNotFoundError as error:
                raise DatabaseRefused(
                    reason="PostgreSQL needs the package psycopg, which is not installed."
                ) from error
        # On SQLite every transaction sees one moment; PostgreSQL has to be asked for it.
        self._reads = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that reads from one moment."""
        async with self._reads.connect() as connection, connection.begin():
            if self.is_sqlite:
                await connection.exec_driver_sql("BEGIN")
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes. On SQLite it takes the write lock at once: one that reads
        first and writes later would be refused if another wrote in between.
        """
        async with self._turn, self.engine.begin() as connection:
            if self.is_sqlite:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def blocking_engine(self) -> Engine:
        """An engine for a thread, as Alembic needs it."""
        if self.is_sqlite:
            return create_engine(self.url.set(drivername="sqlite"), connect_args=_SQLITE_ARGUMENTS)
        return create_engine(self.url)

    async def close(self) -> None:
        """Give the connections back."""
        await self.engine.dispose()


def _set_up_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk when it returns. A paid job must not be forgotten because
        # the power went; NORMAL could lose the last transactions of a WAL.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
