"""Connections of aiosqlite that make one trip to their thread for a statement.

aiosqlite runs each call of a cursor in the connection's thread: SQLAlchemy makes four for a
statement (open a cursor, execute, fetch, close), some 250 for one answered message. Under load a
trip costs more than what is done at its end, so a statement and its rows are one trip here.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import aiosqlite

Parameters = Iterable[Any]


class TripCursor:
    """What SQLAlchemy needs of an asynchronous cursor. Rows are fetched when it executes."""

    arraysize = 1

    def __init__(self, connection: "TripConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "TripCursor":
        return self

    async def execute(self, statement: str, parameters: Parameters | None = None) -> None:
        """Run a statement and fetch its rows."""
        await self._trip(lambda db: db.execute(statement, _bound(parameters)))

    async def executemany(self, statement: str, parameters: Iterable[Parameters]) -> None:
        """Run a statement many times."""
        rows: Any = parameters
        await self._trip(lambda db: db.executemany(statement, rows))

    async def _trip(self, run: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> None:
        def there() -> sqlite3.Cursor:
            cursor = run(self._connection.database)
            self._rows = cursor.fetchall() if cursor.description else []
            return cursor

        cursor = await self._connection.in_thread(there)
        self.description, self.rowcount = cursor.description, cursor.rowcount
        self.lastrowid = cursor.lastrowid

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing: the rows are here."""


class TripConnection(aiosqlite.Connection):
    """A connection whose cursors make one trip for a statement."""

    def cursor(self) -> TripCursor:  # type: ignore[override]
        """A cursor; it costs nothing."""
        return TripCursor(self)

    @property
    def database(self) -> sqlite3.Connection:
        """To be used in the connection's thread only."""
        return self._conn

    async def in_thread(self, work: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        """Run something in the connection's thread."""
        done: sqlite3.Cursor = await self._execute(work)  # type: ignore[no-untyped-call]
        return done


async def connect(*arguments: Any, **keywords: Any) -> TripConnection:
    """As `aiosqlite.connect`; its thread does not keep the process from ending."""

    def opened() -> sqlite3.Connection:
        database: sqlite3.Connection = sqlite3.connect(*arguments, **keywords)
        return database

    connection = TripConnection(opened, iter_chunk_size=64)
    connection._thread.daemon = True
    await connection
    return connection


def _bound(parameters: Parameters | None) -> Any:
    return () if parameters is None else parameters
