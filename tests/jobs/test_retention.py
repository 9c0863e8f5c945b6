"""Messages go by their age, with their replies; what was spent stays counted."""

from datetime import datetime, timedelta

import pytest

from avatar.incoming import Incoming
from avatar.limits import Limits, budgets
from avatar.pricing import month_of
from avatar.records import Author, Message
from jobs.retention import Retention
from jobs.timekeeping import AHEAD, BELIEVED, Trust
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, World
from tests.storage.steps import exchange

YEAR = timedelta(days=365)
LONG_AGO = NOW - timedelta(days=400)


async def said(world: World, inbox_id: int, at: datetime) -> Message:
    store = world.store
    person = await store.person(Author(platform="terminal", external_id="1", name="Ann"))
    message = await exchange(
        store,
        person,
        inbox_id,
        said=f"question {inbox_id}",
        reply="answer",
        said_at=at,
        now=at,
        address=ADDRESS,
        cost=1,
    )
    assert message is not None
    await store.shown_as(message.id, address=ADDRESS, platform_ids=[str(inbox_id)])
    return message


def from_ann(update_id: str) -> Incoming:
    return Incoming(
        update_id=update_id,
        address=ADDRESS,
        author=Author(platform="terminal", external_id="1", name="Ann"),
        message_id="1",
        sent_at=NOW,
    )


class Running:
    """How long the process runs, in seconds."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Tidying:
    """A process that deletes what is older than a year, and its clock."""

    def __init__(self, world: World, now: datetime = NOW, *, keep: timedelta | None = YEAR) -> None:
        self.world = world
        self.now = now
        self.running = Running()
        self._retention = Retention(
            world.store, keep=keep, pause=0, trust=Trust(running=self.running)
        )

    async def tidy(self, *, later: timedelta = timedelta(), jump: timedelta = timedelta()) -> int:
        """Time goes by, and the clock jumps."""
        self.running.time += later.total_seconds()
        self.now += later + jump
        return await self._retention.tidy_once(self.now)


async def left(world: World) -> list[str]:
    chat = await world.store.chat(ADDRESS, now=NOW)
    turns = (await world.store.context(chat.id, limit=5_000)).turns
    return [turn.text for turn in turns if turn.text.startswith("question")]


async def test_what_is_older_goes_and_the_rest_stays(world: World) -> None:
    for inbox_id in range(1, 4):
        await said(world, inbox_id, LONG_AGO)
    kept = await said(world, 4, NOW - timedelta(days=364))
    late = await said(world, 5, LONG_AGO)  # written long ago, received after a younger one
    tidying = Tidying(world)
    assert await tidying.tidy() == 0  # nothing was said for so long: is it really that late?
    assert await tidying.tidy(later=BELIEVED) == 8
    assert await left(world) == ["question 4"]
    assert await world.store.find_message(ADDRESS, "4") == kept
    assert await world.store.find_message(ADDRESS, "5") is None
    assert await tidying.tidy() == 0
    spent = await world.store.spending(late.avatar_id, month=month_of(LONG_AGO))
    assert [each.count for each in spent if each.kind == "chat"] == [4]


async def test_without_an_age_everything_is_kept(world: World) -> None:
    await said(world, 1, LONG_AGO)
    tidying = Tidying(world, keep=None)
    assert await tidying.tidy() == await tidying.tidy(later=BELIEVED) == 0
    assert await left(world) == ["question 1"]


async def test_many_go_in_bounded_steps(world: World) -> None:
    for inbox_id in range(1, 8):
        await said(world, inbox_id, LONG_AGO)
    steps, after = [], 0
    while True:
        dropped = await world.store.drop_messages(before=NOW, after=after, limit=4)
        steps.append(dropped.count)
        if dropped.looked_to is None:
            break
        after = dropped.looked_to
    assert steps == [4, 4, 4, 2]


async def test_answered_messages_leave_the_inbox_however_many_there_are(world: World) -> None:
    incoming = [from_ann(str(n)) for n in range(2_100)]
    received = await world.store.receive(*incoming, now=LONG_AGO)
    for each in received[1:]:
        await world.store.done(each.id, now=LONG_AGO)
    await Retention(world.store, keep=None, pause=0).tidy_once(NOW)
    # They came again if their ids were not known any more: all of them are gone but one.
    again = await world.store.receive(*incoming, now=NOW)
    assert len(again) == 2_099


# --- a clock that is ahead


async def a_year_in_use(world: World) -> list[str]:
    """Something old, and something new; what should be left."""
    await said(world, 1, LONG_AGO)
    for inbox_id, days in ((2, 364), (3, 30), (4, 0)):
        await said(world, inbox_id, NOW - timedelta(days=days))
    return ["question 2", "question 3", "question 4"]


async def test_a_clock_that_is_a_year_ahead_for_one_tick_costs_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    kept = await a_year_in_use(world)
    wanted = budgets(world.avatar, Limits(cost_per_month=9), person_id=None, now=NOW)
    await world.store.settle(wanted, 9)
    tidying = Tidying(world)
    assert await tidying.tidy() == 2
    tick = timedelta(minutes=10)
    assert await tidying.tidy(later=tick, jump=YEAR) == 0
    assert "365 days, 0:00:00 later than was to be expected" in caplog.text
    assert await tidying.tidy(later=tick, jump=-YEAR) == 0
    assert await left(world) == kept
    assert {each.cost for each in await world.store.filled(wanted)} == {9}  # no second budget
    # It goes on as before.
    assert await tidying.tidy(later=timedelta(days=2)) == 2
    assert await left(world) == kept[1:]


async def test_a_clock_that_stays_ahead_is_believed_in_the_end(world: World) -> None:
    await a_year_in_use(world)
    tidying = Tidying(world)
    await tidying.tidy()
    assert await tidying.tidy(jump=timedelta(days=340)) == 0
    assert await tidying.tidy(later=BELIEVED - timedelta(seconds=1)) == 0
    assert await tidying.tidy(later=timedelta(seconds=1)) == 4
    assert await left(world) == ["question 4"]


async def test_it_must_have_been_ahead_for_that_long_at_a_stretch(world: World) -> None:
    kept = await a_year_in_use(world)
    tidying = Tidying(world)
    await tidying.tidy()
    for _ in range(3):
        assert await tidying.tidy(jump=YEAR) == 0
        assert await tidying.tidy(later=BELIEVED / 2, jump=-YEAR) == 0
    assert await left(world) == kept


async def test_a_process_that_starts_with_a_wrong_clock_deletes_nothing(world: World) -> None:
    kept = await a_year_in_use(world)
    tidying = Tidying(world, NOW + YEAR)
    assert await tidying.tidy() == 0
    # What is said meanwhile does not speak for that clock, which may be where it has its time from.
    await said(world, 5, NOW + YEAR)
    assert await tidying.tidy(later=timedelta(hours=1)) == 0
    assert await tidying.tidy(jump=-YEAR) == 2
    assert await left(world) == [*kept, "question 5"]


async def test_a_small_jump_and_one_back_are_no_news(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await a_year_in_use(world)
    tidying = Tidying(world)
    assert await tidying.tidy(jump=-YEAR) == 0  # nothing is old by that clock
    assert "than was to be expected" not in caplog.text
    tidying = Tidying(world)
    assert await tidying.tidy(jump=AHEAD) == 2
    assert "than was to be expected" not in caplog.text


async def test_where_nothing_was_said_yet_it_is_tidied(world: World) -> None:
    tidying = Tidying(world, NOW + YEAR)
    wanted = budgets(world.avatar, Limits(), person_id=None, now=NOW)
    await world.store.settle(wanted, 9)
    await tidying.tidy()
    assert {each.cost for each in await world.store.filled(wanted)} == {0}


async def test_what_waits_in_vain_for_its_answer_is_wiped(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A platform may be served no more: nobody answers what came from it."""
    now = NOW + timedelta(days=31)
    store = world.store
    (old,) = await store.receive(from_ann("old"), now=NOW)
    (young,) = await store.receive(from_ann("young"), now=now - timedelta(days=29))
    await store.tidy(now=now)
    assert await store.received(old.id) is None
    assert await store.received(young.id) is not None
    assert [each.id for each in await store.unanswered(limit=9)] == [young.id]
    lines = [each.getMessage() for each in caplog.records if each.name == "storage.inbox"]
    assert len(lines) == 1
    assert "1 messages had waited 30 days" in lines[0]
    assert await store.receive(from_ann("old"), now=now) == ()  # not answered when it comes again
    await store.tidy(now=now)
    assert sum(each.name == "storage.inbox" for each in caplog.records) == 1
