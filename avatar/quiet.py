"""Quiet hours of a place: when the avatar does not speak there. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from avatar.daytime import minute_of, read_span, within
from avatar.errors import BadText
from avatar.language import noted, tr

USAGE = noted("Say from when to when, and where that is: /quiet 22:00-07:00 Asia/Kuala_Lumpur")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quiet:
    """From a minute of the day to another, in a zone; over midnight where it ends earlier."""

    begins: int
    ends: int
    zone: str

    def __str__(self) -> str:
        clock = (f"{minute // 60:02}:{minute % 60:02}" for minute in (self.begins, self.ends))
        return f"{'-'.join(clock)} {self.zone}"

    def holds(self, now: datetime) -> bool:
        """Whether it is quiet at a moment."""
        here = now.astimezone(_zone(self.zone))
        return within(here.hour * 60 + here.minute, begins=self.begins, ends=self.ends)


def parse_quiet(text: str) -> Quiet:
    """Read `22:00-07:00 Asia/Kuala_Lumpur`; without a zone it is UTC. Raises BadText."""
    span = read_span(text)
    if span is None:
        raise BadText(reason=tr(USAGE))
    begins, ends = minute_of(_day(span.begins)), minute_of(_day(span.ends))
    if begins is None or ends is None:
        raise BadText(reason=tr("There is no such time of day. {usage}", usage=tr(USAGE)))
    if begins == ends:
        raise BadText(reason=tr("Those two times are the same. {usage}", usage=tr(USAGE)))
    zone = span.rest.strip() or "UTC"
    _zone(zone)
    return Quiet(begins=begins, ends=ends, zone=zone)


def _day(clock: tuple[int, int | None]) -> tuple[int, int | None]:
    """With 24 as what begins the day."""
    return (0 if clock[0] == 24 else clock[0]), clock[1]


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
        raise BadText(
            reason=tr("I do not know the zone {zone}. {usage}", zone=name[:40], usage=tr(USAGE))
        )
    return ZoneInfo(name)
