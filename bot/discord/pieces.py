"""Content as Discord takes it: messages with text, rows of buttons, or a file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.discord.markdown import LIMIT, render_long
from bot.screen import Button, Content, Style

Json = dict[str, Any]
Rows = Sequence[Sequence[Button]]

MOST = 10  # messages that one answer may become; what is longer comes as a file
FILE_NAME = "answer.md"
_ROWS, _IN_A_ROW = 5, 5
_LABEL = 80  # characters
_MORE = "…"  # above the buttons that do not fit under one message
_STYLES = {Style.PRIMARY: 1, Style.PLAIN: 2, Style.SUCCESS: 3, Style.DANGER: 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One message."""

    text: str
    rows: tuple[tuple[Button, ...], ...] = ()
    file: bytes | None = None
    file_name: str = FILE_NAME

    @property
    def components(self) -> list[Json]:
        """Its buttons as Discord describes them."""
        return [{"type": 1, "components": [_button(b) for b in row]} for row in self.rows]


async def pieces_of(content: Content) -> tuple[Piece, ...]:
    """At least one; the buttons stand under the last."""
    texts = await render_long(content.text)
    groups = _groups(content.buttons)
    if len(texts) > MOST:
        told = f"The whole answer has {len(content.text):,} characters: it is in this file."
        file = content.text.encode("utf-8", "replace")
        pieces = [Piece(text=texts[0]), Piece(text=told, rows=groups[0], file=file)]
    else:
        pieces = [*(Piece(text=text) for text in texts[:-1]), Piece(text=texts[-1], rows=groups[0])]
    if content.file is not None:
        own = content.file
        pieces[0] = replace(pieces[0], file=own.content, file_name=own.name)
    return (*pieces, *(Piece(text=_MORE, rows=group) for group in groups[1:]))


def addressed(pieces: Sequence[Piece], person: int) -> tuple[Piece, ...]:
    """The same with a person's name before it."""
    name, first = f"<@{person}>", pieces[0]
    if len(first.text) * 2 + len(name) > LIMIT:  # an emoji may count twice
        return (Piece(text=name), *pieces)
    return (replace(first, text=f"{name}\n{first.text}"), *pieces[1:])


def _groups(rows: Rows) -> list[tuple[tuple[Button, ...], ...]]:
    """Rows for each message. Discord takes 5 rows of 5, and no code twice in a message."""
    seen: set[str] = set()
    kept: list[list[Button]] = []
    for row in rows:
        new = []
        for button in row:
            if button.action not in seen:
                seen.add(button.action)
                new.append(button)
        kept += [new[i : i + _IN_A_ROW] for i in range(0, len(new), _IN_A_ROW)]
    if len(kept) > _ROWS:
        flat = [button for row in kept for button in row]
        kept = [flat[i : i + _IN_A_ROW] for i in range(0, len(flat), _IN_A_ROW)]
    packed = [tuple(row) for row in kept]
    return [tuple(packed[i : i + _ROWS]) for i in range(0, len(packed), _ROWS)] or [()]


def _button(button: Button) -> Json:
    return {
        "type": 2,
        "style": _STYLES[button.style],
        "label": button.label[:_LABEL] or "…",
        "custom_id": button.action,
    }
