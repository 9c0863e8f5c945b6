import pytest

from avatar.daytime import Span, minute_of, read_span, within


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:00-07:00", Span(begins=(22, 0), ends=(7, 0), rest="")),
        (" 22 – 7:30 +8 ", Span(begins=(22, None), ends=(7, 30), rest=" +8")),
        ("25:00-1:99x", Span(begins=(25, 0), ends=(1, 99), rest="x")),
        ("at 22:00-07:00", None),
        ("", None),
    ],
)
def test_spans_as_people_write_them(text: str, expected: Span | None) -> None:
    assert read_span(text) == expected


def test_times_that_there_are() -> None:
    assert minute_of((23, 59)) == 1439
    assert minute_of((7, None)) == 420
    assert minute_of((24, 0)) is None
    assert minute_of((1, 60)) is None


def test_over_midnight() -> None:
    assert within(1400, begins=1320, ends=420)
    assert within(0, begins=1320, ends=420)
    assert not within(420, begins=1320, ends=420)
    assert within(500, begins=420, ends=1320)
    assert not within(1320, begins=420, ends=1320)
    assert not within(0, begins=0, ends=0)
