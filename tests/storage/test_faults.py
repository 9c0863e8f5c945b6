"""A database that fails: those who ask hear StoreFailed, the log gets one line, and all works again
when the trouble is over.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from avatar.errors import StoreFailed
from storage import database as module
from storage.database import Database
from storage.health import EVERY, Health

TABLE = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer), sa.Column("text", sa.Text))


class Trouble:
    """What every new connection is told."""

    def __init__(self, database: Database) -> None:
        self.pragma = ""
        self._database = database

        @event.listens_for(database.engine.sync_engine, "connect")
        def connected(connection: Any, _: Any) -> None:
            if self.pragma:
                cursor = connection.cursor()
                cursor.execute(self.pragma)
                cursor.close()

    async def is_(self, pragma: str) -> None:
        """From now on; the connections of before go."""
        self.pragma = pragma
        await self._database.engine.dispose()


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/f.db")
    async with made.writing() as write:
        await write.execute(sa.text("CREATE TABLE t (n INTEGER, text TEXT)"))
    return made


async def put(database: Database, n: int, size: int = 2_000) -> int:
    async with database.writing() as write:
        await write.execute(sa.insert(TABLE).values(n=n, text="x" * size))
    return n


def piece(n: int, size: int = 2_000) -> Callable[[sa.Connection], int]:
    """The same as one piece of work."""

    def work(write: sa.Connection) -> int:
        write.execute(sa.insert(TABLE).values(n=n, text="x" * size))
        return n

    return work


async def stored(database: Database) -> set[int]:
    async with database.reading() as read:
        return set((await read.scalars(sa.select(TABLE.c.n))).all())


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    mine = [record for record in caplog.records if record.name == "storage.health"]
    assert not any(record.exc_info for record in mine)
    return [record.getMessage() for record in mine]


async def test_a_full_disk(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(database)
    await trouble.is_("PRAGMA max_page_count = 30")
    results = await asyncio.gather(*(put(database, n) for n in range(120)), return_exceptions=True)
    done = {result for result in results if isinstance(result, int)}
    assert 0 < len(done) < 120
    for result in results:
        assert isinstance(result, int | StoreFailed)
    assert await stored(database) == done  # what was said to be written is there, and nothing else
    with pytest.raises(StoreFailed):
        await put(database, 500, size=500_000)
    await trouble.is_("PRAGMA max_page_count = 100000")
    assert await put(database, 600, size=500_000) == 600
    assert 600 in await stored(database)
    lines = told(caplog)
    assert lines[0].startswith("the database fails: the disk is full.")
    assert lines[-1].startswith("the database works again")
    await database.close()


async def test_pieces_of_work_on_a_full_disk(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def small(write: sa.Connection) -> None:
        write.exec_driver_sql("PRAGMA max_page_count = 30")

    await database.write(small)  # until its connection goes
    works = (database.write(piece(n)) for n in range(120))
    results = await asyncio.gather(*works, return_exceptions=True)
    done = {result for result in results if isinstance(result, int)}
    assert len(done) < 120
    for result in results:
        assert isinstance(result, int | StoreFailed)
    assert await stored(database) == done
    assert await database.write(piece(600, size=500_000)) == 600
    assert 600 in await stored(database)
    lines = told(caplog)
    assert lines[0].startswith("the database fails: the disk is full.")
    assert lines[-1].startswith("the database works again")
    await database.close()


async def test_a_file_that_may_only_be_read(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    trouble = Trouble(database)
    await trouble.is_("PRAGMA query_only = ON")
    for n in range(5):
        with pytest.raises(StoreFailed):
            await put(database, n)
    assert await stored(database) == set()
    await trouble.is_("PRAGMA query_only = OFF")
    await put(database, 1)
    assert [line.split(".")[0] for line in told(caplog)] == [
        "the database fails: its file may only be read",
        "the database works again (it failed: its file may only be read)",
    ]
    await database.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_locked_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(module._SQLITE_ARGUMENTS, "timeout", 0.05)
    database = Database(f"sqlite:///{tmp_path}/f.db")
    async with database.writing() as write:
        await write.execute(sa.text("CREATE TABLE t (n INTEGER, text TEXT)"))
    with locked(tmp_path / "f.db"):
        for n in range(3):
            with pytest.raises(StoreFailed):
                await put(database, n)
            with pytest.raises(StoreFailed):
                await database.write(piece(n))
        assert await stored(database) == set()  # reading goes on
    await put(database, 7)
    assert await stored(database) == {7}
    assert told(caplog)[0].startswith("the database fails: another process has it locked.")
    assert len(told(caplog)) == 2
    await database.close()


async def test_a_fault_of_a_statement_is_no_trouble(database: Database) -> None:
    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        async with database.writing() as write:
            await write.execute(sa.text("INSERT INTO nowhere VALUES (1)"))
    await database.close()


def test_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    health = Health(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            health.failed("the disk is full", OSError("disk full"))
            now[0] += EVERY / 100
    assert len(told(caplog)) == 10
