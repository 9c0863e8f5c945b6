"""Days as they are said."""

from datetime import date

from avatar.language import noted, tr

_MONTHS = (
    noted("Jan"),
    noted("Feb"),
    noted("Mar"),
    noted("Apr"),
    noted("May"),
    noted("Jun"),
    noted("Jul"),
    noted("Aug"),
    noted("Sep"),
    noted("Oct"),
    noted("Nov"),
    noted("Dec"),
)


def day(at: date) -> str:
    """A day: `14 Jan 2027`."""
    return tr("{day:02} {month} {year}", day=at.day, month=tr(_MONTHS[at.month - 1]), year=at.year)
