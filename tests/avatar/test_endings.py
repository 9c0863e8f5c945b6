"""Models that end: which warning is due, and when the matter is closed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.endings import (
    MILESTONES,
    base_notices,
    ending_of,
    learnt,
    matter,
    milestone,
    models_behind,
    notices,
)
from avatar.records import Address, Ending, RemoteModel, Version
from tests.avatar.make import NOW, a_model, a_prompt, an_avatar

TODAY = NOW.date()
HOMES = {1: Address(platform="telegram", chat="1"), 2: Address(platform="telegram", chat="2")}
MODEL = a_model()
TUNED = MODEL.fine_tuned_model_id or ""


def ends(model: str, days: int, *, gone: bool = False) -> dict[tuple[str, str], Ending]:
    day = TODAY + timedelta(days=days)
    ending = Ending(provider="openai", model=model, ends_on=day, vanished_at=NOW if gone else None)
    return {("openai", model): ending}


@pytest.mark.parametrize(
    ("days", "due"),
    [(61, None), (60, 60), (45, 60), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 0), (-5, 0)],
)
def test_which_warning_is_due(days: int, due: int | None) -> None:
    assert milestone(TODAY + timedelta(days=days), TODAY) == due


@given(st.integers(0, 200))
def test_each_warning_comes_once_on_the_way(start: int) -> None:
    """Looked at every day from `start` days before on, each milestone from there is due once."""
    last = TODAY + timedelta(days=start)
    due = [milestone(last, TODAY + timedelta(days=n)) for n in range(start + 1)]
    seen = list(dict.fromkeys(each for each in due if each is not None))
    passed = [each for each in MILESTONES if each <= start]
    first = [each for each in MILESTONES if each > start][-1:]
    assert seen == ([*first, *passed] if start not in MILESTONES else passed)


def test_a_fine_tune_ends_with_its_base() -> None:
    assert ("openai", "gpt-4o-mini") in models_behind(MODEL)
    both = {**ends(TUNED, 90), **ends("gpt-4o-mini", 30)}
    ending = ending_of(MODEL, both)
    assert ending is not None
    assert ending.ends_on == TODAY + timedelta(days=30)
    gone = ending_of(MODEL, {**ends("gpt-4o-mini", 30), **ends(TUNED, 90, gone=True)})
    assert gone is not None
    assert gone.vanished_at == NOW
    assert ending_of(a_prompt(), both) is None
    assert ending_of(MODEL, {}) is None
    dated = replace(MODEL, base_model="gpt-4o-mini-2024-07-18")
    assert ending_of(dated, ends("gpt-4o-mini", 30)) is not None


def other(number: int, **changes: object) -> Version:
    values = {"id": 20 + number, "number": number, "fine_tuned_model_id": f"ft:m:{number}"}
    return a_model(**{**values, **changes})


def test_the_active_version_comes_first_and_closes_the_matter() -> None:
    end = ends("gpt-4o-mini", 30)
    older, newer = other(3), other(5)
    elsewhere = other(7, provider="home", base_model="qwen", origin_id=older.id)
    versions = [older, newer, elsewhere]
    idle = matter(an_avatar(), versions, end)
    assert idle is not None
    assert [each.number for each in idle.versions] == [5, 3]
    active = matter(an_avatar(active_model_id=older.id), versions, end)
    assert active is not None
    assert [each.number for each in active.versions] == [3, 5]
    # Retrained elsewhere and activated: nobody hears a model that ends.
    assert matter(an_avatar(active_model_id=elsewhere.id), versions, end) is None
    assert matter(an_avatar(), versions, {}) is None


def test_a_warning_goes_to_every_owner_and_has_a_key_of_its_own() -> None:
    about = matter(an_avatar(), [other(3)], ends("gpt-4o-mini", 30))
    assert about is not None
    first = notices(an_avatar(), about, HOMES, today=TODAY)
    assert [each.address.chat for each in first] == ["1", "2"]
    assert first[0].data["days"] == 30
    tomorrow = notices(an_avatar(), about, HOMES, today=TODAY + timedelta(days=1))
    assert {each.key for each in tomorrow} == {each.key for each in first}
    later = notices(an_avatar(), about, HOMES, today=TODAY + timedelta(days=23))
    assert not {each.key for each in later} & {each.key for each in first}
    assert notices(an_avatar(), about, HOMES, today=TODAY - timedelta(days=99)) == []


def test_the_base_model_proposes_a_successor() -> None:
    (ending,) = ends("gpt-4o-mini", 7).values()
    told = base_notices(an_avatar(), ending, HOMES, successor="gpt-6-luna", today=TODAY)
    assert [each.data["successor"] for each in told] == ["gpt-6-luna", "gpt-6-luna"]
    (without,) = ends("gpt-4o-mini", 99).values()
    assert base_notices(an_avatar(), without, HOMES, successor=None, today=TODAY) == []


def test_what_is_learnt_from_a_list() -> None:
    day = date(2027, 1, 14)
    listed = [RemoteModel(id="a", ends_on=day), RemoteModel(id="b")]
    used: dict[str, Ending | None] = {"a": None, "b": None, "c": None}
    new = learnt("openai", used, listed, frozenset({"c"}), now=NOW)
    assert [(each.model, each.ends_on, each.vanished_at) for each in new] == [
        ("a", day, None),
        ("c", None, NOW),
    ]
    known: dict[str, Ending | None] = {**used, **{each.model: each for each in new}}
    later = NOW + timedelta(days=1)
    assert learnt("openai", known, listed, frozenset({"c"}), now=later) == []
    # It came back, and the other one's day was moved.
    moved = [RemoteModel(id="a", ends_on=day + timedelta(days=30)), *listed[1:]]
    back = learnt("openai", known, moved, frozenset(), now=later)
    assert {each.model: (each.ends_on, each.vanished_at) for each in back} == {
        "a": (day + timedelta(days=30), None),
        "c": (None, None),
    }
