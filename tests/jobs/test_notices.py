"""Each notice until it has arrived, or can never arrive."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from avatar.errors import NotDelivered, Unreachable
from avatar.records import Address, NewNotice, Notice, NoticeKind
from jobs import notices
from jobs.notices import GIVE_UP, MAX_DELAY, Deliverer
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, Ear, World


async def owe(world: World, *keys: str, address: Address = ADDRESS) -> None:
    await world.store.add_notices(
        [
            NewNotice(
                kind=NoticeKind.MODEL_GONE, key=key, address=address, avatar_id=world.avatar.id
            )
            for key in keys
        ],
        now=world.time.now,
    )


def deliverer(world: World, owner: str = "one") -> Deliverer:
    return Deliverer(world.store, herald=world.ear, owner=owner, clock=world.time)


async def test_a_notice_is_brought_once(world: World) -> None:
    await owe(world, "a", "b", "a")
    assert await deliverer(world).deliver_once(world.time.now) == 2
    assert await deliverer(world).deliver_once(world.time.now + timedelta(days=1)) == 0
    assert len(world.ear.brought) == 2
    assert await world.store.next_notice_due() is None


async def test_one_address_gets_its_notices_in_order(world: World) -> None:
    for n in range(12):
        await owe(world, f"k{n}", address=Address(platform="terminal", chat=str(n % 3)))
    await deliverer(world).deliver_once(world.time.now)
    by_chat: dict[str, list[int]] = {}
    for notice in world.ear.brought:
        by_chat.setdefault(notice.address.chat, []).append(notice.id)
    assert len(by_chat) == 3
    assert all(ids == sorted(ids) and len(ids) == 4 for ids in by_chat.values())


async def test_who_cannot_be_reached_is_not_tried_again(world: World) -> None:
    await owe(world, "a")
    world.ear.errors = [Unreachable(detail="blocked")]
    await deliverer(world).deliver_once(world.time.now)
    assert await world.store.next_notice_due() is None
    assert world.ear.brought == []


async def delays(world: World, errors: Sequence[Exception]) -> list[float]:
    """Seconds until the next try, after each error."""
    found = []
    world.ear.errors = list(errors)
    for _ in errors:
        due = await world.store.next_notice_due()
        assert due is not None
        world.time.now = max(world.time.now, due)
        assert await deliverer(world).deliver_once(world.time.now) == 1
        due = await world.store.next_notice_due()
        assert due is not None
        found.append((due - world.time.now).total_seconds())
    return found


async def test_delays_grow_until_an_hour(world: World) -> None:
    await owe(world, "a")
    waits = await delays(world, [NotDelivered() for _ in range(12)])
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == MAX_DELAY.total_seconds()
    assert await world.store.next_notice_due() is not None


async def test_a_platform_that_says_when_is_obeyed(world: World) -> None:
    await owe(world, "a")
    assert await delays(world, [NotDelivered(retry_after=300), NotDelivered(retry_after=1)]) == [
        300,
        20,
    ]


async def test_an_unforeseen_error_is_logged_and_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await owe(world, "a", "b")
    world.ear.errors = [ZeroDivisionError(), None]
    await deliverer(world).deliver_once(world.time.now)
    assert len(world.ear.brought) == 1
    assert "ZeroDivisionError" in caplog.text
    world.time.now += timedelta(minutes=1)
    await deliverer(world).deliver_once(world.time.now)
    assert len(world.ear.brought) == 2


async def test_after_three_days_it_is_given_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await owe(world, "a")
    world.ear.errors = [NotDelivered(), NotDelivered(detail="still no")]
    await deliverer(world).deliver_once(world.time.now)
    world.time.now = NOW + GIVE_UP + timedelta(seconds=1)
    await deliverer(world).deliver_once(world.time.now)
    assert await world.store.next_notice_due() is None
    assert "given up: still no" in caplog.text


async def test_a_store_that_breaks_stops_no_other_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owe(world, "a")
    await owe(world, "b", address=Address(platform="terminal", chat="2"))
    delivered = world.store.notice_delivered
    broke: list[int] = []

    async def breaking(notice_id: int, **keywords: object) -> None:
        if not broke:
            broke.append(notice_id)
            raise OSError
        await delivered(notice_id, now=world.time.now)

    monkeypatch.setattr(world.store, "notice_delivered", breaking)
    assert await deliverer(world).deliver_once(world.time.now) == 2
    assert len(world.ear.brought) == 2
    world.time.now += timedelta(minutes=2)  # its lease has ended: rather twice than never
    assert await deliverer(world).deliver_once(world.time.now) == 1


async def test_a_slow_chat_holds_up_no_other(world: World) -> None:
    arrived = asyncio.Event()

    class Waiting(Ear):
        async def bring(self, notice: Notice) -> None:
            if notice.address == ADDRESS:
                await arrived.wait()
            else:
                arrived.set()

    world.ear = Waiting()
    await owe(world, "a")
    await owe(world, "b", address=Address(platform="terminal", chat="2"))
    async with asyncio.timeout(5):
        assert await deliverer(world).deliver_once(world.time.now) == 2


class Renewals:
    """Leases of a hundredth of a second, and each renewal told of."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notices, "LEASE", timedelta(seconds=0.03))
        self._renew = world.store.renew_notices
        self._renewed = asyncio.Condition()
        monkeypatch.setattr(world.store, "renew_notices", self._told)

    async def _told(self, **keywords: Any) -> frozenset[int]:
        held = await self._renew(**keywords)
        async with self._renewed:
            self._renewed.notify_all()
        return held

    async def one_more(self) -> None:
        """The next one that begins from now on."""
        async with asyncio.timeout(30), self._renewed:
            for _ in range(2):  # the first may have begun before
                await self._renewed.wait()


async def test_what_waits_behind_a_slow_one_is_not_brought_by_others_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = Renewals(world, monkeypatch)

    class Slow(Ear):
        async def bring(self, notice: Notice) -> None:
            for _ in range(4):
                world.time.now += notices.LEASE / 2
                await renewals.one_more()
            assert await deliverer(world, "two").deliver_once(world.time.now) == 0
            await super().bring(notice)

    world.ear = Slow()
    await owe(world, "a", "b")
    assert await deliverer(world).deliver_once(world.time.now) == 2
    assert len(world.ear.brought) == 2


async def test_what_was_lost_to_another_is_left_to_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = Renewals(world, monkeypatch)
    other = Ear()

    class Suspended(Ear):
        async def bring(self, notice: Notice) -> None:
            world.time.now += notices.LEASE * 2
            two = Deliverer(world.store, herald=other, owner="two", clock=world.time)
            assert await two.deliver_once(world.time.now) == 2
            await renewals.one_more()
            await super().bring(notice)

    world.ear = Suspended()
    await owe(world, "a", "b")
    assert await deliverer(world).deliver_once(world.time.now) == 2
    assert len(other.brought) == 2
    assert len(world.ear.brought) == 1  # which was on its way already
