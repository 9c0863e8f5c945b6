"""A provider's moderation looks at the examples before they are uploaded."""

import pytest

from avatar import batches, screening
from avatar.errors import NotOffered, Overloaded, RemoteNotFound, RequestRefused, WrongKey
from avatar.records import Example, Role, Status, Turn
from bot.cards.notices import notice
from bot.wording import screening_words
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, Remote, Screen, World, a_reading, an_error


async def test_what_is_flagged_is_left_out_and_told(world: World) -> None:
    world.moderator.words = {"Question 3": "violence", "Answer 3": "hate", "Question 5": "hate"}
    version, remote = await world.start(14), Remote()
    await world.follow(world.follower(remote))
    uploaded = next(iter(remote.files.values()))
    assert [e.turns[0].text for e in uploaded] == [
        f"Question {n}" for n in range(14) if n not in {3, 5}
    ]
    found = await world.version(version)
    assert (found.status, found.example_count) == (Status.COMPLETED, 12)
    assert found.unlearnt_at is None  # its model does not know them
    assert found.screening is not None
    assert found.screening["screened"] == 14
    words = screening_words(found.screening, "OpenAI")
    assert words == "Screened by the moderation of OpenAI: 2 examples left out (hate 2, violence 1)"
    (owed,) = [each for each in await world.notices() if each.version_id == version.id]
    assert "2 examples left out (hate 2, violence 1)" in notice(owed, world.avatar, found).text


async def test_nothing_flagged(world: World) -> None:
    version = await world.start(12)
    await world.follow(world.follower(Remote()))
    found = await world.version(version)
    assert found.screening is not None
    assert "nothing was flagged" in screening_words(found.screening, "OpenAI")
    assert found.example_count == 12


async def test_too_few_are_left(world: World) -> None:
    world.moderator.words = {"Question": "violence"}
    version, remote = await world.start(12), Remote()
    await world.follow(world.follower(remote))
    found = await world.version(version)
    assert found.status is Status.FAILED
    assert "only 0 are left; 10 are the least" in (found.error or "")
    assert remote.files == {}


@pytest.mark.parametrize("kind", [NotOffered, RemoteNotFound, RequestRefused])
async def test_a_provider_that_does_not_screen_after_all(
    world: World, kind: type[NotOffered]
) -> None:
    world.moderator.errors = [an_error(kind)]
    version, remote = await world.start(12), Remote()
    await world.follow(world.follower(remote))
    found = await world.version(version)
    assert (found.status, found.example_count) == (Status.COMPLETED, 12)
    assert found.screening is not None
    assert screening_words(found.screening, "OpenAI").startswith("Not screened by OpenAI: ")


async def test_it_is_tried_again_later(world: World) -> None:
    world.moderator.errors = [an_error(Overloaded), an_error(Overloaded)]
    version, remote = await world.start(12), Remote()
    await world.follow(world.follower(remote))
    assert (await world.version(version)).status is Status.COMPLETED
    assert len(world.moderator.asked) == 3
    assert remote.calls.count("upload") == 1


async def test_a_wrong_key_ends_it_as_it_would_the_upload(world: World) -> None:
    world.moderator.errors = [an_error(WrongKey)]
    version, remote = await world.start(12), Remote()
    await world.follow(world.follower(remote))
    assert (await world.version(version)).status is Status.FAILED
    assert remote.files == {}


async def test_it_is_screened_once(world: World) -> None:
    """After a failed upload, what was screened is not screened again."""
    version, remote = await world.start(12), Remote()
    remote.errors["upload"] = [an_error(Overloaded)]
    await world.follow(world.follower(remote))
    assert (await world.version(version)).status is Status.COMPLETED
    assert remote.calls.count("upload") == 2
    assert len(world.moderator.asked) == 1


async def test_batches_and_long_texts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SIZE", 7)
    monkeypatch.setattr(screening, "TEXTS", 3)
    monkeypatch.setattr(screening, "PIECE", 1_000)
    long = Example(
        turns=(
            Turn(role=Role.USER, text="x" * 2_500),
            Turn(role=Role.ASSISTANT, text="bad at the end"),
        ),
        weights=(None, None),
        tokens=1,
        source="x",
        rejected="worse",
    )
    examples = [*a_reading(20).examples, long]
    held_out = [a_reading(1).examples[0]]
    flight = await world.trainings.keep(
        world.avatar,
        examples,
        source="x",
        person=world.person,
        now=NOW,
        held_out=held_out,
    )
    version = await world.trainings.start(
        flight.draft.id, person=world.person, address=ADDRESS, now=NOW
    )
    moderator = Screen(words={"bad": "spam", "worse": "spam"})
    found = await screening.screen(world.store, moderator, version)
    assert (found.screened, found.left_out, dict(found.categories)) == (21, 1, {"spam": 1})
    assert max(map(len, moderator.asked)) <= 3
    assert max(len(text) for texts in moderator.asked for text in texts) <= 1_000
    left = await world.store.stored_examples(version.id, after=-1, limit=99)
    assert len(left) == 20 + 1  # the one held out was not looked at, and stays
