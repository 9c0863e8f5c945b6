"""Content as Discord takes it: messages with text, rows of buttons, or a file; and cards (Discord's
components v2), where buttons stand beside what they are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from avatar.language import tr
from bot.discord.markdown import LIMIT, render_long
from bot.screen import Button, Card, Content, Style

Json = dict[str, Any]
Rows = Sequence[Sequence[Button]]

MOST = 10  # messages that one answer may become; what is longer comes as a file
FILE_NAME = "answer.md"
_ROWS, _IN_A_ROW = 5, 5
_LABEL = 80  # characters
_MORE = "…"  # above the buttons that do not fit under one message
_STYLES = {Style.PRIMARY: 1, Style.PLAIN: 2, Style.SUCCESS: 3, Style.DANGER: 4}
_CARD_TEXT, _CARD_PARTS = 4000, 40  # characters and components of a card, all together
_ROW, _BUTTON, _TEXT, _FILE, _SEPARATOR, _CONTAINER = 1, 2, 10, 13, 14, 17


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An entry of a card."""

    text: str
    rows: tuple[tuple[Button, ...], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One message."""

    text: str
    rows: tuple[tuple[Button, ...], ...] = ()
    file: bytes | None = None
    file_name: str = FILE_NAME
    card: bool = False
    listed: tuple[Listed, ...] = ()  # of a card: between its text and its buttons

    @property
    def as_card(self) -> "Piece":
        """The same as a card: a message that is one cannot become an ordinary one."""
        return replace(self, card=True)

    @property
    def said(self) -> str:
        """All of its text."""
        return "\n".join([self.text, *(entry.text for entry in self.listed)])

    @property
    def components(self) -> list[Json]:
        """What stands under the text, or all of a card, as Discord describes it."""
        return [_container(self)] if self.card else _rows(self.rows)


async def pieces_of(content: Content) -> tuple[Piece, ...]:
    """At least one; the buttons stand under the last."""
    if content.card is not None and content.file is None:
        card = await _card(content.card)
        if card is not None:
            return (card,)
    texts = await render_long(content.text)
    groups = _groups(content.buttons)
    if len(texts) > MOST:
        told = tr(
            "The whole answer has {count:,} characters: it is in this file.",
            count=len(content.text),
        )
        file = content.text.encode("utf-8", "replace")
        pieces = [Piece(text=texts[0]), Piece(text=told, rows=groups[0], file=file)]
    else:
        pieces = [*(Piece(text=text) for text in texts[:-1]), Piece(text=texts[-1], rows=groups[0])]
    if content.file is not None:
        own = content.file
        pieces[0] = replace(pieces[0], file=own.content, file_name=own.name)
    return (*pieces, *(Piece(text=_MORE, rows=group) for group in groups[1:]))


async def _card(card: Card) -> Piece | None:
    """None: it is larger than Discord lets a card be."""
    texts = [await render_long(text) for text in (card.head, *(e.text for e in card.entries))]
    if any(len(parts) > 1 for parts in texts):
        return None
    (head,), *entries = texts
    listed = [
        Listed(text=text, rows=_in_rows([entry.buttons]))
        for (text,), entry in zip(entries, card.entries, strict=True)
    ]
    piece = Piece(text=head, rows=_in_rows(card.buttons), card=True, listed=tuple(listed))
    codes = [
        button.action
        for rows in (piece.rows, *(e.rows for e in listed))
        for b in rows
        for button in b
    ]
    if len(piece.said) > _CARD_TEXT or len(set(codes)) < len(codes):
        return None
    return piece if _counted(piece.components) <= _CARD_PARTS else None


def addressed(piece: Piece, person: int) -> tuple[Piece, ...]:
    """The same with a person's name before it."""
    name = f"<@{person}>"
    if len(piece.text) * 2 + len(name) > LIMIT:  # an emoji may count twice
        return (Piece(text=name), piece)
    return (replace(piece, text=f"{name}\n{piece.text}"),)


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
        kept.append(new)
    packed = _in_rows(kept)
    if len(packed) > _ROWS:
        packed = _in_rows([[button for row in kept for button in row]])
    return [packed[i : i + _ROWS] for i in range(0, len(packed), _ROWS)] or [()]


def _in_rows(rows: Rows) -> tuple[tuple[Button, ...], ...]:
    """No row longer than Discord takes, and none empty."""
    return tuple(
        tuple(row[i : i + _IN_A_ROW]) for row in rows for i in range(0, len(row), _IN_A_ROW)
    )


def _container(piece: Piece) -> Json:
    parts: list[Json] = [{"type": _TEXT, "content": piece.text}]
    for entry in piece.listed:
        parts += [{"type": _SEPARATOR}, {"type": _TEXT, "content": entry.text}, *_rows(entry.rows)]
    if piece.file is not None:
        parts.append({"type": _FILE, "file": {"url": f"attachment://{piece.file_name}"}})
    if piece.listed and piece.rows:
        parts.append({"type": _SEPARATOR})
    return {"type": _CONTAINER, "components": [*parts, *_rows(piece.rows)]}


def _rows(rows: Rows) -> list[Json]:
    return [{"type": _ROW, "components": [_button(button) for button in row]} for row in rows]


def _button(button: Button) -> Json:
    return {
        "type": _BUTTON,
        "style": _STYLES[button.style],
        "label": button.label[:_LABEL] or "…",
        "custom_id": button.action,
    }


def _counted(components: Sequence[Json]) -> int:
    """How many components these are, with those inside of them."""
    return sum(1 + _counted(each.get("components", ())) for each in components)
