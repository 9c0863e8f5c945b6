"""Leaving examples out of a draft: one by one, or a whole kind at once."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from avatar.dataset.kinds import number_of
from avatar.errors import BadText, Expired
from avatar.looking import Looking
from avatar.records import Candidate, Draft, Example, Role, Turn
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, World

REPORT = {"messages": 100, "kept": 66, "dropped": {"links alone": 34}, "masked": {}}


def an_example(reply: str, *, chat: str = "Ann", messages: int = 2) -> Example:
    return Example(
        turns=(Turn(role=Role.USER, text="Hm?"), Turn(role=Role.ASSISTANT, text=reply)),
        weights=(None, None),
        tokens=10,
        source=f"chat.txt: {chat}",
        messages=messages,
    )


EXAMPLES = [
    *(an_example(f"I think that {n} is what we want and what they need") for n in range(10)),
    *(an_example(f"ich glaube nicht dass {n} das ist was wir wollen") for n in range(10)),
    *(an_example(f"ok {n}", chat="Ben") for n in range(5)),
    *(an_example(f"you can call me at [PHONE] and [PHONE], at {n}", chat="Ben") for n in range(5)),
]
HELD_OUT = [an_example("ich bin das nicht", messages=3), an_example("that is the one", messages=3)]


async def a_draft(world: World, examples: Sequence[Example] = EXAMPLES) -> Draft:
    flight = await world.trainings.keep(
        world.avatar,
        examples,
        source="chat.txt",
        person=world.person,
        now=NOW,
        held_out=HELD_OUT,
        import_id=1,
        report=REPORT,
    )
    return flight.draft


def adds_up(draft: Draft) -> bool:
    report = draft.report
    assert report is not None
    out = report.get("left_out", {})
    dropped, kept = report["dropped"], report["kept"]
    assert isinstance(out, dict)
    assert isinstance(dropped, dict)
    assert isinstance(kept, int)
    return report["messages"] == kept + sum(dropped.values()) + sum(out.values())


async def test_the_kinds_that_there_are(world: World) -> None:
    kinds = await Looking(world.store).kinds(await a_draft(world))
    assert {kind.words: kind.examples for kind in kinds} == {
        "in English": 20,
        "in German": 10,
        "from the chat Ann": 20,
        "from the chat Ben": 10,
        "with masked data": 5,
        "with a reply of 10 characters or less": 5,
    }
    assert not any(kind.left_out for kind in kinds)


async def test_a_kind_goes_and_comes_back(world: World) -> None:
    looking, before = Looking(world.store), await a_draft(world)
    german, kinds = await looking.switch(before, number_of("in German"))
    assert kinds == await looking.kinds(german)
    assert (german.example_count, german.left_out) == (20, {"in German": 10})
    assert german.tokens < before.tokens
    assert german.report is not None
    assert german.report["left_out"] == {"in German": 10 * 2 + 3}
    assert (german.report["examples"], german.report["held_out"]) == (20, 1)
    assert german.report["masked"] == {"PHONE": 10}
    assert adds_up(german)
    place = await world.store.draft_example(german.id, place=10)
    assert place is not None
    assert place.turns[-1].text == "ok 0"
    # What is of two kinds stays out until it is of none that is left out.
    ben, _ = await looking.switch(german, number_of("from the chat Ben"))
    assert (ben.example_count, adds_up(ben)) == (10, True)
    masked_back, _ = await looking.switch(ben, number_of("in German"))
    assert (masked_back.example_count, adds_up(masked_back)) == (20, True)
    both_back, _ = await looking.switch(masked_back, number_of("from the chat Ben"))
    assert (both_back.example_count, both_back.tokens) == (30, before.tokens)
    assert both_back.left_out == {}
    assert adds_up(both_back)


async def test_one_by_one(world: World) -> None:
    looking, draft = Looking(world.store), await a_draft(world)
    for _ in range(3):
        draft = await looking.leave_one(draft, 25)
    assert (draft.example_count, draft.left_out) == (27, {"one by one": 3})
    assert adds_up(draft)
    ben, kinds = await looking.switch(draft, number_of("from the chat Ben"))
    assert kinds == await looking.kinds(ben)
    assert ben.left_out == {"one by one": 3, "from the chat Ben": 7}
    back, _ = await looking.switch(ben, number_of("one by one"))
    assert back.left_out == {"from the chat Ben": 10}
    assert adds_up(back)


async def test_the_last_ten_stay(world: World) -> None:
    looking, draft = Looking(world.store), await a_draft(world)
    draft, _ = await looking.switch(draft, number_of("in English"))
    with pytest.raises(BadText, match="10 examples are the least"):
        await looking.switch(draft, number_of("in German"))
    with pytest.raises(BadText, match="only 9 would be left"):
        await looking.leave_one(draft, 0)


async def test_only_what_is_in_is_trained(world: World) -> None:
    looking, draft = Looking(world.store), await a_draft(world)
    draft, _ = await looking.switch(draft, number_of("in German"))
    version = await world.trainings.start(draft.id, person=world.person, address=ADDRESS, now=NOW)
    assert version.example_count == 20
    stored = await world.store.stored_examples(version.id, after=-1, limit=100)
    texts = [example.turns[-1].text for _, example in stored]
    assert len(texts) == 21
    assert not [text for text in texts if "ich" in text]
    with pytest.raises(Expired):
        await looking.switch(draft, number_of("in German"))


async def test_a_kind_that_is_not_there(world: World) -> None:
    with pytest.raises(Expired):
        await Looking(world.store).switch(await a_draft(world), 7)
    with pytest.raises(Expired):
        await Looking(world.store).leave_one(await a_draft(world), 99)


async def test_what_all_are_of_is_not_offered(world: World) -> None:
    same = [replace(EXAMPLES[n], source="file line 1") for n in range(10)]
    draft = await a_draft(world, same)
    assert await Looking(world.store).kinds(draft) == ()


async def test_candidates_come_in_order_and_all_of_them(world: World) -> None:
    draft = await a_draft(world)
    found: list[Candidate] = []
    while batch := await world.store.candidates(
        draft.id, after=found[-1].position if found else -1, limit=7
    ):
        found += batch
    assert [each.position for each in found] == list(range(32))
    assert [each.example.messages for each in found] == [2] * 30 + [3] * 2
    assert [each.held_out for each in found] == [False] * 30 + [True] * 2
