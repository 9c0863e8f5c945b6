"""Markdown as Telegram shows it: text and entities, in parts that fit into messages.

`telegramify_markdown` turns Markdown into text and entities. Around it: what it would drop or take
for something else is kept, and what it glues together is parted. Offsets of entities count UTF-16
code units, as Telegram does.
"""

import asyncio
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from telegram import MessageEntity
from telegramify_markdown import MessageEntity as Entity
from telegramify_markdown import RenderConfig, convert

from avatar.text import blank
from bot.telegram.mathematics import readable

LIMIT = 4096  # UTF-16 code units a message
ENTITY_LIMIT = 100
FOLDED_LINES, FOLDED_UNITS = 6, 500  # quotes as long as this are shown folded
NOTHING = "…"  # for a text of which nothing can be seen: Telegram takes no empty message


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One message."""

    text: str
    entities: tuple[MessageEntity, ...] = ()

    @property
    def plain(self) -> "Part":
        """Without formatting."""
        return Part(text=self.text)


def render(markdown: str) -> tuple[Part, ...]:
    """At least one part. Together they hold every word of the Markdown, in order."""
    if (prose := _prose(markdown)) is not None:
        return (Part(text=prose),)
    return _formatted(markdown)


def _formatted(markdown: str) -> tuple[Part, ...]:
    clean = _CONTROL.sub("\ufffd", markdown.replace("\r\n", "\n"))
    clean = readable(clean)
    text, entities = _rendered(clean)
    if blank(text):
        text, entities = (NOTHING, []) if blank(clean) else (clean, [])
    return tuple(part for part in _split(text.rstrip(), entities) if not blank(part.text))


async def render_long(markdown: str) -> tuple[Part, ...]:
    """The same, without holding up the event loop when the text is long."""
    if len(markdown) <= LIMIT:
        return render(markdown)
    return await asyncio.to_thread(render, markdown)


# Lines that begin with a letter, of characters that mean nothing to the parser.
_PLAIN = r"[^\s\x00-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef#$&*<>\[\\\]^_`{|}~]"
_PROSE = re.compile(rf"(?:[^\W\d_]{_PLAIN}*+(?: {_PLAIN}++)*+(?:\n{{1,2}}|\Z))+")


def _prose(markdown: str) -> str | None:
    """What needs no formatting, as most of what is said in a chat; None: it has to be looked at
    properly, which takes twenty times as long.
    """
    text = markdown.rstrip(" \n")
    if len(text) > LIMIT // 2 or _PROSE.fullmatch(text) is None or blank(text):
        return None
    return text


def _config() -> RenderConfig:
    config = RenderConfig.isolated()
    config.cite_expandable = False
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = ""
    symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.task_completed, symbols.task_uncompleted = "☑", "☐"
    symbols.unordered_list_item = "•"
    symbols.image += " "
    return config


_CONFIG = _config()

# Half characters, which no encoding takes; what Telegram drops; and our own stand-ins, below.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef]")

# Characters that mean something else to the parser than to people stand aside while it works, as
# noncharacters of the same length (one code unit): inside of code they come back unharmed, too.
_ASIDE = {
    "<": "\ufdd0",  # raw HTML is dropped
    ":": "\ufdd1",  # behind "]": definitions of links and footnotes are dropped
    "|": "\ufdd2",  # doubled: hides what stands between as a spoiler
    "$": "\ufdd3",  # mathematics: a sum of money, or a shell's variable
    "*": "\ufdd4",  # between two numbers: a product
    # Deep in lists that begin in one line: each would be shown further to the right, and 2000 of
    # them as 4 million spaces.
    "-": "\ufdd5",
    "+": "\ufdd6",
    ".": "\ufdd7",
    ")": "\ufdd8",
    ">": "\ufdd9",
}
_BACK = {ord(aside): char for char, aside in _ASIDE.items()}
# With an odd number of backslashes before it the character is escaped already.
_BARE = re.compile(r"(?<!\\)((?:\\\\)*)(<|\$|\|(?=\|)|(?<=\|)\||(?<=\d)\*(?=\d))")
_DEEP = re.compile(r"[^\S\n]*+(?:(?:[-*+>]|\d{1,9}[.)])[^\S\n]++){8}\d*+")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1)*\s*\Z")
_LINKS = ("http://", "https://", "mailto:")
_DEFINITION = re.compile(r"(?<=\]):")
_TABLE_ROW = re.compile(r"[\s>]*\|(?!\|).*\|\s*\Z")
_LINK_IN_ROW = re.compile(r"(?<![!\\])\[([^\[\]|]{1,300})\]\((https?://[^\s()|`]{1,500})\)")
_BREAK_IN_ROW = re.compile(r" ?<br ?/?> ?", re.IGNORECASE)
_FENCE = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(`{3,}(?=[^`]*\Z)|~{3,})(.*)")
_CODE_IN_ROW = re.compile(r"(`[^`]+`)")


# Tight around what is hidden, unlike the bars of a program.
_SPOILER = re.compile(r"(?<![\w\\|])\|\|([^\s|](?:[^|]*[^\s|])?)\|\|(?![\w|])")


def _set_aside(markdown: str) -> str:
    lines, fence = [], ""
    for line in _DEFINITION.sub(_ASIDE[":"], markdown).split("\n"):
        if (mark := _FENCE.match(line)) is not None:
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        lines.append(_bare_set_aside(line, in_code=bool(fence)))
    return "\n".join(lines)


def _bare_set_aside(line: str, *, in_code: bool) -> str:
    deep = _DEEP.match(line)
    if deep is not None and _RULE.match(line) is None:
        end = deep.end()
        line = line[:end] + _ASIDE.get(line[end : end + 1], line[end : end + 1]) + line[end + 1 :]
    if not in_code and _TABLE_ROW.match(line) is not None:
        return _without_bare(_row(line))
    pieces = _SPOILER.split(line)  # what is hidden stands at the odd places
    return "".join(
        f"||{_without_bare(piece)}||" if i % 2 else _without_bare(piece)
        for i, piece in enumerate(pieces)
    )


def _row(line: str) -> str:
    """A row of a table. A bar inside of code ends no cell, and two bars are an empty one. It is
    shown as code, which has no links, and no lines in a cell.
    """
    pieces = _CODE_IN_ROW.split(line)  # code stands at the odd places
    row = "".join(
        piece.replace("|", _ASIDE["|"])
        if i % 2
        else _LINK_IN_ROW.sub(r"\1 (`\2`)", _BREAK_IN_ROW.sub(" / ", piece))
        for i, piece in enumerate(pieces)
    )
    return row.replace("||", "| |").replace("||", "| |")


def _without_bare(line: str) -> str:
    return _BARE.sub(lambda match: match[1] + _ASIDE[match[2]], line)


def _rendered(markdown: str) -> tuple[str, list[Entity]]:
    text, entities = convert(_set_aside(markdown), latex_escape=False, config=_CONFIG)
    for entity in entities:
        entity.url = None if entity.url is None else entity.url.translate(_BACK)
        entity.language = None if entity.language is None else entity.language.translate(_BACK)
    text, entities = _parted(text.translate(_BACK), [each for each in entities if _harmless(each)])
    return text, _quoted(text, entities)


def _harmless(entity: Entity) -> bool:
    """Not what Telegram would take for more than a link: tg://user?id=1 mentions a person, and
    what a model writes must not.
    """
    return entity.url is None or entity.url.lower().startswith(_LINKS)


def _parted(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Blocks that the converter glued to a list item's text get lines of their own."""
    for block in entities:
        if block.type not in {"pre", "blockquote"}:
            continue
        for offset in (block.offset + block.length, block.offset):
            at = _index(text, offset)
            if 0 < at < len(text) and "\n" not in text[at - 1 : at + 1]:
                text = f"{text[:at]}\n{text[at:]}"
                for entity in entities:
                    if entity.offset >= offset:
                        entity.offset += 1
                    elif entity.offset + entity.length > offset:
                        entity.length += 1
    return text, entities


def _quoted(text: str, entities: Sequence[Entity]) -> list[Entity]:
    """Telegram knows no quotes in quotes; long ones are folded."""
    kept, end = [], -1
    for entity in sorted(entities, key=lambda each: (each.offset, -each.length)):
        if entity.type == "blockquote":
            if entity.offset < end:
                continue
            end = entity.offset + entity.length
            first, last = _index(text, entity.offset), _index(text, end)
            if entity.length > FOLDED_UNITS or text.count("\n", first, last) >= FOLDED_LINES:
                entity.type = "expandable_blockquote"
        kept.append(entity)
    return kept


def _index(text: str, offset: int) -> int:
    """Where in a text an offset in UTF-16 code units lies."""
    if text.isascii():
        return offset
    return len(text.encode("utf-16-le")[: offset * 2].decode("utf-16-le"))


def _split(text: str, entities: Sequence[Entity]) -> list[Part]:
    """Parts within Telegram's limits, cut where it disturbs least; nothing is left out."""
    offsets: Sequence[int] = range(len(text) + 1)
    if text and max(text) > "\uffff":
        offsets = list(accumulate((2 if c > "\uffff" else 1 for c in text), initial=0))
    ordered = sorted(entities, key=lambda e: (e.offset, -e.length))
    parts = []
    start = 0
    while start < len(text):
        inside = _within(ordered, offsets[start], offsets[start] + LIMIT)
        limit = offsets[start] + LIMIT
        if len(inside) > ENTITY_LIMIT and inside[ENTITY_LIMIT].offset > offsets[start]:
            limit = min(limit, inside[ENTITY_LIMIT].offset)
        end = _cut(text, offsets, start, limit)
        inside = _within(ordered, offsets[start], offsets[end])[:ENTITY_LIMIT]
        clipped = (_clipped(entity, offsets[start], offsets[end]) for entity in inside)
        parts.append(Part(text=text[start:end], entities=tuple(clipped)))
        start = end
    return parts


def _within(ordered: Sequence[Entity], start: int, end: int) -> list[Entity]:
    return [e for e in ordered if e.offset < end and e.offset + e.length > start]


def _cut(text: str, offsets: Sequence[int], start: int, limit: int) -> int:
    """The end of the part that begins at `start`: behind a paragraph, a line or a word, if one
    ends in its second half; else as far as it may go.
    """
    if offsets[-1] <= limit:
        return len(text)
    end = max(bisect_right(offsets, limit) - 1, start + 1)
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, start + (end - start) // 2, end)
        if found != -1:
            return found + len(mark)
    return end


def _clipped(entity: Entity, start: int, end: int) -> MessageEntity:
    first, last = max(entity.offset, start), min(entity.offset + entity.length, end)
    return MessageEntity(
        type=entity.type,
        offset=first - start,
        length=last - first,
        url=entity.url,
        language=entity.language,
        custom_emoji_id=entity.custom_emoji_id,
    )
