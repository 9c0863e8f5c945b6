"""Queues by address."""

import asyncio
import logging

import pytest

from avatar.records import Address
from bot.lanes import Lanes

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
