"""Quiet hours of a place: when the avatar does not speak there. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from avatar.errors import BadText

USAGE = "Say from when to when, and where that is: /quiet 22:00-07:00 Asia/Kuala_Lumpur"
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quiet:
    """From a time of day to another, in a zone; over midnight where `to` is the earlier one."""

    begins: time
    ends: time
    zone: str

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M} {self.zone}"

    def holds(self, now: datetime) -> bool:
        """Whether it is quiet at a moment."""
        here = now.astimezone(_zone(self.zone)).time()
        if self.begins < self.ends:
            return self.begins <= here < self.ends
        return here >= self.begins or here < self.ends


def parse_quiet(text: str) -> Quiet:
    """Read `22:00-07:00 Asia/Kuala_Lumpur`; without a zone it is UTC. Raises BadText."""
    found = _HOURS.match(text.strip())
    if found is None:
        raise BadText(reason=USAGE)
    try:
        begins = time(_hour(found[1]), int(found[2] or 0))
        ends = time(_hour(found[3]), int(found[4] or 0))
    except ValueError:
        raise BadText(reason=f"There is no such time of day. {USAGE}") from None
    if begins == ends:
        raise BadText(reason=f"Those two times are the same. {USAGE}")
    zone = text.strip()[found.end() :].strip() or "UTC"
    _zone(zone)
    return Quiet(begins=begins, ends=ends, zone=zone)


def _hour(digits: str) -> int:
    return 0 if digits == "24" else int(digits)


def is_quiet(stored: str, now: datetime) -> bool:
    """Whether a place is quiet now, by what is stored of it; empty: it never is."""
    return bool(stored) and parse_quiet(stored).holds(now)


@cache
def zones() -> tuple[str, ...]:
    """The names of all zones, sorted."""
    return tuple(sorted(available_timezones()))


def _zone(name: str) -> tzinfo:
    """A zone by its name. The name comes from people: only one that is known reaches the files."""
    if name == "UTC":
        return UTC
    if name not in zones():
        raise BadText(reason=f"I do not know the zone {name[:40]}. {USAGE}")
    return ZoneInfo(name)
