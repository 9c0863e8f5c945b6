from datetime import UTC, datetime

import pytest

from avatar.errors import BadText
from avatar.language import speaking
from avatar.quiet import parse_quiet


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("22:00-07:00 Asia/Kuala_Lumpur", "22:00-07:00 Asia/Kuala_Lumpur"),
        ("22-7", "22:00-07:00 UTC"),
        ("8:30 – 24:00", "08:30-00:00 UTC"),
    ],
)
def test_hours_as_people_write_them(text: str, kept: str) -> None:
    assert str(parse_quiet(text)) == kept
    assert parse_quiet(kept) == parse_quiet(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at night", "Say from when to when"),
        ("25:00-07:00", "no such time of day"),
        ("7-07:00", "the same"),
        ("22-7 Nowhere", "the zone Nowhere"),
    ],
)
def test_hours_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(BadText, match=said):
        parse_quiet(text)


def test_they_hold_by_the_clock_of_the_place() -> None:
    quiet = parse_quiet("22:00-07:00 Asia/Kuala_Lumpur")
    assert quiet.holds(datetime(2026, 11, 28, 15, 0, tzinfo=UTC))  # it is 23:00 there
    assert not quiet.holds(datetime(2026, 11, 28, 23, 0, tzinfo=UTC))  # 7:00


def test_what_is_wrong_is_said_in_the_language_of_now() -> None:
    with pytest.raises(BadText) as raised, speaking("ms"):
        parse_quiet("25:00-07:00")
    assert "Tiada waktu sedemikian" in str(raised.value)
    assert "/quiet 22:00-07:00 Asia/Kuala_Lumpur" in str(raised.value)
