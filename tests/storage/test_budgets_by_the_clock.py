"""Budgets over midnight and over the end of a month, and when the clock is set back over it."""

from datetime import UTC, datetime, timedelta

import pytest

from avatar.errors import SpentUp
from avatar.limiter import Limiter
from avatar.limits import Limits, budgets
from avatar.records import Avatar, NewNotice, Notice, NoticeKind, Person
from storage.store import SqlStore
from tests.storage.steps import HOME
from tests.storage.test_odd_words import a_message

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHTS = {
    "a day": datetime(2026, 11, 28, tzinfo=UTC),
    "a month": datetime(2026, 12, 1, tzinfo=UTC),
    "a year": datetime(2027, 1, 1, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, tzinfo=UTC),
}
midnights = pytest.mark.parametrize("midnight", MIDNIGHTS.values(), ids=MIDNIGHTS.keys())


async def spent(store: SqlStore, avatar: Avatar, at: datetime) -> tuple[int, int]:
    """By an avatar on the day and in the month of a time."""
    day, month = await store.filled(budgets(avatar, Limits(), person_id=None, now=at)[:2])
    return day.cost, month.cost


async def spend(limiter: Limiter, avatar: Avatar, person: Person, cost: int, at: datetime) -> None:
    async with limiter.spending(avatar, person=person, most=cost, now=at) as bill:
        bill.cost = cost


async def warned(store: SqlStore, at: datetime) -> list[Notice]:
    """Those that were owed; they are delivered."""
    owed = await store.claim_notices(owner="x", now=at, lease=timedelta(minutes=1), limit=99)
    for notice in owed:
        assert notice.kind is NoticeKind.LIMIT_NEAR
        await store.notice_delivered(notice.id, now=at)
    return list(owed)


async def at_home(store: SqlStore, avatar: Avatar, ann: Person) -> None:
    await store.person(a_message("0").author, home=HOME)
    await store.add_owner(avatar.id, ann.id, by=None, now=avatar.created_at)


@midnights
async def test_a_reply_counts_where_it_began(
    store: SqlStore, avatar: Avatar, ann: Person, midnight: datetime
) -> None:
    limiter = Limiter(store, limits=Limits(avatar_cost_per_day=1_000), operators=())
    before, after = midnight - SECOND, midnight + SECOND
    async with limiter.spending(avatar, person=ann, most=900, now=before) as bill:
        assert await spent(store, avatar, before) == (900, 900)
        # It goes on; meanwhile another day has begun, whose own budget is untouched.
        async with limiter.spending(avatar, person=ann, most=900, now=after) as other:
            other.cost = 30
        bill.cost = 700
    new_month = before.month != after.month
    assert await spent(store, avatar, before) == (700, 700 if new_month else 730)
    assert await spent(store, avatar, after) == (30, 30 if new_month else 730)


@midnights
async def test_a_reply_that_fails_after_midnight_gives_back_where_it_took(
    store: SqlStore, avatar: Avatar, ann: Person, midnight: datetime
) -> None:
    limiter = Limiter(store, limits=Limits(), operators=())
    before = midnight - SECOND
    with pytest.raises(RuntimeError):
        async with limiter.spending(avatar, person=ann, most=900, now=before):
            await spend(limiter, avatar, ann, 5, midnight)
            raise RuntimeError
    assert (await spent(store, avatar, midnight))[0] == 5
    assert (await spent(store, avatar, before))[0] == 0


@midnights
async def test_the_polite_stop_ends_with_the_day(
    store: SqlStore, avatar: Avatar, ann: Person, midnight: datetime
) -> None:
    limiter = Limiter(store, limits=Limits(person_cost_per_day=100), operators=())
    await spend(limiter, avatar, ann, 100, midnight - 2 * HOUR)
    last = midnight - timedelta(microseconds=1)
    with pytest.raises(SpentUp, match=r"today is used up. .* tomorrow \(a day begins at 00:00 UTC"):
        await spend(limiter, avatar, ann, 1, last)
    await spend(limiter, avatar, ann, 1, midnight)


async def test_the_polite_stop_ends_with_the_month(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    limiter = Limiter(store, limits=Limits(cost_per_month=100), operators=())
    first = MIDNIGHTS["a year"]
    await spend(limiter, avatar, ann, 100, first - 20 * DAY)
    for at in (first - 19 * DAY, first - timedelta(microseconds=1)):
        with pytest.raises(SpentUp, match=r"this month is used up. .* next month"):
            await spend(limiter, avatar, ann, 1, at)
    await spend(limiter, avatar, ann, 1, first)


@pytest.mark.parametrize("by", ["day", "month"])
async def test_the_warning_comes_once_a_period_and_again_in_the_next(
    store: SqlStore, avatar: Avatar, ann: Person, by: str
) -> None:
    await at_home(store, avatar, ann)
    limits = Limits(**{f"avatar_cost_per_{by}": 100})
    begins, next_begins = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    if by == "day":
        next_begins = begins + DAY
    limiter = Limiter(store, limits=limits, operators=())
    for period, begin in (("2026-12", begins), (next_begins.isoformat()[:7], next_begins)):
        await spend(limiter, avatar, ann, 79, begin)
        assert not await warned(store, begin)
        await spend(limiter, avatar, ann, 1, begin)
        (notice,) = await warned(store, begin)
        assert str(notice.data["period"]).startswith(period)
        # Not again: not by this process, nor by another, nor by one that starts much later.
        for at in (begin, begin + (next_begins - begins) - SECOND):
            await store.tidy(now=at)
            await spend(limiter, avatar, ann, 1, at)
            limiter = Limiter(store, limits=limits, operators=())
            await spend(limiter, avatar, ann, 1, at)
            assert not await warned(store, at)


async def test_warnings_of_days_are_not_kept_for_ever(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    await at_home(store, avatar, ann)
    limiter = Limiter(store, limits=Limits(avatar_cost_per_day=100), operators=())
    at = MIDNIGHTS["a day"]
    await spend(limiter, avatar, ann, 90, at)
    (notice,) = await warned(store, at)
    again = NewNotice(
        kind=notice.kind,
        key=f"limit:avatar:{avatar.id}:2026-11-28:{ann.id}",
        address=HOME,
        avatar_id=avatar.id,
    )
    for days, is_new in ((34, 0), (36, 1)):
        await store.tidy(now=at + days * DAY)
        assert await store.add_notices([again], now=at) == is_new


@midnights
async def test_a_clock_that_goes_back_over_midnight(
    store: SqlStore, avatar: Avatar, ann: Person, midnight: datetime
) -> None:
    """Nobody is locked out of a day that is not used up, and no day is there twice."""
    await at_home(store, avatar, ann)
    limiter = Limiter(store, limits=Limits(avatar_cost_per_day=100), operators=())
    yesterday, today = midnight - HOUR / 2, midnight + HOUR / 2
    await spend(limiter, avatar, ann, 60, yesterday)
    await spend(limiter, avatar, ann, 90, today)
    assert len(await warned(store, today)) == 1
    # An hour back: it is yesterday again, with what was left of it.
    await spend(limiter, avatar, ann, 30, yesterday)
    assert len(await warned(store, yesterday)) == 1
    await spend(limiter, avatar, ann, 10, yesterday)
    with pytest.raises(SpentUp, match="tomorrow"):
        await spend(limiter, avatar, ann, 1, yesterday)
    # And today goes on where it was.
    await spend(limiter, avatar, ann, 10, today)
    with pytest.raises(SpentUp):
        await spend(limiter, avatar, ann, 1, today)
    assert not await warned(store, today)
    assert [(await spent(store, avatar, at))[0] for at in (yesterday, today)] == [100, 100]


async def test_what_runs_while_the_clock_goes_back_is_settled_where_it_was_counted(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    limiter = Limiter(store, limits=Limits(), operators=())
    today = MIDNIGHTS["a month"] + HOUR / 2
    async with limiter.spending(avatar, person=ann, most=900, now=today) as bill:
        await spend(limiter, avatar, ann, 7, today - HOUR)
        bill.cost = 100
    assert await spent(store, avatar, today) == (100, 100)
    assert await spent(store, avatar, today - HOUR) == (7, 7)
