"""What is held out for comparing stays with the version, and is never trained on."""

from dataclasses import replace

from avatar.records import Example, Role, Turn
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, Remote, World, a_reading


def newest(example: Example) -> Example:
    turns = (Turn(role=Role.USER, text="newest"), Turn(role=Role.ASSISTANT, text="kept apart"))
    return replace(example, turns=turns)


def is_newest(example: Example) -> bool:
    return example.turns[0].text == "newest"


async def test_it_is_not_uploaded_not_even_when_trained_again(world: World) -> None:
    examples = a_reading(20).examples
    flight = await world.trainings.keep(
        world.avatar,
        examples,
        source="chat.txt",
        person=world.person,
        now=NOW,
        held_out=[newest(examples[0]), newest(examples[1])],
    )
    assert flight.draft.example_count == 20
    for number in (1, 2):
        version = await world.trainings.start(
            flight.draft.id, person=world.person, address=ADDRESS, now=NOW
        )
        remote = Remote()
        await world.follow(world.follower(remote))
        (uploaded,) = remote.files.values()
        assert (version.number, len(uploaded)) == (number, 20)
        assert not any(map(is_newest, uploaded))
        stored = await world.store.stored_examples(version.id, after=-1, limit=99)
        assert sum(is_newest(example) for _, example in stored) == 2
        trained = await world.store.stored_examples(version.id, after=-1, limit=99, held_out=False)
        assert not any(is_newest(example) for _, example in trained)
        flight = await world.trainings.again(version, world.avatar, person=world.person, now=NOW)
