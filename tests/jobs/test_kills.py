"""Killed after any call of a training's walk: one remote job, one notice, the right end."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from avatar.errors import ProviderUnavailable
from avatar.pricing import month_of
from avatar.records import NoticeKind, Status
from avatar.stores import Store
from jobs.follower import LEASE
from tests.jobs.world import COST, Remote, World

MOST = 200  # calls; a walk has far fewer
# Death after one of these leaves the same world as death after the call before it.
READS = frozenset({"avatar", "events", "examples", "find", "job", "job_of", "jobs"})


class Killed(BaseException):
    """The process is gone: nothing that runs after it may matter."""


class Death:
    """Comes right after the call that it was set to; reads do not count."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.calls = 0

    def around(self, port: object) -> Any:
        return _Mortal(port, self)

    def called(self) -> None:
        self.calls += 1
        if self.calls >= self.after:
            raise Killed


class _Mortal:
    """A port that works until death comes; each call has happened when it does."""

    def __init__(self, port: object, death: Death) -> None:
        self._port, self._death = port, death

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        async def call(*args: object, **keywords: object) -> object:
            result = await method(*args, **keywords)
            if name not in READS:
                self._death.called()
            return result

        return call


def plain() -> Remote:
    return Remote()


def failing() -> Remote:
    return Remote("failed")


def made_and_not_told() -> Remote:
    remote = Remote()
    remote.create_then = [ProviderUnavailable()]
    return remote


def not_made_at_first() -> Remote:
    remote = Remote()
    remote.errors["create"] = [ProviderUnavailable()]
    return remote


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (plain, Status.COMPLETED),
        (failing, Status.FAILED),
        (made_and_not_told, Status.COMPLETED),
        (not_made_at_first, Status.COMPLETED),
    ],
)
async def test_a_walk_that_is_killed_after_any_call(
    world: World, make: Callable[[], Remote], status: Status
) -> None:
    kind = {
        Status.COMPLETED: NoticeKind.TRAINING_COMPLETED,
        Status.FAILED: NoticeKind.TRAINING_FAILED,
    }[status]
    for after in range(1, MOST):
        remote, death = make(), Death(after)
        version = await world.start()
        doomed = world.follower(
            death.around(remote), f"doomed {after}", cast(Store, death.around(world.store))
        )
        killed = False
        try:
            await world.follow(doomed)
        except* Killed:
            killed = True
        world.time.now += LEASE
        await world.follow(world.follower(remote, f"next {after}"))

        assert len(remote.made) == 1, f"killed after call {after}"
        ended = await world.version(version)
        assert ended.status is status
        assert [(n.kind, n.version_id) for n in await world.notices()] == [(kind, version.id)]
        if status is Status.COMPLETED:
            assert ended.fine_tuned_model_id == "ft:gpt-4o-mini:o:x:1"
            assert ended.actual_cost == COST
        spending = [
            (line.count, line.cost)
            for line in await world.store.spending(world.avatar.id, month=month_of(world.time.now))
            if line.version_id == version.id
        ]
        assert spending == ([(1, COST)] if status is Status.COMPLETED else [])
        if not killed:
            assert after > 7  # the walk really was killed at each of its calls before
            return
    pytest.fail("the walk never ended")


@pytest.mark.parametrize("cancelled_at", [0, 1, 2, 4])
async def test_a_cancelled_walk_that_is_killed_after_any_call(
    world: World, cancelled_at: int
) -> None:
    """Cancelled before the pass with this number; killed anywhere in or after it."""
    for after in range(1, MOST):
        remote, death = made_and_not_told(), Death(after)
        remote.statuses = ("queued", "running")
        version = await world.start()
        await world.follow(world.follower(remote, f"first {after}"), passes=cancelled_at)
        await world.trainings.cancel(version, now=world.time.now)
        doomed = world.follower(
            death.around(remote), f"doomed {after}", cast(Store, death.around(world.store))
        )
        killed = False
        try:
            await world.follow(doomed)
        except* Killed:
            killed = True
        world.time.now += LEASE
        await world.follow(world.follower(remote, f"next {after}"))

        assert (await world.version(version)).status is Status.CANCELLED
        assert [job.status for job in remote.made.values()] == (
            ["cancelled"] if cancelled_at else []
        )
        assert [n.kind for n in await world.notices()] == [NoticeKind.TRAINING_CANCELLED]
        if not killed:
            assert after > 2
            return
    pytest.fail("the walk never ended")
