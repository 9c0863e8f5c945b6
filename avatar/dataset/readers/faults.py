"""What several formats have to say of a message that cannot be read."""

from avatar.dataset.reading import refused
from avatar.errors import BadDataset
from avatar.language import tr


def no_date(file: str, number: int, given: str) -> BadDataset:
    """For a line whose date does not exist."""
    return refused(
        tr("{file} line {number}: {date} is no date.", file=file, number=number, date=given)
    )


def no_message(file: str, number: int) -> BadDataset:
    """For what stands in a message's place."""
    return refused(tr("{file}: message {number} is no message.", file=file, number=number))


def no_time(file: str, number: int, given: object) -> BadDataset:
    """For a message whose time is none."""
    return refused(
        tr(
            "{file}: message {number} has no time that can be read ({given}).",
            file=file,
            number=number,
            given=f"{given!s:.40}",
        )
    )
