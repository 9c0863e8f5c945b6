"""What is said in groups to nobody in particular: when an avatar joins in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from avatar.incoming import Incoming
from avatar.records import Address, Author
from bot.joining import MOST
from bot.overhearing import MOST_PERCENT, Ears
from tests.avatar.make import NOW

PLACE = Address(platform="telegram", chat="-1", thread="3")
BEN = Author(platform="telegram", external_id="2", name="Ben")
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
    assert not await world.hears(author=BEN)
    assert await world.hears(author=BEN)


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


# --- who goes on in a second message does not name the avatar again


NAMED = replace(SAID, update_id="named", addressed=True)


def later(seconds: float, **changes: Any) -> Incoming:
    moment = NOW + timedelta(seconds=seconds)
    return replace(SAID, update_id=f"at {seconds}", sent_at=moment, **changes)


async def followed(*said: Incoming) -> list[str]:
    """What is kept of it, each heard when it was sent."""
    world, kept = World(percent=0), []
    for each in said:
        world.now = each.sent_at
        kept += await world.ears.kept([each])
    return [f"{each.update_id}{' follows' if each.follows else ''}" for each in kept]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([NAMED, later(0.5), later(1.1)], ["named", "at 0.5 follows", "at 1.1 follows"]),
        ([NAMED, later(1.3)], ["named"]),  # longer than it is waited for
        ([later(0.5)], []),  # follows nothing
        ([NAMED, later(0.5, author=BEN)], ["named"]),
        ([NAMED, later(0.3, author=BEN), later(0.5)], ["named", "at 0.5 follows"]),
        (
            [NAMED, later(0.3, author=BEN, addressed=True), later(0.5)],
            ["named", "at 0.3"],  # Ben's turn ended Ann's
        ),
        ([NAMED, later(0.5, address=replace(PLACE, thread="4"))], ["named"]),
        ([NAMED, later(0.5, edited=True)], ["named"]),
        ([replace(NAMED, text="/help"), later(0.5)], ["named"]),  # a command has no parts
        ([NAMED, later(0.2, addressed=True), later(0.5)], ["named", "at 0.2", "at 0.5 follows"]),
        ([NAMED, later(0.5, text="", album="7")], ["named", "at 0.5 follows"]),
    ],
)
async def test_what_follows(said: list[Incoming], kept: list[str]) -> None:
    assert await followed(*said) == kept


async def test_what_follows_is_bounded() -> None:
    many = [later(0.01 * i) for i in range(1, 101)]
    assert len(await followed(NAMED, *many)) == MOST


async def test_what_was_sent_long_ago_does_not_follow() -> None:
    world = World(percent=0)
    assert await world.ears.kept([NAMED, later(5)]) == [NAMED]  # fetched at once
