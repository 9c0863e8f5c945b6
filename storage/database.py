"""The database: its address, its engine, and how transactions begin.

On SQLite every writing transaction begins with BEGIN IMMEDIATE. A transaction that reads first and
writes later would be refused (SQLITE_BUSY, at once, whatever the timeout) when somebody else wrote
in between; one that holds the write lock from its beginning only ever waits.
"""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30  # how long a writer waits for another process's write
_WRITES = "avatar_writes"  # the execution option that marks a writing connection


class CannotOpen(Exception):
    """The database cannot be opened. The text is one line for the operator."""


def read_url(text: str) -> URL:
    """What DATABASE_URL means, with the driver we use. Raises CannotOpen.

    `sqlite+aiosqlite:///path` (relative, or absolute with four slashes) or `postgresql://…`.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise CannotOpen(
            "DATABASE_URL is no database's address; it looks like "
            "sqlite+aiosqlite:///data/avatar.db or postgresql://user:password@host/name"
        ) from error
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.database in {None, "", ":memory:"} or "mode" in url.query:
            raise CannotOpen("DATABASE_URL needs a file: sqlite+aiosqlite:///data/avatar.db")
        return url.set(drivername="sqlite+aiosqlite")
    if kind in {"postgresql", "postgres"}:
        if importlib.util.find_spec("psycopg") is None:
            raise CannotOpen(
                "DATABASE_URL names PostgreSQL, and its driver is not installed: "
                "pip install 'psycopg[binary]'"
            )
        return url.set(drivername="postgresql+psycopg")
    raise CannotOpen(f"DATABASE_URL names {kind}; only sqlite and postgresql are known")


def make_folder(url: URL) -> None:
    """Create the folder of a SQLite file. Raises OSError."""
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def make_engine(url: URL) -> AsyncEngine:
    """An engine for an address that `read_url` gave. Opens nothing yet."""
    engine = create_async_engine(url)
    if url.get_backend_name() == "sqlite":
        prepare_sqlite(engine.sync_engine, foreign_keys=True)
    return engine


def prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    """Set up every connection of an engine, and take over from the driver how transactions begin.

    `foreign_keys` is off for migrations only: rebuilding a table drops it, and with foreign keys
    on that would delete every row that refers to it.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # In WAL mode NORMAL may lose the last commits when the power fails. One of them could be
        # the note that a job was paid for, so every commit reaches the disk before it counts.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def write_option() -> dict[str, bool]:
    """The execution option that makes an engine's transactions writing ones."""
    return {_WRITES: True}


class Database:
    """An engine, with reading and writing transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        sqlite = engine.dialect.name == "sqlite"
        # SQLite reads one snapshot in a transaction; PostgreSQL has to be asked for that.
        self._reader = (
            engine if sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._writer = engine.execution_options(**write_option())
        # SQLite has one writer at a time. Writers of this process queue here, first come first
        # served and without holding a connection; only other processes are waited for by polling.
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if sqlite else nullcontext()
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that reads one moment's state. Nothing may be written in it."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: all of it counts at the end, or nothing after an error."""
        async with self._turn, self._writer.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
