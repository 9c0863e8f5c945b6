"""The pure rules of doors: access, limits, quiet hours, codes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.access import Access, Standing, access
from avatar.errors import BadText
from avatar.limits import (
    MAX_COST,
    Budget,
    Filled,
    Limits,
    Scope,
    budgets,
    budgets_of_training,
    messages_per_minute,
    most_of_a_reply,
    parse_dollars,
    refusal,
    seconds_to_wait,
)
from avatar.pricing import Price
from avatar.quiet import is_quiet, parse_quiet
from avatar.secrets import INVITATION, hashed, invitation_code, link_code
from tests.avatar.make import NOW, an_avatar


@pytest.mark.parametrize("visibility", ["public", "private"])
@pytest.mark.parametrize("in_group", [True, False])
def test_access(visibility: str, in_group: bool) -> None:
    avatar = an_avatar(visibility=visibility)

    def of(*, operator: bool = False, **standing: bool) -> Access:
        return access(avatar, Standing(**standing), operator=operator, in_group=in_group)

    hidden = visibility == "private" and not in_group
    assert of(operator=True, blocked=True) is Access.WELCOME
    assert of(owns=True, blocked=True) is Access.WELCOME
    assert of() is (Access.UNSEEN if hidden else Access.WELCOME)
    assert of(met=True) is (Access.UNSEEN if hidden else Access.WELCOME)
    assert of(invited=True) is Access.WELCOME
    assert of(invited=True, blocked=True) is (Access.UNSEEN if hidden else Access.BLOCKED)


def test_budgets_come_in_one_order_and_training_counts_in_the_same() -> None:
    limits = Limits(avatar_cost_per_day=9, cost_per_day=3, person_cost_per_day=1)
    avatar = an_avatar(id=7, cost_per_day=5)
    found = budgets(avatar, limits, person_id=4, now=NOW)
    assert [(b.scope.value, b.scope_id, len(b.period), b.limit) for b in found] == [
        ("person", 4, 10, 1),
        ("person", 4, 7, None),
        ("avatar", 7, 10, 5),  # the stricter of its own and that of all
        ("avatar", 7, 7, None),
        ("all", 0, 10, 3),
        ("all", 0, 7, None),
    ]
    own = [(b.scope, b.scope_id, b.period) for b in found[2:]]
    assert [(b.scope, b.scope_id, b.period) for b in budgets_of_training(7, NOW)] == own
    assert budgets(avatar, limits, person_id=None, now=NOW) == found[2:]
    assert messages_per_minute(avatar, Limits(messages_per_minute=3)) == 3
    assert messages_per_minute(an_avatar(messages_per_minute=9), Limits()) == 9


@given(st.integers(0, 200), st.integers(0, 200) | st.none())
def test_when_a_budget_is_used_up_and_when_nearly(cost: int, limit: int | None) -> None:
    budget = Budget(scope=Scope.AVATAR, scope_id=1, period="2026-11", limit=limit)
    filled = Filled(budget=budget, cost=cost)
    assert filled.is_used_up == (limit is not None and cost >= limit)
    assert filled.is_nearly_used_up == (limit is not None and cost >= 0.8 * limit)
    assert filled.is_nearly_used_up or not filled.is_used_up


def test_the_polite_stop_says_when_it_is_over() -> None:
    day = Budget(scope=Scope.PERSON, scope_id=1, period="2026-11-28", limit=1)
    month = Budget(scope=Scope.AVATAR, scope_id=1, period="2026-11", limit=1)
    assert "you may spend here today is used up. Please come back tomorrow" in str(
        refusal(day, "A")
    )
    assert "What Ani may spend this month" in str(refusal(month, "Ani"))


@given(st.integers(-200, 200))
def test_the_wait_after_too_many_messages(seconds: int) -> None:
    wait = seconds_to_wait(NOW - timedelta(seconds=seconds), NOW)
    # Long after now: it was answered before the clock went back.
    assert (wait == 0) == (abs(seconds) >= 60)
    assert 0 <= wait <= 60
    assert seconds_to_wait(None, NOW) == 0


@given(st.integers(0, MAX_COST))
def test_dollars_there_and_back(amount: int) -> None:
    assert parse_dollars(f"${amount // 1_000_000}.{amount % 1_000_000:06d}") == amount


@pytest.mark.parametrize("text", ["", "-1", "1,50", "1.2345678", "99999999", "1e3", "٣", "nan"])
def test_no_dollars(text: str) -> None:
    with pytest.raises(BadText):
        parse_dollars(text)


def test_what_a_reply_may_cost_at_most() -> None:
    price = Price(input=1_000_000, cached=0, output=2_000_000)
    assert most_of_a_reply(price, prompt_tokens=3, reply_tokens=10) == 23
    assert most_of_a_reply(None, prompt_tokens=3, reply_tokens=10) == 0


def test_quiet_hours() -> None:
    def at(hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, 28, hour, minute, tzinfo=UTC)

    night = str(parse_quiet("22:30-7 UTC"))
    assert night == "22:30-07:00 UTC"
    held = [hour for hour in range(24) if is_quiet(night, at(hour))]
    assert held == [0, 1, 2, 3, 4, 5, 6, 23]
    assert is_quiet(night, at(22, 30))
    assert not is_quiet(night, at(7))
    noon = str(parse_quiet(" 12:00 – 13:00   Asia/Kuala_Lumpur "))
    assert [hour for hour in range(24) if is_quiet(noon, at(hour))] == [4]
    assert not is_quiet("", at(0))
    assert str(parse_quiet("22-24")) == "22:00-00:00 UTC"


@pytest.mark.parametrize(
    "text", ["", "x", "22", "25-7", "22:60-7", "9-9", "9-10 ../../etc/passwd", "9-10 Mars", "-"]
)
def test_no_quiet_hours(text: str) -> None:
    with pytest.raises(BadText):
        parse_quiet(text)


@given(st.text())
def test_any_text_is_read_as_quiet_hours_or_refused(text: str) -> None:
    try:
        quiet = parse_quiet(text)
    except BadText:
        return
    assert parse_quiet(str(quiet)) == quiet


def test_codes() -> None:
    made = {invitation_code() for _ in range(50)}
    assert len(made) == 50
    for code in made:
        assert code.startswith(INVITATION)
        assert len(code) == 24
        assert set(code) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    code = link_code()
    assert hashed(code) == hashed(code.lower().replace("-", "")) != hashed(link_code())
    assert hashed("i_abc") != hashed("i_ABC")
