"""When an avatar answers in its owner's own chats."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from avatar.accounts import Account, Hours, answers, read_hours
from avatar.errors import BadText

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HERE = Account(
    id=1,
    platform="telegram",
    bot="9",
    connection="c",
    person_id=1,
    avatar_id=1,
    enabled=True,
    can_reply=True,
    away=True,
    hours=None,
    strangers_only=False,
    honesty=None,
)


@pytest.mark.parametrize(
    ("account", "minutes_since_owner_wrote", "expected"),
    [
        (HERE, None, True),
        (HERE, 0, False),
        (HERE, 59, False),
        (HERE, 60, True),
        (replace(HERE, strangers_only=True), None, True),
        (replace(HERE, strangers_only=True), 100_000, False),
        (replace(HERE, away=False), None, False),
        (replace(HERE, enabled=False), None, False),
        (replace(HERE, can_reply=False), None, False),
        (replace(HERE, hours=Hours(begins=11 * 60, ends=13 * 60)), None, True),
        (replace(HERE, hours=Hours(begins=13 * 60, ends=14 * 60)), None, False),
        (replace(HERE, hours=Hours(begins=11 * 60, ends=13 * 60)), 5, False),
    ],
)
def test_when_it_answers(
    account: Account, minutes_since_owner_wrote: int | None, expected: bool
) -> None:
    wrote = minutes_since_owner_wrote
    at = None if wrote is None else NOW - timedelta(minutes=wrote)
    assert answers(account, owner_wrote_at=at, said_at=NOW, now=NOW) is expected


@pytest.mark.parametrize(
    ("hours", "holds"),
    [
        (Hours(begins=720, ends=721), True),
        (Hours(begins=719, ends=720), False),
        (Hours(begins=22 * 60, ends=7 * 60), False),
        (Hours(begins=22 * 60, ends=12 * 60 + 1), True),
        (Hours(begins=20 * 60, ends=21 * 60, zone=480), True),  # it is 20:00 in Ipoh
        (Hours(begins=20 * 60, ends=21 * 60), False),
        (Hours(begins=22 * 60, ends=7 * 60, zone=-11 * 60), True),  # it is 01:00 there
        (Hours(begins=0, ends=0), False),
    ],
)
def test_hours(hours: Hours, holds: bool) -> None:
    assert hours.hold(NOW) is holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:00-07:00", Hours(begins=1320, ends=420)),
        ("9:05 - 17:30 +8", Hours(begins=545, ends=1050, zone=480)),
        ("9:05-17:30 utc-3:30", Hours(begins=545, ends=1050, zone=-210)),
        ("0:00-23:59 +0", Hours(begins=0, ends=1439)),
    ],
)
def test_hours_as_people_write_them(text: str, expected: Hours) -> None:
    assert read_hours(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "22-7", "24:00-01:00", "10:60-11:00", "10:00-10:00", "1:00-2:00 +15", "x 1:00-2:00"],
)
def test_hours_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadText, match="22:00-07:00"):
        read_hours(text)
