"""Many writers at once: what fails takes back its own writes, and nobody hangs."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database

TABLE = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True))


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/g.db")
    async with made.writing() as write:
        await write.execute(sa.text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    return made


Write = Callable[..., Awaitable[int]]


async def transaction(database: Database, number: int, *, then: Exception | None = None) -> int:
    async with database.writing() as writing:
        await writing.execute(sa.insert(TABLE).values(n=number))
        await asyncio.sleep(0)
        if then is not None:
            raise then
    return number


async def piece(database: Database, number: int, *, then: Exception | None = None) -> int:
    def work(writing: sa.Connection) -> int:
        writing.execute(sa.insert(TABLE).values(n=number))
        if then is not None:
            raise then
        return number

    return await database.write(work)


async def either(database: Database, number: int, *, then: Exception | None = None) -> int:
    return await (piece if number % 2 else transaction)(database, number, then=then)


@pytest.fixture(params=[transaction, piece, either])
def write(request: pytest.FixtureRequest) -> Write:
    """The kinds of transaction; pieces of work share a commit."""
    made: Write = request.param
    return made


async def stored(database: Database) -> set[int]:
    async with database.reading() as read:
        return set((await read.scalars(sa.select(TABLE.c.n))).all())


async def test_one_that_fails_takes_back_its_own_alone(database: Database, write: Write) -> None:
    results = await asyncio.gather(
        *(write(database, n, then=ValueError("no") if n % 5 == 0 else None) for n in range(50)),
        return_exceptions=True,
    )
    done = {result for result in results if isinstance(result, int)}
    assert done == {n for n in range(50) if n % 5}
    assert await stored(database) == done
    await database.close()


async def test_a_broken_rule_takes_back_its_own_alone(database: Database, write: Write) -> None:
    results = await asyncio.gather(
        *(write(database, n % 7) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, int) for result in results) == 7
    assert await stored(database) == set(range(7))
    await database.close()


@pytest.mark.parametrize("turns", [0, 1, 3, 8, 20])
async def test_one_that_is_cancelled_holds_up_nobody(
    database: Database, write: Write, turns: int
) -> None:
    tasks = [asyncio.ensure_future(write(database, n)) for n in range(30)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks[::4]:
        task.cancel()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    written = await stored(database)
    for n, result in enumerate(results):
        assert isinstance(result, int) or n % 4 == 0  # the others lose nothing by it
        if isinstance(result, int):
            assert n in written  # what was said to be done is on the disk
    assert await write(database, 99) == 99  # and work goes on
    assert 99 in await stored(database)
    await database.close()


async def test_without_a_thread_nobody_waits_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(ThreadPoolExecutor, "_adjust_thread_count", refused)
        async with asyncio.timeout(10):
            asked = [piece(database, 1), piece(database, 2)]
            for outcome in await asyncio.gather(*asked, return_exceptions=True):
                assert "new thread" in str(outcome)
    await database.close()
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="after shutdown"):
            await piece(database, 3)
