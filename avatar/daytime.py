"""A part of each day, from one time to another, as people write it: `22:00-07:00`. Pure."""

import re
from dataclasses import dataclass

DAY = 24 * 60  # minutes
_SPAN = re.compile(r"(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """What somebody wrote, before it is judged: there may be no such time."""

    begins: tuple[int, int | None]  # hour and minute; None: no minute was written
    ends: tuple[int, int | None]
    rest: str  # what stands behind


def read_span(text: str) -> Span | None:
    """None: it does not begin with one."""
    text = text.strip()
    found = _SPAN.match(text)
    if found is None:
        return None
    return Span(
        begins=_clock(found[1], found[2]),
        ends=_clock(found[3], found[4]),
        rest=text[found.end() :],
    )


def _clock(hour: str, minute: str | None) -> tuple[int, int | None]:
    return int(hour), None if minute is None else int(minute)


def minute_of(clock: tuple[int, int | None]) -> int | None:
    """The minute of the day; None: there is no such time."""
    hour, minute = clock[0], clock[1] or 0
    return hour * 60 + minute if hour < 24 and minute < 60 else None


def within(minute: int, *, begins: int, ends: int) -> bool:
    """Whether a minute of the day is in it; over midnight where it ends before it begins."""
    if begins <= ends:
        return begins <= minute < ends
    return minute >= begins or minute < ends
