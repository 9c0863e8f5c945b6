"""The connection to a database: SQLite by aiosqlite, or PostgreSQL by psycopg 3."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from avatar.errors import AvatarError
from storage.health import Health, trouble
from storage.trips import connect
from storage.works import Works

T = TypeVar("T")

_CONNECTIONS = 4  # to an SQLite file: one writes, the others read
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
        if self.is_sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            arguments, keywords = self.url.get_dialect()().create_connect_args(self.url)
            self.engine = create_async_engine(
                self.url,
                async_creator=partial(connect, *arguments, **{**keywords, **_SQLITE_ARGUMENTS}),
                # All that are ever opened: to open one under load costs more than to wait for one.
                pool_size=_CONNECTIONS,
                max_overflow=0,
                pool_use_lifo=True,
            )
            _set_up_sqlite(self.engine.sync_engine)
        else:
            try:
                self.engine = create_async_engine(self.url, pool_pre_ping=True)
            except ModuleNotFoundError as error:
                raise DatabaseRefused(
                    reason="PostgreSQL needs the package psycopg, which is not installed."
                ) from error
        self._turn = asyncio.Lock()  # SQLite takes one writer at a time: first come, first served
        self._health = Health()
        self._works = Works(self._thread_engine, self._turn) if self.is_sqlite else None
        # On SQLite every transaction sees one moment; PostgreSQL has to be asked for it.
        self._reads = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that reads from one moment. Raises StoreFailed."""
        with self._told():
            async with self._reads.connect() as connection, connection.begin():
                if self.is_sqlite:
                    await connection.exec_driver_sql("BEGIN")
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes; it is on the disk when the context ends. Raises StoreFailed;
        then nothing was written.
        """
        with self._told():
            if self.is_sqlite:
                async with self._turn, self.engine.begin() as connection:
                    # The write lock at once: a transaction that reads first and writes later would
                    # be refused if another process wrote in between.
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")
                    yield connection
            else:
                async with self.engine.begin() as connection:
                    yield connection
        self._health.worked()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """A transaction that reads from one moment, as one piece of work that awaits nothing. On
        SQLite that is one trip to a thread, shared with others, instead of one for a statement.
        """
        if self._works is None:
            async with self.reading() as connection:
                return await connection.run_sync(work)
        with self._told():
            return await self._works.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """A transaction that writes, likewise; it is on the disk when this returns. On SQLite the
        pieces that wait share a commit.
        """
        if self._works is None:
            async with self.writing() as connection:
                return await connection.run_sync(work)
        with self._told():
            done = await self._works.write(work)
        self._health.worked()
        return done

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises StoreFailed where the database is at fault."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            if (what := trouble(error)) is None:
                raise
            raise self._health.failed(what, error) from error

    def blocking_engine(self) -> Engine:
        """An engine for a thread, as Alembic needs it."""
        if self.is_sqlite:
            return create_engine(self.url.set(drivername="sqlite"), connect_args=_SQLITE_ARGUMENTS)
        return create_engine(self.url)

    def _thread_engine(self) -> Engine:
        engine = create_engine(
            self.url.set(drivername="sqlite"), connect_args=_SQLITE_ARGUMENTS, poolclass=NullPool
        )
        _set_up_sqlite(engine)
        return engine

    async def close(self) -> None:
        """Give the connections back."""
        if self._works is not None:
            await self._works.close()
        await self.engine.dispose()


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk when it returns. A paid job must not be forgotten because
        # the power went; NORMAL could lose the last transactions of a WAL.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
