"""The clock goes back while a model is trained: nothing gets stuck, nothing happens twice."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Self

import pytest

from avatar.errors import NotDelivered, StoreFailed
from avatar.records import Status
from jobs import follower, scheduler
from jobs.notices import Deliverer
from jobs.timekeeping import Timekeeper
from tests.jobs.test_scheduler import a_scheduler
from tests.jobs.world import POLL, Remote, World

BACK = [timedelta(hours=1), timedelta(days=1)]
SAID = "the clock went back by "


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("the clock went back")]


def length(back: timedelta) -> str:
    """As the log says it."""
    return str(back)


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_in_the_middle_of_a_training(
    world: World, caplog: pytest.LogCaptureFixture, back: timedelta
) -> None:
    remote, keeper = Remote(), Timekeeper(world.store, poll=POLL)
    version, follow = await world.start(), world.follower(remote)
    await keeper.look(world.time.now)
    await follow.follow_once(world.time.now)  # it is made, and waits for the next poll
    world.time.now -= back
    assert await follow.follow_once(world.time.now) == 0  # it would wait for all that time
    assert await keeper.look(world.time.now)
    began = world.time.now
    await world.follow(follow)
    assert (await world.version(version)).status is Status.COMPLETED
    assert world.time.now - began < timedelta(minutes=5)
    assert (len(remote.made), len(await world.notices())) == (1, 1)
    assert told(caplog)[0].startswith(f"{SAID}{back}, to ")
    assert not await keeper.look(world.time.now)
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_under_a_lease(world: World, back: timedelta) -> None:
    """Who holds it goes on, nobody else takes it meanwhile, and one that was left is free soon."""
    remote, keeper = Remote(), Timekeeper(world.store, poll=POLL)
    version, other = await world.start(), world.follower(remote, owner="two")
    await keeper.look(world.time.now)
    lease = follower.LEASE
    claimed = await world.store.claim_jobs(owner="one", now=world.time.now, lease=lease, limit=9)
    assert len(claimed) == 1
    world.time.now -= back
    await keeper.look(world.time.now)
    assert await other.follow_once(world.time.now) == 0
    await world.store.renew_leases(owner="one", now=world.time.now, lease=lease)
    assert await other.follow_once(world.time.now + lease / 2) == 0
    # Whoever had it is dead: it is free after the length of a lease, as ever.
    world.time.now += lease
    assert await other.follow_once(world.time.now) == 1
    await world.follow(other)
    assert (await world.version(version)).status is Status.COMPLETED
    assert len(remote.made) == 1


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_while_a_notice_is_owed(world: World, back: timedelta) -> None:
    await world.start()
    await world.follow(world.follower(Remote()))
    keeper = Timekeeper(world.store, poll=POLL)
    deliverer = Deliverer(world.store, herald=world.ear, owner="one", clock=world.time)
    await keeper.look(world.time.now)
    world.ear.errors = [NotDelivered(detail="it is down")]
    await deliverer.deliver_once(world.time.now)
    world.time.now -= back
    assert await deliverer.deliver_once(world.time.now) == 0
    await keeper.look(world.time.now)
    assert await deliverer.deliver_once(world.time.now) == 1
    assert await deliverer.deliver_once(world.time.now + timedelta(days=2)) == 0
    assert len(world.ear.brought) == 1


async def test_while_nothing_ran(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Then it is seen by what waits longer than anything is told to wait."""
    remote = Remote()
    version, follow = await world.start(), world.follower(remote)
    await follow.follow_once(world.time.now)
    await Timekeeper(world.store, poll=POLL).look(world.time.now)
    assert not told(caplog)
    world.time.now -= timedelta(hours=1)
    await Timekeeper(world.store, poll=POLL).look(world.time.now)
    assert "the clock went back while nothing ran here: 1 trainings" in told(caplog)[0]
    began = world.time.now
    await world.follow(follow)
    assert (await world.version(version)).status is Status.COMPLETED
    assert world.time.now - began < timedelta(minutes=5)


async def test_what_could_not_be_written_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Timekeeper(world.store, poll=POLL)
    await keeper.look(world.time.now)
    world.time.now -= timedelta(hours=1)

    async def fails(**_: object) -> int:
        raise StoreFailed

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "rewind", fails)
        with pytest.raises(StoreFailed):
            await keeper.look(world.time.now)
    assert await keeper.look(world.time.now)
    assert len(told(caplog)) == 1


async def test_a_clock_that_is_set_right_by_a_little_is_no_news(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Timekeeper(world.store, poll=POLL)
    await keeper.look(world.time.now)
    assert not await keeper.look(world.time.now - timedelta(seconds=1))
    assert not await keeper.look(world.time.now + timedelta(days=1))
    assert not told(caplog)


async def test_the_intervals_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """APScheduler's own reckoning included."""
    back = timedelta()

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Self:
            real = datetime.now(UTC) - back
            return cls.fromtimestamp(real.timestamp(), UTC)

    for name, module in list(sys.modules.items()):
        if name.startswith("apscheduler.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Jumping)
    monkeypatch.setattr(scheduler, "CLOCK_EVERY", 0.05)
    runs = 0

    async def step(now: datetime) -> None:
        nonlocal runs
        runs += 1

    one = a_scheduler(world, Remote(), 0.05)
    one._clock = Jumping.now
    one._follow = scheduler.Pass(step, clock=Jumping.now)
    async with one.running(), asyncio.timeout(10):
        while runs < 3:
            await asyncio.sleep(0.01)
        back = timedelta(hours=1)
        while not told(caplog):
            await asyncio.sleep(0.01)
        before = runs
        while runs < before + 3:
            await asyncio.sleep(0.01)
