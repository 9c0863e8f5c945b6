"""Messages over several lines, as text exports have them."""

from typing import Generic, TypeVar

from avatar.dataset.reading import refused

MAX_TEXT = 1024 * 1024  # characters of one message; WhatsApp's longest has 65,536
H = TypeVar("H")


class Lines(Generic[H]):
    """One message: what stood at its head, and its lines so far."""

    def __init__(self, head: H, text: str, place: str) -> None:
        self.head = head
        self._lines = [text]
        self._size = len(text)
        self._place = place

    def add(self, line: str) -> None:
        """Raises BadDataset when the message grows out of all proportion."""
        self._size += len(line) + 1
        if self._size > MAX_TEXT:
            raise refused(f"{self._place}: the message is longer than a million characters.")
        self._lines.append(line)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)
