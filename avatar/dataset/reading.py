"""What reading a file gave."""

from dataclasses import dataclass

from avatar.errors import BadDataset
from avatar.records import Example

MAX_FAULTS = 20  # named one by one; the rest is counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Examples that can be trained on, and what is worth knowing about them."""

    source: str  # the file's name, safe to show
    examples: tuple[Example, ...]
    warnings: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Of one epoch, estimated."""
        return sum(example.tokens for example in self.examples)


class Faults:
    """What is wrong with a file, with its place, up to twenty; the rest is counted."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._more = 0

    def add(self, place: str, reason: str) -> None:
        """`place` as in "line 3"."""
        if len(self._first) < MAX_FAULTS:
            self._first.append(f"{place}: {reason}")
        else:
            self._more += 1

    @property
    def count(self) -> int:
        return len(self._first) + self._more

    def __bool__(self) -> bool:
        return bool(self._first)

    @property
    def error(self) -> BadDataset:
        return BadDataset(faults=tuple(self._first), more=self._more)


def refused(reason: str) -> BadDataset:
    """A file of which no line can be used, for one reason."""
    return BadDataset(faults=(reason,))


def shown_name(name: str) -> str:
    """A file's name as it can be shown and stored: its last part, printable, not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in last if c.isprintable()).strip()
    return printable[:100] or "file"
