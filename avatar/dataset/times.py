"""Times as exports write them."""

from datetime import UTC, datetime

_KINDS = (str, int, float)
LATEST = 4_102_444_800.0  # the year 2100; what lies beyond is a fault of the file


def seconds(given: object, *, per_second: int = 1) -> float:
    """Seconds since 1970 of a number or a text with one. Raises ValueError."""
    if type(given) not in _KINDS:
        raise ValueError(given)
    try:
        at = float(given) / per_second  # type: ignore[arg-type]
    except OverflowError as error:
        raise ValueError(given) from error
    if not 0 <= at < LATEST:
        raise ValueError(given)
    return at


def moment(given: object) -> float:
    """Seconds since 1970 of "2019-01-04T17:52:39.762+00:00"; without a zone it is taken as UTC.
    Raises ValueError.
    """
    if not isinstance(given, str):
        raise ValueError(given)  # noqa: TRY004
    read = datetime.fromisoformat(given)
    try:
        at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except OverflowError as error:
        raise ValueError(given) from error
    return seconds(at)
