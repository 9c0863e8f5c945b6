"""Messages over several lines, as text exports have them."""

from typing import Generic, TypeVar

from avatar.dataset.reading import refused
from avatar.language import tr

MAX_TEXT = 1024 * 1024  # characters of one message; WhatsApp's longest has 65,536
H = TypeVar("H")


class Lines(Generic[H]):
    """One message: what stood at its head, and its lines so far."""

    def __init__(self, head: H, text: str, *, file: str, number: int) -> None:
        self.head = head
        self._lines = [text]
        self._size = len(text)
        self._file, self._number = file, number

    def add(self, line: str) -> None:
        """Raises BadDataset when the message grows out of all proportion."""
        self._size += len(line) + 1
        if self._size > MAX_TEXT:
            raise refused(
                tr(
                    "{file} line {number}: the message is longer than a million characters.",
                    file=self._file,
                    number=self._number,
                )
            )
        self._lines.append(line)

    @property
    def count(self) -> int:
        """Of its lines."""
        return len(self._lines)

    def keep(self, count: int) -> None:
        """Only the first lines: those behind them belong to something else."""
        del self._lines[count:]

    @property
    def text(self) -> str:
        return "\n".join(self._lines)
