"""The provider, or a platform, is down for an hour: what waits is followed and told after it."""

from datetime import timedelta

import pytest

from avatar.errors import NotDelivered, ProviderUnavailable
from avatar.records import Status
from jobs.notices import Deliverer
from tests.jobs.world import Remote, World

HOUR = timedelta(hours=1)


async def test_the_provider_is_down(world: World, caplog: pytest.LogCaptureFixture) -> None:
    remote = Remote()
    version = await world.start()
    down_until = world.time.now + HOUR
    follower = world.follower(remote)
    passes = 0
    while world.time.now < down_until:
        for method in ("upload", "create", "find", "job", "jobs"):
            remote.errors[method] = [ProviderUnavailable(detail="it is down")]
        await world.follow(follower, passes=1)
        passes += 1
        assert passes < 500
    remote.errors.clear()
    await world.follow(follower)
    assert (await world.version(version)).status is Status.COMPLETED
    assert len(remote.made) == 1
    assert len(await world.notices()) == 1
    lines = [record for record in caplog.records if record.name.startswith("jobs")]
    assert lines
    assert len(lines) <= passes + 1  # one line a look
    assert not any(record.exc_info for record in lines)


async def test_telegram_is_down(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.start()
    await world.follow(world.follower(Remote()))
    deliverer = Deliverer(world.store, herald=world.ear, owner="one", clock=world.time)
    down_until = world.time.now + HOUR
    tries = 0
    while (due := await world.store.next_notice_due()) is not None:
        world.time.now = max(world.time.now, due)
        if world.time.now < down_until:
            world.ear.errors = [NotDelivered(detail="it is down")]
        tries += await deliverer.deliver_once(world.time.now)
        assert tries < 50
    assert len(world.ear.brought) == 1
    assert not world.ear.brought[0].perhaps  # it surely did not arrive before
    assert world.time.now < down_until + HOUR
    assert tries > 3
    assert not any(record.exc_info for record in caplog.records)


async def test_what_may_have_arrived_says_so(world: World) -> None:
    await world.start()
    await world.follow(world.follower(Remote()))
    deliverer = Deliverer(world.store, herald=world.ear, owner="one", clock=world.time)
    world.ear.errors = [NotDelivered(perhaps=True, detail="the answer got lost")]
    await deliverer.deliver_once(world.time.now)
    world.time.now += HOUR
    await deliverer.deliver_once(world.time.now)
    assert [notice.perhaps for notice in world.ear.brought] == [True]
