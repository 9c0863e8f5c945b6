"""Deep Training up to the follower: epochs, preflight, drafts."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import tokens
from avatar.counting import counted
from avatar.errors import AlreadyDone, Expired, NotYours
from avatar.limiter import Limiter
from avatar.limits import Limits
from avatar.providers import providers_for
from avatar.records import Author, Draft, Person, Status, TrainingType
from avatar.training import DRAFT_LASTS, Trainings, auto_epochs, preflight
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, World, a_reading

OPENAI = providers_for(api_key="k", base_url=None, base_model=None)
EMBEDDED = providers_for(api_key=None, base_url=None, base_model=None)
DRAFT = Draft(
    id=1,
    avatar_id=1,
    person_id=1,
    source="chats.jsonl",
    provider="openai",
    base_model="gpt-4o-mini",
    example_count=100,
    tokens=100_000,
    epochs=3,
    warnings=(),
    created_at=NOW,
    expires_at=NOW + DRAFT_LASTS,
)


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [
        (10, 10),
        (20, 5),
        (25, 4),
        (33, 3),
        (100, 3),
        (8_333, 3),
        (8_334, 2),
        (25_000, 1),
        (10**6, 1),
    ],
)
def test_automatic_epochs(examples: int, epochs: int) -> None:
    assert auto_epochs(examples) == epochs


@given(st.integers(0, 10**7))
def test_automatic_epochs_are_what_openai_takes(examples: int) -> None:
    assert 1 <= auto_epochs(examples) <= 25


def test_a_preflight_says_what_it_takes() -> None:
    flight = preflight(DRAFT, OPENAI, now=NOW)
    assert flight.tokens == 300_000
    assert (flight.cost_low, flight.cost_high) == (810_000, 990_000)  # $0.90 ± 10 %
    assert 600 <= flight.seconds_low < flight.seconds_high
    assert flight.provider.label == "OpenAI"


def test_a_preflight_without_a_price_and_a_free_one() -> None:
    unknown = preflight(replace(DRAFT, base_model="gpt-9"), OPENAI, now=NOW)
    assert (unknown.cost_low, unknown.cost_high) == (None, None)
    embedded = replace(DRAFT, provider="embedded", base_model="imitator-1")
    free = preflight(embedded, EMBEDDED, now=NOW)
    assert (free.cost_low, free.cost_high) == (0, 0)


async def a_draft(world: World) -> int:
    flight = await world.trainings.prepare(
        world.avatar, a_reading(20), person=world.person, now=world.time.now
    )
    return flight.draft.id


async def another(world: World) -> Person:
    return await world.store.person(Author(platform="terminal", external_id="2", name="Ben"))


async def test_a_yes_makes_a_version_in_training(world: World) -> None:
    flight = await world.trainings.prepare(
        world.avatar, a_reading(20), person=world.person, now=world.time.now
    )
    assert (flight.draft.epochs, flight.tokens) == (5, 20 * 17 * 5)
    version = await world.trainings.start(
        flight.draft.id, person=world.person, address=ADDRESS, now=world.time.now
    )
    assert version.training_type is TrainingType.FINE_TUNE
    assert version.status is Status.TRAINING
    assert (version.epochs, version.example_count, version.source) == (5, 20, "chats.jsonl")
    assert (version.estimated_tokens, version.estimated_cost) == (1_700, 5_100)
    job = await world.job(version)
    assert (job.hyperparameters, job.address) == ({"n_epochs": 5}, ADDRESS)
    assert len(job.key) == 32
    assert world.nudges == [None]
    assert len(await world.store.examples(version.id, limit=99)) == 20


@pytest.mark.parametrize(("asked", "epochs"), [(7, 7), (0, 1), (-3, 1), (51, 50)])
async def test_epochs_can_be_changed_within_bounds(world: World, asked: int, epochs: int) -> None:
    draft_id = await a_draft(world)
    flight = await world.trainings.set_epochs(
        draft_id, asked, person=world.person, now=world.time.now
    )
    assert (flight.draft.epochs, flight.tokens) == (epochs, 340 * epochs)
    version = await world.trainings.start(
        draft_id, person=world.person, address=ADDRESS, now=world.time.now
    )
    assert (version.epochs, version.estimated_tokens) == (epochs, 340 * epochs)


async def each_refused(
    world: World, draft_id: int, person: Person, error: type[Exception], match: str
) -> None:
    trainings, now = world.trainings, world.time.now
    with pytest.raises(error, match=match):
        await trainings.start(draft_id, person=person, address=ADDRESS, now=now)
    with pytest.raises(error, match=match):
        await trainings.set_epochs(draft_id, 4, person=person, now=now)
    with pytest.raises(error, match=match):
        await trainings.drop(draft_id, person=person, now=now)


async def test_a_button_pressed_twice_says_as_what_it_was_started(world: World) -> None:
    draft_id = await a_draft(world)
    await world.trainings.start(draft_id, person=world.person, address=ADDRESS, now=world.time.now)
    await each_refused(world, draft_id, world.person, AlreadyDone, "started as version 1")
    assert len(await world.store.history(world.avatar.id, limit=9, offset=0)) == 1
    assert world.nudges == [None]


async def test_another_persons_question_is_not_answered(world: World) -> None:
    await each_refused(
        world, await a_draft(world), await another(world), NotYours, "Only the person"
    )


async def test_a_draft_ends_after_a_day(world: World) -> None:
    draft_id = await a_draft(world)
    world.time.now += DRAFT_LASTS
    await each_refused(world, draft_id, world.person, Expired, "/train")


async def test_a_draft_for_another_provider_has_ended(world: World) -> None:
    draft_id = await a_draft(world)
    limiter = Limiter(world.store, limits=Limits(), operators=())
    trainings = Trainings(world.store, providers=EMBEDDED, limiter=limiter, nudge=lambda: None)
    with pytest.raises(Expired):
        await trainings.start(draft_id, person=world.person, address=ADDRESS, now=world.time.now)


async def test_a_dropped_draft_is_gone(world: World) -> None:
    draft_id = await a_draft(world)
    await world.trainings.drop(draft_id, person=world.person, now=world.time.now)
    await each_refused(world, draft_id, world.person, Expired, "/train")
    await each_refused(world, 999, world.person, Expired, "/train")


async def test_two_who_start_at_once_make_one_version(world: World) -> None:
    draft_id = await a_draft(world)
    results = await asyncio.gather(
        *(
            world.trainings.start(
                draft_id, person=world.person, address=ADDRESS, now=world.time.now
            )
            for _ in range(5)
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["AlreadyDone"] * 4 + ["Version"]


async def test_tokens_are_counted_with_the_models_vocabulary(world: World) -> None:
    flight = await world.trainings.prepare(
        world.avatar, a_reading(20), person=world.person, now=world.time.now
    )
    assert flight.counted_with == flight.draft.counted_with == "o200k_base"
    count = tokens.tokenizer("gpt-4o")
    assert count is not None
    read = a_reading(20).examples
    texts = [[turn.text for turn in example.turns] for example in read]
    assert flight.draft.tokens == sum(tokens.of_conversation(each, count.count) for each in texts)
    assert flight.cost and flight.cost_low and flight.cost_high
    assert flight.cost_low > flight.cost * 0.94  # nearer than an estimate


async def test_stored_examples_are_counted_anew_for_another_model(world: World) -> None:
    """What was estimated is counted when it is trained again where that can be done."""
    limiter = Limiter(world.store, limits=Limits(), operators=())
    there = Trainings(world.store, providers=EMBEDDED, limiter=limiter, nudge=lambda: None)
    wrong = [replace(each, tokens=1) for each in a_reading(20).examples]
    flight = await there.keep(
        world.avatar, wrong, source="x", person=world.person, now=world.time.now
    )
    assert (flight.counted_with, flight.draft.tokens) == (None, 20)
    version = await there.start(
        flight.draft.id, person=world.person, address=ADDRESS, now=world.time.now
    )
    again = await world.trainings.again(
        version, world.avatar, person=world.person, now=world.time.now
    )
    assert (again.counted_with, again.draft.tokens) == ("o200k_base", 340)
    first = await world.store.draft_example(again.draft.id, place=0)
    assert first is not None
    assert first.tokens == 17


async def test_without_the_package_tokens_are_estimated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "can_count", lambda: False)
    flight = await world.trainings.prepare(
        world.avatar, a_reading(20), person=world.person, now=world.time.now
    )
    assert (flight.counted_with, flight.draft.counted_with) == (None, None)


async def test_pairs_are_counted_with_both_answers(world: World) -> None:
    pair = replace(a_reading(1).examples[0], rejected="Something else entirely, to be sure")
    (counted_one,), name = counted([pair], "ft:gpt-4o:org::1")
    assert name == "o200k_base"
    assert counted_one.tokens > a_reading(1).examples[0].tokens + 7
