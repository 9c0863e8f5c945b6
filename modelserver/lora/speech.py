"""From tokens to text, piece by piece."""

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"  # what half a character is decoded to


class Speech:
    """Decodes a growing list of tokens. Only the last few are decoded each time, with some before
    them, since a token may read otherwise at the beginning of a text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._before = 0  # from here on tokens are decoded
        self._given = 0  # tokens whose text was given

    def add(self, token: int) -> str:
        """The new text; nothing while a character is incomplete."""
        self._ids.append(token)
        return self._new(final=False)

    def end(self) -> str:
        """What was held back."""
        return self._new(final=True)

    def _new(self, *, final: bool) -> str:
        known = self._decode(self._ids[self._before : self._given])
        text = self._decode(self._ids[self._before :])
        if len(text) <= len(known) or (text.endswith(BROKEN) and not final):
            return ""
        self._before, self._given = self._given, len(self._ids)
        return text[len(known) :]
