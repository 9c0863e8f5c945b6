"""The daily look at the providers' lists."""

from datetime import timedelta

from avatar.errors import ProviderUnavailable
from avatar.records import Author, Axis, NoticeKind, RemoteModel, Version, Why
from jobs.retirement import RetirementWatch
from tests.jobs.world import ADDRESS, PROVIDERS, Remote, World

BASE = "gpt-4o-mini"


def watch(world: World, remote: Remote) -> RetirementWatch:
    return RetirementWatch(world.store, trainers={"openai": remote}, providers=PROVIDERS)


async def trained(world: World, remote: Remote) -> Version:
    version = await world.start()
    await world.follow(world.follower(remote))
    await world.notices()
    await at_home(world)
    return await world.version(version)


async def at_home(world: World) -> None:
    """The owner has a place where they can be written to."""
    person = world.person
    await world.store.person(
        Author(platform=person.platform, external_id=person.external_id, name=person.name),
        home=ADDRESS,
    )


async def activate(world: World, to: int | None, expected: int | None = None) -> None:
    assert await world.store.switch(
        avatar_id=world.avatar.id,
        axis=Axis.MODEL,
        expected=expected,
        to=to,
        why=Why.ACTIVATED,
        person_id=None,
        now=world.time.now,
    )


async def told(world: World, remote: Remote) -> list[NoticeKind]:
    await watch(world, remote).watch_once(world.time.now)
    owed = await world.notices()
    for notice in owed:
        await world.store.notice_delivered(notice.id, now=world.time.now)
    await world.store.tidy(now=world.time.now)
    return [notice.kind for notice in owed]


async def test_warnings_come_on_their_days_until_the_matter_is_closed(world: World) -> None:
    remote = Remote()
    version = await trained(world, remote)
    await activate(world, version.id)
    day = world.time.now.date() + timedelta(days=61)
    remote.listed = [RemoteModel(id=BASE, ends_on=day), RemoteModel(id="ft:gpt-4o-mini:o:x:1")]
    heard = {}
    for _ in range(100):
        if kinds := await told(world, remote):
            heard[(day - world.time.now.date()).days] = kinds
        world.time.now += timedelta(days=1)
    assert heard == {days: [NoticeKind.MODEL_ENDS] for days in (60, 30, 7, 1, 0)}
    endings = await world.store.endings([("openai", BASE)])
    assert endings["openai", BASE].ends_on == day


async def test_a_base_model_that_ends_is_told_with_its_successor(world: World) -> None:
    remote = Remote()
    await at_home(world)
    day = world.time.now.date() + timedelta(days=7)
    remote.listed = [RemoteModel(id=BASE, ends_on=day)]
    await watch(world, remote).watch_once(world.time.now)
    (notice,) = await world.notices()
    assert notice.kind is NoticeKind.BASE_ENDS
    assert notice.data["successor"] == "gpt-6-luna"
    assert await told(world, remote) == []  # told once


async def test_an_active_model_that_vanished_is_told_once(world: World) -> None:
    remote = Remote()
    version = await trained(world, remote)
    model = version.fine_tuned_model_id or ""
    remote.listed = [RemoteModel(id=BASE), RemoteModel(id=model)]
    await activate(world, version.id)
    assert await told(world, remote) == []
    remote.listed = [RemoteModel(id=BASE)]
    assert await told(world, remote) == []  # the list leaves out what it likes
    remote.gone = {model}
    vanished = world.time.now
    assert await told(world, remote) == [NoticeKind.MODEL_GONE]
    for _ in range(30):
        world.time.now += timedelta(days=1)
        assert await told(world, remote) == []
    ending = (await world.store.endings([("openai", model)]))["openai", model]
    assert ending.vanished_at == vanished


async def test_a_provider_that_does_not_answer_changes_nothing(world: World) -> None:
    remote = Remote()
    version = await trained(world, remote)
    await activate(world, version.id)
    remote.errors["models"] = [ProviderUnavailable()]
    assert await told(world, remote) == []
    nobody = RetirementWatch(world.store, trainers={}, providers=PROVIDERS)
    assert await nobody.watch_once(world.time.now) == 0
    assert await world.version(version) == version
