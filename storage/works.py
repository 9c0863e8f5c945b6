"""Transactions on SQLite that are pieces of work: functions of a connection that await nothing.

A statement of the asynchronous kind costs two or three trips between the event loop and a thread,
and each of them waits for Python's lock; under load they cost more than the statements. A piece of
work is done in one trip, and what waits meanwhile shares the next one: all reads of a trip see one
moment, all writes are committed together. Where one of them fails, they are done again, each
between savepoints of its own: so a piece of work changes nothing but the database.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

Work = Callable[[Connection], Any]

_MOST = 200  # pieces of work in a trip


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Work
    done: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class Works:
    """Two threads with a connection each: one reads, one writes."""

    def __init__(self, engine: Callable[[], Engine], turn: asyncio.Lock) -> None:
        """`turn`: whoever writes in this process waits for it."""
        self._readers = _Trips(engine, _read, nullcontext())
        self._writers = _Trips(engine, _written, turn)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What the work returns, or its error."""
        return cast("T", await self._readers.ask(work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """The same, committed."""
        return cast("T", await self._writers.ask(work))

    async def close(self) -> None:
        """Wait for what is being done, and close the connections."""
        await self._readers.close()
        await self._writers.close()


class _Trips:
    """A thread, its connection, and what waits for it."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        all_of: Callable[[Connection, list[Work]], list[Any]],
        turn: AbstractAsyncContextManager[None],
    ) -> None:
        self._engine = engine
        self._all_of = all_of
        self._turn = turn
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: Connection | None = None
        self._waiting: list[_Asked] = []
        self._trips: asyncio.Task[None] | None = None

    async def ask(self, work: Work) -> Any:
        loop = asyncio.get_running_loop()
        asked = _Asked(work, loop.create_future())
        self._waiting.append(asked)
        if self._trips is None:
            self._trips = asyncio.create_task(self._make_trips())
        return await asked.done

    async def _make_trips(self) -> None:
        loop = asyncio.get_running_loop()
        now: list[_Asked] = []
        try:
            while self._waiting:
                async with self._turn:
                    now, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                    # Whoever went away does not want it done.
                    now = [asked for asked in now if not asked.done.done()]
                    works = [asked.work for asked in now]
                    results = await loop.run_in_executor(self._thread, self._there, works)
                for asked, result in zip(now, results, strict=True):
                    if asked.done.done():
                        continue
                    if isinstance(result, _Failed):
                        asked.done.set_exception(result.error)
                    else:
                        asked.done.set_result(result)
        except Exception as error:  # no thread is to be had, or not any more: nobody waits for ever
            unmade, self._waiting = [*now, *self._waiting], []
            for asked in unmade:
                if not asked.done.done():
                    asked.done.set_exception(error)
        finally:
            self._trips = None

    # In the thread

    def _there(self, works: list[Work]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = self._engine().connect()
            return self._all_of(self._connection, works)
        except Exception as error:
            self._drop()
            return [_Failed(error)] * len(works)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def close(self) -> None:
        if self._trips is not None:
            await asyncio.wait({self._trips})
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()


def _result(work: Work, connection: Connection) -> Any:
    try:
        return work(connection)
    except Exception as error:
        return _Failed(error)


def _read(connection: Connection, works: list[Work]) -> list[Any]:
    with connection.begin():
        connection.exec_driver_sql("BEGIN")
        return [_result(work, connection) for work in works]


def _written(connection: Connection, works: list[Work]) -> list[Any]:
    done = _at_once(connection, works)
    return _one_by_one(connection, works) if done is None else done


def _at_once(connection: Connection, works: list[Work]) -> list[Any] | None:
    """None: one of several failed, and nothing was written. That is rare, and two savepoints for
    each of them cost as much as a third of what they write.
    """
    with connection.begin() as transaction:
        # The write lock at once: see `storage.database.Database.writing`.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        results = []
        for work in works:
            result = _result(work, connection)
            if isinstance(result, _Failed):
                transaction.rollback()
                return [result] if len(works) == 1 else None
            results.append(result)
        return results


def _one_by_one(connection: Connection, works: list[Work]) -> list[Any]:
    """Those that fail take back what they wrote, and no more."""
    with connection.begin():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return [_unit(work, connection) for work in works]


def _unit(work: Work, connection: Connection) -> Any:
    connection.exec_driver_sql("SAVEPOINT work")
    result = _result(work, connection)
    if isinstance(result, _Failed):
        try:
            connection.exec_driver_sql("ROLLBACK TO work")
        except DBAPIError:
            # On a full disk and the like, SQLite has taken back all of it by itself.
            raise result.error from None
    connection.exec_driver_sql("RELEASE work")
    return result
