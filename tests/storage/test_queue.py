"""The queue of many processes, on a real PostgreSQL: each `Process` here has connections of its
own, as a process would.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from procrastinate.schema import SchemaManager

from avatar.incoming import Incoming, Received
from avatar.records import Address, Author
from storage.queue import LOOK_EVERY, PostgresQueue, open_queue
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW
from tests.standins.postgres import Cluster

LISTENERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN%'
"""
WITHIN = 30.0  # seconds for anything, on a busy machine
ANN = Author(platform="telegram", external_id="1", name="Ann")


def said(number: int, *, chat: str = "1", text: str = "") -> Incoming:
    return Incoming(
        update_id=f"{chat}/{number}",
        address=Address(platform="telegram", chat=chat),
        author=ANN,
        message_id=str(number),
        sent_at=NOW,
        text=text or f"{chat}/{number}",
    )


class Process:
    """A process of the installation: what it answers is noted."""

    def __init__(self, store: SqlStore, queue: PostgresQueue, answered: list[str]) -> None:
        self.store = store
        self.queue = queue
        self.answered = answered
        self.began: list[tuple[str, int, int]] = []  # what, tries, attempts before
        self.then: Callable[[Received, int], Awaitable[float | None]] | None = None
        self.new = asyncio.Event()

    async def handle(self, received: Received, tries: int) -> float | None:
        self.began.append((received.incoming.text, tries, received.attempts))
        self.new.set()
        delay = None if self.then is None else await self.then(received, tries)
        if delay is None:
            self.answered.append(received.incoming.text)
            await self.store.done(received.id, now=NOW)
        else:
            await self.store.put_off(received.id, perhaps=False)
        return delay

    async def serve(self) -> None:
        await self.queue.serve({"telegram"}, self.handle)


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
def database(cluster: Cluster | None) -> str:
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    return cluster.create()


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    """Starts processes of one installation."""
    answered: list[str] = []
    async with AsyncExitStack() as stack:

        async def started(
            *, heartbeat: float = 0.5, stalled: float = 60.0, concurrency: int = 10
        ) -> Process:
            @asynccontextmanager
            async def process() -> AsyncIterator[Process]:
                async with (
                    open_store(database) as store,
                    open_queue(
                        store,
                        passes=lambda incoming: incoming.text == "/stop",
                        concurrency=concurrency,
                        clock=lambda: NOW,
                        heartbeat=heartbeat,
                        stalled=stalled,
                    ) as queue,
                ):
                    yield Process(store, queue, answered)

            return await stack.enter_async_context(process())

        yield started


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not what():
            await asyncio.sleep(0.01)


async def quiet(process: Process) -> None:
    async with asyncio.timeout(WITHIN):
        await process.queue.quiet()


async def count(process: Process, query: str) -> int:
    async with process.store.database.reading() as read:
        return int(await read.scalar(sa.text(query)) or 0)


async def test_each_address_in_order_by_two_workers(start: Start) -> None:
    receiver, one, two = await start(), await start(), await start()
    for worker in (one, two):
        worker.then = lambda _, __: asyncio.sleep(0.005)
        await worker.serve()
    for number in range(8):
        for chat in "abcd":
            await receiver.queue.put(said(number, chat=chat))
    await receiver.queue.put(said(0, chat="a"))  # a repetition
    await quiet(receiver)
    for chat in "abcd":
        mine = [text for text in one.answered if text.startswith(chat)]
        assert mine == [f"{chat}/{number}" for number in range(8)]
    assert len(one.began) + len(two.began) == 32
    assert one.began
    assert two.began
    assert await count(one, "SELECT count(*) FROM procrastinate_jobs") == 0
    assert await count(one, "SELECT count(*) FROM procrastinate_events") == 0


async def test_what_passes_the_queue_waits_for_nothing(start: Start) -> None:
    worker, gate = await start(), asyncio.Event()

    async def wait(received: Received, _: int) -> float | None:
        if received.incoming.text != "/stop":
            await gate.wait()
        return None

    worker.then = wait
    await worker.serve()
    await worker.queue.put(said(1), said(2), said(3, text="/stop"))
    await until(lambda: worker.answered == ["/stop"])
    gate.set()
    await quiet(worker)
    assert worker.answered == ["/stop", "1/1", "1/2"]


async def test_put_off_and_in_order_still(start: Start) -> None:
    worker = await start()

    async def twice(received: Received, tries: int) -> float | None:
        return 0.01 if received.incoming.text == "1/1" and tries < 2 else None

    worker.then = twice
    await worker.serve()
    await worker.queue.put(said(1), said(2))
    await quiet(worker)
    assert worker.answered == ["1/1", "1/2"]
    assert worker.began == [("1/1", 0, 0), ("1/1", 1, 1), ("1/1", 2, 1), ("1/2", 0, 0)]


async def test_a_fault_is_tried_again(start: Start) -> None:
    worker = await start()

    async def once(_: Received, tries: int) -> float | None:
        if tries == 0:
            raise RuntimeError("the database went away")
        return None

    worker.then = once
    await worker.serve()
    await worker.queue.put(said(1))
    await quiet(worker)
    assert worker.began == [("1/1", 0, 0), ("1/1", 1, 1)]


async def test_a_stop_reaches_the_worker_that_answers(start: Start) -> None:
    worker, other, stop = await start(), await start(), asyncio.Event()
    stopped: list[Address] = []

    def stop_here(address: Address) -> bool:
        stopped.append(address)
        stop.set()
        return True

    async def stream(_: Received, __: int) -> float | None:
        await stop.wait()
        await asyncio.sleep(0.01)  # what came is stored and shown: that is not broken off
        return None

    worker.then = stream
    worker.queue.stops_by(stop_here)
    await worker.serve()
    await other.queue.put(said(1))
    await until(lambda: bool(worker.began))
    assert await other.queue.stop(said(1, chat="2").address) is False
    assert await other.queue.stop(said(1).address) is True
    await quiet(other)
    assert stopped == [said(1).address]
    assert worker.answered == ["1/1"]


async def test_a_dead_worker_is_taken_over_from(start: Start) -> None:
    dead = await start(heartbeat=3600.0)

    async def hang(_: Received, __: int) -> float | None:
        await asyncio.Event().wait()
        return None

    dead.then = hang
    await dead.serve()
    await dead.queue.put(said(1), said(2))
    await until(lambda: bool(dead.began))
    living = await start(stalled=1.5)
    await living.serve()
    await quiet(living)
    assert living.answered == ["1/1", "1/2"]
    assert living.began[0][0] == "1/1"
    assert living.began[0][2] == 1  # it knows that this was begun before
    assert len(dead.began) == 1


async def hang(_: Received, __: int) -> float | None:
    await asyncio.Event().wait()
    return None


async def hang_as_another_process(url: str) -> None:
    """What the process that is killed runs: it begins what there is, and says so."""
    async with (
        open_store(url) as store,
        open_queue(store, passes=lambda _: False, concurrency=10, clock=lambda: NOW) as queue,
    ):
        worker = Process(store, queue, [])
        worker.then = hang
        await worker.serve()
        await worker.new.wait()
        sys.stdout.write("began\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def test_what_a_killed_process_had_begun_does_not_wait_until_it_counts_as_stalled(
    start: Start, database: str
) -> None:
    living = await start(stalled=3600.0)
    await living.queue.put(said(1), said(2))
    code = f"import asyncio, {__name__} as t; asyncio.run(t.hang_as_another_process({database!r}))"
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    try:
        assert killed.stdout is not None
        async with asyncio.timeout(WITHIN):
            assert await killed.stdout.readline() == b"began\n"
    finally:
        killed.kill()
        await killed.communicate()
    await living.serve()
    await quiet(living)
    assert living.answered == ["1/1", "1/2"]
    assert living.began[0] == ("1/1", 1, 1)


async def test_who_is_late_with_heartbeats_or_lost_a_connection_is_not_dead(start: Start) -> None:
    """Late, as on a busy machine; and a database, or what stands before it, ends connections."""
    slow = await start(heartbeat=3600.0, concurrency=1)
    broken = await start(concurrency=1)
    for worker, chat in ((slow, "1"), (broken, "2")):
        worker.then = hang
        await worker.queue.put(said(1, chat=chat))
        await worker.serve()
        await until(lambda worker=worker: bool(worker.began))  # type: ignore[misc]
    other = await start()
    await other.serve()
    held = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN procrastinate_jobs "
        "ON objid = worker_id AND args->>'place' LIKE '%\"2\"%' WHERE classid = 7301936"
    )
    assert await count(other, held) == 1
    await asyncio.sleep(2.5 * LOOK_EVERY)
    assert other.began == []
    assert await count(other, held) == 1  # it was taken again
    workers = "SELECT count(*) FROM procrastinate_workers"
    assert await count(other, workers) == 3


async def test_the_next_of_an_address_does_not_wait_for_a_poll(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.queue.POLL", 3600.0)
    worker = await start()
    worker.then = lambda _, __: asyncio.sleep(0.05)
    await worker.serve()
    async with asyncio.timeout(WITHIN):  # what is put before it listens waits for the first poll
        while not await count(worker, LISTENERS):
            await asyncio.sleep(0.02)
    await worker.queue.put(*(said(number) for number in range(5)))
    await quiet(worker)
    assert len(worker.answered) == 5


async def test_a_worker_that_ends_hands_over(start: Start) -> None:
    ending, gate = await start(), asyncio.Event()

    async def hang(_: Received, __: int) -> float | None:
        await gate.wait()
        return None

    ending.then = hang
    await ending.serve()
    await ending.queue.put(said(1))
    await until(lambda: bool(ending.began))
    async with asyncio.timeout(WITHIN):
        await ending.queue.close(grace=0.1)
    assert ending.answered == []
    next_ = await start()
    await next_.serve()
    await quiet(next_)
    assert next_.answered == ["1/1"]
    assert await count(next_, "SELECT count(*) FROM incoming WHERE done_at IS NULL") == 0


async def test_what_lies_in_the_inbox_without_a_job_gets_one(start: Start) -> None:
    """As in a database that was copied from SQLite."""
    worker = await start()
    await worker.store.receive(said(1), said(2), now=NOW)
    await worker.serve()
    await until(lambda: worker.answered == ["1/1", "1/2"])
    await quiet(worker)


async def test_only_one_does_what_one_may_do(start: Start) -> None:
    first, second = await start(), await start()
    doing: list[str] = []
    gate = asyncio.Event()

    async def work(name: str) -> None:
        doing.append(name)
        await gate.wait()

    one = asyncio.create_task(first.queue.alone("poll", lambda: work("first")))
    await until(lambda: bool(doing))
    two = asyncio.create_task(second.queue.alone("poll", lambda: work("second")))
    other = asyncio.create_task(second.queue.alone("another", lambda: work("another")))
    await until(lambda: "another" in doing)
    assert "second" not in doing
    one.cancel()
    await until(lambda: "second" in doing)
    gate.set()
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(two, other)


async def test_a_nudge_reaches_whoever_follows(start: Start) -> None:
    worker, jobs, nudged = await start(), await start(), list[int]()
    await jobs.queue.nudges(lambda: nudged.append(1))
    worker.queue.nudge()
    worker.queue.nudge()
    await until(lambda: bool(nudged))


async def test_the_database_goes_away_and_comes_back(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await start()
    await worker.serve()
    await worker.queue.put(said(1))
    await quiet(worker)
    async with worker.store.database.writing() as write:
        await write.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await worker.queue.put(said(2))
    await quiet(worker)
    assert worker.answered == ["1/1", "1/2"]
    assert not [
        record.getMessage()
        for record in caplog.records
        if record.name == "storage.queue" and record.exc_info
    ]


def test_the_schema_is_the_one_that_our_migration_knows() -> None:
    """procrastinate's tables are made by a migration of ours: a newer version that has changed
    them needs another one, which carries out its own.
    """
    scripts = sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    assert scripts[-1] == "03.04.00_50_post_add_retry_failed_job_procedure.sql"


async def test_what_is_only_begun_when_the_end_comes_holds_nothing_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, ending = await start(), await start()
    taken, closing = asyncio.Event(), asyncio.Event()
    begin = ending.store.begin

    async def slow(inbox_id: int) -> Received | None:
        taken.set()
        await closing.wait()
        return await begin(inbox_id)

    async def endless(_: Received, __: int) -> float | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(ending.store, "begin", slow)
    ending.then = endless
    await ending.serve()
    await receiver.queue.put(said(1))
    async with asyncio.timeout(WITHIN):
        await taken.wait()
        end = asyncio.create_task(ending.queue.close(grace=0.1))
        await asyncio.sleep(0.2)
        closing.set()
        await end
    await receiver.serve()
    await quiet(receiver)
    assert receiver.answered == ["1/1"]
