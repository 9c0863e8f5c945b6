"""Passes: never beside themselves, never lost, ended within bounds."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avatar.records import Notice, NoticeKind, Status
from jobs import scheduler
from jobs.notices import Deliverer
from jobs.retention import Retention
from jobs.retirement import RetirementWatch
from jobs.scheduler import Pass, Scheduler
from jobs.timekeeping import Timekeeper
from tests.avatar.make import NOW
from tests.jobs.world import PROVIDERS, Ear, Remote, World


class Step:
    """A step that waits to be let go, and counts."""

    def __init__(self) -> None:
        self.begun = self.done = self.beside = 0
        self.go = asyncio.Event()

    async def __call__(self, now: datetime) -> int:
        self.begun += 1
        self.beside = max(self.beside, self.begun - self.done)
        await self.go.wait()
        self.done += 1
        return 0


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_pass_never_runs_beside_itself_and_once_more_when_asked() -> None:
    step = Step()
    one = Pass(step, clock=lambda: NOW)
    for _ in range(5):
        one.ask()
        await turns()
    assert step.begun == 1
    step.go.set()
    await turns()
    assert (step.done, step.beside) == (2, 1)


async def test_a_request_at_the_very_end_of_a_pass_is_not_lost() -> None:
    runs = 0

    async def step(now: datetime) -> None:
        nonlocal runs
        runs += 1

    one = Pass(step, clock=lambda: NOW)
    for expected in range(1, 20):
        one.ask()
        task = one._task
        assert task is not None
        task.add_done_callback(lambda _: one.ask())  # as soon as it can be known to be over
        await turns()
        assert runs == 2 * expected


async def test_a_pass_that_fails_is_logged_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def step(now: datetime) -> None:
        raise OSError("locked")

    then: list[None] = []
    one = Pass(step, clock=lambda: NOW, then=lambda: then.append(None))
    one.ask()
    await turns()
    one.ask()
    await turns()
    assert len(then) == 2
    assert caplog.text.count("a scheduled step failed") == 2


async def test_finishing_waits_for_a_pass_and_then_cuts_it_off() -> None:
    step = Step()
    one = Pass(step, clock=lambda: NOW)
    one.ask()
    await turns()
    asyncio.get_running_loop().call_later(0.05, step.go.set)
    await one.finish(5)
    assert step.done == 1
    one.ask()
    await turns()
    assert step.begun == 1

    stuck = Step()
    other = Pass(stuck, clock=lambda: NOW)
    other.ask()
    await turns()
    await other.finish(0.05)
    assert (stuck.begun, stuck.done) == (1, 0)


def a_scheduler(world: World, remote: Remote, poll: float) -> Scheduler:
    def clock() -> datetime:
        return datetime.now(UTC)

    follower = world.follower(remote)
    follower._clock = clock
    follower._poll = timedelta(seconds=poll)
    return Scheduler(
        follower=follower,
        deliverer=Deliverer(world.store, herald=world.ear, owner="one", clock=clock),
        watch=RetirementWatch(world.store, trainers={"openai": remote}, providers=PROVIDERS),
        retention=Retention(world.store, keep=None),
        timekeeper=Timekeeper(world.store, poll=timedelta(seconds=poll)),
        poll=timedelta(seconds=poll),
        clock=clock,
    )


async def test_a_training_is_followed_and_told_without_anybody_asking(world: World) -> None:
    told = asyncio.Event()

    class Telling(Ear):
        async def bring(self, notice: Notice) -> None:
            await super().bring(notice)
            told.set()

    world.ear = Telling()
    world.time.now = datetime.now(UTC)
    version = await world.start()
    async with a_scheduler(world, Remote(), 0.05).running(), asyncio.timeout(10):
        await told.wait()
    assert (await world.version(version)).status is Status.COMPLETED
    assert [n.kind for n in world.ear.brought] == [NoticeKind.TRAINING_COMPLETED]


async def test_a_nudge_does_not_wait_for_the_interval(world: World) -> None:
    made = asyncio.Event()

    class Telling(Remote):
        async def upload(self, *args: Any) -> str:
            made.set()
            return await super().upload(*args)

    one = a_scheduler(world, Telling(), 3600)
    async with one.running(), asyncio.timeout(10):
        await asyncio.sleep(0.1)
        world.time.now = datetime.now(UTC)
        await world.start()
        one.nudge()
        await made.wait()


async def test_a_pass_longer_than_its_interval_warns_of_nothing(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "GRACE", 0.05)
    step = Step()
    one = a_scheduler(world, Remote(), 0.02)
    one._follow = Pass(step, clock=lambda: NOW)
    async with one.running():
        await asyncio.sleep(0.2)
    assert step.begun == 1
    assert [r for r in caplog.records if r.levelname in {"WARNING", "ERROR"}] == []


async def test_a_stuck_follower_holds_up_no_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "GRACE", 0.05)
    told = asyncio.Event()

    async def deliver(now: datetime) -> None:
        told.set()

    one = a_scheduler(world, Remote(), 0.02)
    one._follow = Pass(Step(), clock=lambda: NOW)
    one._deliver = Pass(deliver, clock=lambda: NOW)
    async with one.running(), asyncio.timeout(5):
        await told.wait()


def test_importing_it_warns_of_nothing() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import jobs.scheduler"], check=True)
