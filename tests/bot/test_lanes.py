"""Queues by address."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from avatar.incoming import Incoming, Received
from avatar.records import Address, Author
from bot import lanes as module
from bot.lanes import LaneQueue, Lanes
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW

A = Address(platform="terminal", chat="a")
B = Address(platform="terminal", chat="b")


async def test_one_address_in_order_others_at_once() -> None:
    lanes, order, gate = Lanes(), list[str](), asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        order.append("a1")

    async def note(name: str) -> None:
        order.append(name)

    lanes.put(A, slow)
    lanes.put(A, lambda: note("a2"))
    lanes.put(B, lambda: note("b1"))
    await lanes.settled(B)
    assert order == ["b1"]
    gate.set()
    await lanes.settled(A)
    assert order == ["b1", "a1", "a2"]
    await lanes.close(grace=1)


async def test_a_failure_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lanes, done = Lanes(), asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("boom")

    async def works() -> None:
        done.set()

    with caplog.at_level(logging.CRITICAL + 1, logger="bot.lanes"):
        lanes.put(A, fails)
        lanes.put(A, works)
        await lanes.settled(A)
    assert done.is_set()
    await lanes.close(grace=1)


async def test_close_cancels_what_does_not_end_and_takes_nothing_more() -> None:
    lanes, cancelled, later = Lanes(), asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def never() -> None:
        later.set()

    lanes.put(A, hangs)
    lanes.put(A, never)
    lanes.put_later(0.01, B, never)
    await asyncio.sleep(0)
    await lanes.close(grace=0.01)
    lanes.put(B, never)
    await asyncio.sleep(0.05)
    assert cancelled.is_set()
    assert not later.is_set()


async def test_later() -> None:
    lanes, done = Lanes(), asyncio.Event()

    async def works() -> None:
        done.set()

    lanes.put_later(0.01, A, works)
    await asyncio.wait_for(done.wait(), 5)
    await lanes.close(grace=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/avatar.db") as opened:
        yield opened


def said(number: int, address: Address = A) -> Incoming:
    return Incoming(
        update_id=str(number),
        address=address,
        author=Author(platform=address.platform, external_id="1", name="Ann"),
        message_id=str(number),
        sent_at=NOW,
        text=str(number),
    )


def a_queue(store: SqlStore) -> LaneQueue:
    return LaneQueue(store, passes=lambda incoming: incoming.text == "0", clock=lambda: NOW)


async def test_all_that_waited_is_answered_after_the_start(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 3)
    left = replace(A, platform="discord")  # which is not served any more
    await store.receive(*(said(number, left) for number in range(7)), now=NOW)
    await store.receive(*(said(number) for number in range(1, 9)), now=NOW)
    answered: list[str] = []

    async def handle(received: Received, _: int) -> None:
        answered.append(received.incoming.text)
        await store.done(received.id, now=NOW)

    queue = a_queue(store)
    await queue.serve({"terminal"}, handle)
    await queue.quiet()
    assert answered == [str(number) for number in range(1, 9)]


async def test_what_passes_the_queue_gets_its_seconds_at_the_end(store: SqlStore) -> None:
    begun, ended = asyncio.Event(), list[str]()

    async def handle(received: Received, _: int) -> None:
        begun.set()
        try:
            await asyncio.sleep(0.05)
            await store.done(received.id, now=NOW)
            ended.append("answered")
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
            ended.append("cancelled")
            raise

    for grace, end in ((5.0, "answered"), (0.0, "cancelled")):
        queue = a_queue(store)
        await queue.serve({"terminal"}, handle)
        begun.clear()
        await queue.put(replace(said(0), update_id=end))
        await begun.wait()
        await queue.close(grace=grace)
        assert ended[-1] == end
