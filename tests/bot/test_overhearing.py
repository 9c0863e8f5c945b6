"""What is said in groups to nobody in particular: when an avatar joins in."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from avatar.records import Address, Author, Incoming
from bot.overhearing import MOST_PERCENT, Ears
from tests.avatar.make import NOW

PLACE = Address(platform="telegram", chat="-1", thread="3")
SAID = Incoming(
    update_id="1",
    address=PLACE,
    author=Author(platform="telegram", external_id="1", name="Ann"),
    message_id="1",
    sent_at=NOW,
    text="nice weather",
    private=False,
    addressed=False,
)


class Places:
    """A store that knows how talkative one place is."""

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.asked = 0

    async def talkative(self, address: Address) -> int:
        self.asked += 1
        return self.percent if address == PLACE else 0


class World:
    def __init__(self, percent: int = 20, chance: float = 0.0) -> None:
        self.places = Places(percent)
        self.now = NOW
        self.chance = chance
        self.ears = Ears(
            self.places,  # type: ignore[arg-type]  # no more is needed
            clock=self.time,
            chance=lambda: self.chance,
        )
        self.count = 0

    def time(self) -> datetime:
        return self.now

    async def hears(self, **changes: object) -> bool:
        self.count += 1
        said = replace(SAID, update_id=str(self.count), **changes)  # type: ignore[arg-type]
        return await self.ears.kept([said]) == [said]


async def test_by_default_an_avatar_speaks_only_when_it_is_asked() -> None:
    world = World(percent=0)
    assert not await world.hears()
    assert await world.hears(addressed=True)
    assert await world.hears(private=True)
    assert world.places.asked == 1


async def test_never_twice_in_a_row() -> None:
    world = World()
    assert [await world.hears() for _ in range(6)] == [True, False, True, False, True, False]
    assert await world.hears(addressed=True)  # it is asked, and answers
    assert not await world.hears()
    assert await world.hears()


@pytest.mark.parametrize(("chance", "joins"), [(0.19, True), (0.21, False), (0.999, False)])
async def test_by_chance(chance: float, joins: bool) -> None:
    assert await World(chance=chance).hears() is joins


async def test_the_chance_is_bounded() -> None:
    assert not await World(percent=100, chance=MOST_PERCENT / 100 + 0.01).hears()


async def test_only_the_newest_message_and_no_old_one() -> None:
    world = World()
    one, two = replace(SAID, update_id="a"), replace(SAID, update_id="b")
    assert await world.ears.kept([one, two]) == [two]
    assert not await World().hears(sent_at=NOW - timedelta(minutes=2))
    assert not await World().hears(text=" ")


async def test_a_place_is_looked_up_now_and_then() -> None:
    world = World(chance=0.9)
    for _ in range(5):
        await world.hears()
    assert world.places.asked == 1
    world.now += timedelta(minutes=1)
    await world.hears(sent_at=world.now)
    assert world.places.asked == 2
