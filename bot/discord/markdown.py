"""Markdown as Discord shows it, in parts that fit into messages.

Discord knows most of Markdown, and some of it means something else there: two underscores
underline, two bars hide, three `>` quote all that follows. Tables, images, rules and small
headings it does not know. Code is left as it is, except that a fence is always three backticks.
"""

import asyncio
import re
from bisect import bisect_right
from collections.abc import Iterator

from avatar.text import blank

LIMIT = 2000  # UTF-16 code units a message, the stricter way of counting
NOTHING = "…"  # for a text of which nothing can be seen: Discord takes no empty message
_LONG = 4 * LIMIT
_INFO = 30  # characters of a code block's language

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_FENCE = re.compile(r"([^\S\n]*)(`{3,}|~{3,})([^`\n]*)\Z")
_RUN = re.compile(r"`+")
_HEADING = re.compile(r"(\s{0,3})#{4,6}\s+(.*?)(?:\s+#+)?\s*\Z")
_RULE = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*\Z")
_QUOTES = re.compile(r"\s{0,3}>(?:\s?>)+\s?")
_TASK = re.compile(r"(\s*(?:[-*+]|\d+[.)])\s+)\[([ xX])\](?=\s)")
_PLUS = re.compile(r"(\s*)\+(?=\s)")
# Bounded, and no bracket in a bracket: else many that are never closed take seconds.
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\(([^)\s]{0,2000}+)(?:\s[^)\n]{0,500})?\)")
_OPENED = re.compile(r"(?<![\w\\])__(?=\S)")
_CLOSED = re.compile(r"(?<=\S)__(?!\w)")
_FENCES = re.compile(r"`{3,}")
_BARS = re.compile(r"(?<!\\)\|\|")
_ROW = re.compile(r"\s*\|.*\|\s*\Z")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*\Z")
_TWO = re.compile(r"`(?=`)")
_APART = "`\u200b"  # so that many backticks in a row are no mark


def render(markdown: str) -> tuple[str, ...]:
    """At least one part. Together they hold every word of the Markdown, in order."""
    text = translated(_CONTROL.sub("\ufffd", markdown.replace("\r\n", "\n")))
    if blank(text):
        return (NOTHING,)
    return tuple(part for part in _split(text.strip("\n")) if not blank(part))


async def render_long(markdown: str) -> tuple[str, ...]:
    """The same, without holding up the event loop when the text is long."""
    if len(markdown) <= _LONG:
        return render(markdown)
    return await asyncio.to_thread(render, markdown)


def size(text: str) -> int:
    """In UTF-16 code units."""
    return len(text) + sum(c > "\uffff" for c in text)


# What Discord shows otherwise


def translated(markdown: str) -> str:
    """Line by line; a fence that is still open at the end is closed."""
    done: list[str] = []
    lines = markdown.split("\n")
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is not None:
            block, at = _fenced(lines, at, opened)
            done += block
        elif _is_table(lines, at):
            block, at = _table(lines, at)
            done += block
        else:
            done.append(_line(lines[at]))
            at += 1
    return "\n".join(done)


def _fenced(lines: list[str], at: int, opened: re.Match[str]) -> tuple[list[str], int]:
    """A code block, and where the text goes on."""
    indent, mark, info = opened.groups()
    block = ["```" + info.strip().partition(" ")[0][:_INFO]]
    for i in range(at + 1, len(lines)):
        line = lines[i]
        stripped = line.strip()
        if stripped and len(stripped) >= len(mark) and not stripped.strip(mark[0]):
            return [*block, "```"], i + 1
        if indent and line.startswith(indent):
            line = line[len(indent) :]
        block.append(_unfenced(line))
    return [*block, "```"], len(lines)


def _unfenced(code: str) -> str:
    """Code in which no three backticks stand together."""
    return _FENCES.sub(lambda run: _TWO.sub(_APART, run[0]), code)


def _is_table(lines: list[str], at: int) -> bool:
    return (
        at + 1 < len(lines)
        and _ROW.match(lines[at]) is not None
        and "-" in lines[at + 1]
        and _DELIMITER.match(lines[at + 1]) is not None
    )


def _table(lines: list[str], at: int) -> tuple[list[str], int]:
    """A table as a code block with columns in line, and where the text goes on."""
    end = at + 2
    while end < len(lines) and _ROW.match(lines[end]):
        end += 1
    rows = [_cells(lines[i]) for i in (at, *range(at + 2, end))]
    count = max(len(row) for row in rows)
    rows = [row + [""] * (count - len(row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(count)]
    drawn = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    rule = "-+-".join("-" * width for width in widths)
    return ["```", drawn[0], rule, *drawn[1:], "```"], end


def _cells(line: str) -> list[str]:
    inner = line.strip().strip("|").replace("\\|", "\x00")
    return [
        cell.strip().replace("\x00", "|").replace("**", "").replace("`", "")
        for cell in inner.split("|")
    ]


def _line(line: str) -> str:
    """A line outside of code blocks."""
    line = line.rstrip()
    if _RULE.match(line):
        return "─" * 12
    if (heading := _HEADING.match(line)) is not None:
        line = f"{heading[1]}**{heading[2].replace('**', '')}**"
    line = _QUOTES.sub("> ", line, count=1) if _QUOTES.match(line) else line
    line = _TASK.sub(lambda m: f"{m[1]}{'☐' if m[2] == ' ' else '☑'}", line, count=1)
    line = _PLUS.sub(r"\1-", line, count=1) if _PLUS.match(line) else line
    if line.startswith("-#"):
        line = "\\" + line
    done, start = [], 0
    for begin, end, marks in _codes(line):
        done += [_words(line[start:begin]), _code(line[begin:end], marks)]
        start = end
    return "".join([*done, _words(line[start:])])


def _codes(line: str) -> Iterator[tuple[int, int, int]]:
    """Code inside of a line, from a run of backticks to the next that is as long: where it begins
    and ends, and how long they are.
    """
    runs = [run.span() for run in _RUN.finditer(line)]
    by_length: dict[int, list[int]] = {}
    for i, (begin, end) in enumerate(runs):
        by_length.setdefault(end - begin, []).append(i)
    at = 0
    while at < len(runs):
        begin, end = runs[at]
        alike = by_length[end - begin]
        next_ = bisect_right(alike, at)
        if next_ == len(alike):
            at += 1
            continue
        yield begin, runs[alike[next_]][1], end - begin
        at = alike[next_] + 1


def _code(span: str, marks: int) -> str:
    """Code with its backticks; Discord takes three for a block, wherever they stand."""
    if marks < 3:
        return _unfenced(span)
    inner = span[marks:-marks].strip()
    return f"`` {_TWO.sub(_APART, inner)} ``" if "`" in inner else f"`{inner}`"


def _words(text: str) -> str:
    """What stands outside of code."""
    text = _IMAGE.sub(lambda m: f"[{m[1]}]({m[2]})" if m[1] else m[2], text)
    text = _FENCES.sub(lambda m: "\\`" * len(m[0]), text)
    text = _bold(text)
    return _BARS.sub(r"\\|\\|", text)


def _bold(text: str) -> str:
    """Two underscores around words as two stars. Where one pair is not closed, none behind it is:
    so this looks at a text once.
    """
    done, start = "", 0
    while (opened := _OPENED.search(text, start)) is not None:
        closed = _CLOSED.search(text, opened.end() + 1)
        if closed is None:
            break
        done += f"{text[start : opened.start()]}**{text[opened.end() : closed.start()]}**"
        start = closed.end()
    return done + text[start:]


# Parts


def _split(text: str) -> list[str]:
    """Cut where it disturbs least. A code block that is cut is closed, and opened again."""
    parts: list[str] = []
    fence = ""
    while text:
        head = f"{fence}\n" if fence else ""
        if len(text) <= LIMIT and size(head) + size(text) <= LIMIT:
            parts.append(head + text)
            break
        end = _cut(text, LIMIT - size(head) - len("\n```"), inside=bool(fence))
        piece, text = text[:end], text[end:]
        fence = _open_after(piece, fence)
        if fence and piece.rstrip("\n").rpartition("\n")[2] == fence:
            # Nothing of the block fits any more: it begins with the next part.
            piece = piece.rstrip("\n").removesuffix(fence)
            parts.append(head + piece.rstrip("\n"))
        elif fence:
            parts.append(f"{head}{piece.removesuffix(chr(10))}\n```")
            if text.partition("\n")[0] == "```":  # it would have ended there anyway
                text, fence = text[3:].lstrip("\n"), ""
        else:
            parts.append(head + piece.rstrip("\n"))
            text = text.lstrip("\n")
    return parts


def _open_after(piece: str, fence: str) -> str:
    """The opening line of the code block that is open at the end of a piece; "" for none."""
    for line in piece.split("\n"):
        if line.startswith("```"):
            fence = "" if fence else line
    return fence


def _cut(text: str, room: int, *, inside: bool) -> int:
    """The end of a piece: behind a paragraph, a line or a word, if one ends in its second half;
    else as far as it may go.
    """
    end, used = 0, 0
    for c in text:
        used += 2 if c > "\uffff" else 1
        if used > room:
            break
        end += 1
    for mark in ("\n\n", "\n", " ") if not inside else ("\n", " "):
        found = text.rfind(mark, end // 2, end)
        if found > 0:
            return found + len(mark)
    return max(end, 1)
