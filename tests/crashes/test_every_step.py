"""The process is killed at every step of every walk; after the restart everything is as it should
be: one paid job, one notice, one reply, the pointers right, and nothing stuck.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from avatar.pricing import month_of
from avatar.records import Axis, Status
from storage.store import SqlStore, open_store
from tests.crashes.death import Death
from tests.crashes.world import ADDRESS, AFTER, WAIT, Said, Walk, World

MOST = 400  # steps; a walk has far fewer
SOME = 29  # every so many of them are tried with the other tests

BEGIN = [Said("/newavatar Ani")]
TRAIN = [
    Said("/train", file=True),
    Said(press="gpt-4o-mini"),
    Said(press="Start training"),
    WAIT,
]
WALKS: dict[str, Walk] = {
    "creation": BEGIN,
    "message": [Said("Hello"), Said("And now?"), Said("/retry")],
    "training": TRAIN,
    "switch": [
        Said("/prompt Be X."),
        Said("/prompt Be Y."),
        Said("/restore 1"),
        Said("/undo"),
    ],
    "deletion": [
        Said("/activate 1"),
        Said("/delete 1"),
        Said(press="Delete version 1"),
        WAIT,
    ],
    "cancellation": [Said(press="Start training"), Said("/cancel 1"), WAIT],
    "forgetting": [Said("/forgetme"), Said(press="Delete my messages")],
}
# What happened before a walk begins, in a life without a death: at each step of it another walk is
# killed.
BEFORE: dict[str, Walk] = {
    "creation": [],
    "deletion": [*BEGIN, *TRAIN],
    "cancellation": [*BEGIN, *TRAIN[:2]],
    "forgetting": [*BEGIN, Said("Hello")],
}


async def creation(world: World, store: SqlStore) -> None:
    assert [avatar.slug for avatar in await store.avatars(person_id=None, limit=9)] == ["ani"]
    assert len(await store.owners(1)) == 1


async def message(world: World, store: SqlStore) -> None:
    chat = await store.chat(ADDRESS, now=world.clock())
    context = await store.context(chat.id, limit=50)
    assert [turn.text for turn in context.turns] == [
        "Hello",
        "You said Hello, I heard.",
        "And now?",
        "You said And now?, I heard.",
    ]
    (line,) = await store.spending(1, month=month_of(world.clock()))
    assert line.count == 3  # each reply was paid and stored once


async def trained(world: World, store: SqlStore) -> None:
    version = await store.version(1)
    assert version is not None
    assert version.status is Status.COMPLETED
    assert len(world.remote.made) == 1
    assert len(world.remote.files) == 1
    (line,) = await store.spending(1, month=month_of(world.clock()))
    assert line.count == 1
    assert sum("Deep Training completed" in text for text in world.unmarked()) <= 1
    assert any("Deep Training completed" in text for text in world.chat.texts())


async def training(world: World, store: SqlStore) -> None:
    await trained(world, store)
    avatar = await store.avatar(1)
    assert avatar.active_model_id is None


async def switch(world: World, store: SqlStore) -> None:
    avatar = await store.avatar(1)
    assert avatar.active_prompt_id == 2
    log = await store.activations(1, limit=50)
    assert [(each.axis, each.from_id, each.to_id) for each in reversed(log)] == [
        (Axis.PROMPT, None, 1),
        (Axis.PROMPT, 1, 2),
        (Axis.PROMPT, 2, 1),
        (Axis.PROMPT, 1, 2),
    ]
    assert len(await store.history(1, limit=50, offset=0)) == 2


async def deletion(world: World, store: SqlStore) -> None:
    version = await store.version(1)
    assert version is not None
    assert version.deleted_at is not None
    assert (await store.avatar(1)).active_model_id is None
    assert await store.examples(1, limit=1) == ()
    assert len(world.remote.made) == 1
    assert await store.job_of(1) is None


async def cancellation(world: World, store: SqlStore) -> None:
    version = await store.version(1)
    assert version is not None
    assert version.status in {Status.CANCELLED, Status.COMPLETED}  # it may have been done by then
    assert len(world.remote.made) <= 1
    if version.status is Status.CANCELLED:
        assert [job.status for job in world.remote.made.values()] in ([], ["cancelled"])


async def forgetting(world: World, store: SqlStore) -> None:
    assert await store.count_messages(1) == 0


CHECKS: dict[str, Callable[[World, SqlStore], Awaitable[None]]] = {
    "creation": creation,
    "message": message,
    "training": training,
    "switch": switch,
    "deletion": deletion,
    "cancellation": cancellation,
    "forgetting": forgetting,
}


async def settled(world: World, check: str, usual: Counter[str] | None) -> None:
    """What holds after any walk, and what holds after this one."""
    async with open_store(world.url) as store:
        assert await store.unanswered(limit=1) == ()
        assert await store.next_notice_due() is None
        assert await store.next_job_due() is None
        await CHECKS[check](world, store)
    if usual is not None:
        for text, count in Counter(world.unmarked()).items():
            assert count <= max(1, usual[text]), f"{count} times: {text}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["message", "training", "switch"])
async def test_killed_at_some_steps(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_at(range(SOME - 8, MOST, SOME), name, tmp_path, monkeypatch)


@pytest.mark.endurance
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", WALKS)
async def test_killed_at_every_step(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_at(range(1, MOST), name, tmp_path, monkeypatch)


async def killed_at(
    steps: range, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)  # the dead say nothing
    walk, before, like = WALKS[name], BEFORE.get(name, BEGIN), None
    if before:
        like = World(tmp_path / "before", monkeypatch)
        await like.live(before, begin=0, death=Death())
    dry, world = Death(), World(tmp_path / "0", monkeypatch, like=like)
    await world.live(walk, begin=0, death=dry)
    await settled(world, name, None)
    usual = Counter(world.unmarked())
    for at in steps:
        world, death = World(tmp_path / str(at), monkeypatch, like=like), Death(at)
        place = await world.live(walk, begin=0, death=death)
        if not death.came.is_set():
            assert at > len(dry.steps) // 2  # it was killed at each step before
            break
        world.clock.ahead += AFTER
        try:
            async with asyncio.timeout(20):
                await world.live(walk, begin=place, death=Death())
            await settled(world, name, usual)
        except BaseException as error:
            error.add_note(f"killed at step {at}: {death.steps[-1]}, while {walk[place]}")
            error.add_note("\n---\n".join(world.chat.texts()))
            raise
    else:
        pytest.fail("the walk never ended")
