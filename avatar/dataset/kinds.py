"""Kinds of examples that somebody may want to leave out all at once, and what is counted of them.

An example is of several kinds: "in German", "from the chat Ann", "with masked data".
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from avatar.dataset.languages import UNKNOWN
from avatar.dataset.links import LINK
from avatar.dataset.report import Look, looked_at
from avatar.language import noted, tr
from avatar.records import Candidate, Example

ONE_BY_ONE = noted("one by one")
MASKED = noted("with masked data")
SHORT = noted("with a reply of 10 characters or less")
LONG = noted("with a reply of more than 1,000 characters")
LINKED = noted("with a link in the reply")
_FIXED = {ONE_BY_ONE, MASKED, SHORT, LONG, LINKED}
_IN_LANGUAGE = "in "
_FROM_CHAT = "from the chat "
_SHORT, _LONG = 10, 1_000  # characters
_LONGEST = 100  # characters of what a kind is called


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is known of one candidate, without its texts."""

    position: int
    held_out: bool
    left_out: str | None
    kinds: tuple[str, ...]
    look: Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Examples that have something in common."""

    words: str  # behind "examples", as they are stored; `kind_words` says them
    examples: int  # to be trained on, if all kinds were in
    left_out: bool

    @property
    def number(self) -> int:
        """What it is called on a button."""
        return number_of(self.words)


def kind_words(words: str) -> str:
    """How a kind is called in the language of now, by its words."""
    if words.startswith(_FROM_CHAT):
        return tr("from the chat {chat}", chat=words.removeprefix(_FROM_CHAT))
    if words.startswith(_IN_LANGUAGE):
        return tr("in {language}", language=tr(words.removeprefix(_IN_LANGUAGE)))
    return tr(words) if words in _FIXED else words


def number_of(words: str) -> int:
    """A number for a kind, the same each time."""
    return zlib.crc32(words.encode("utf-8", "replace"))


def seen(candidates: Sequence[Candidate], *, of: str, exported: bool) -> list[Seen]:
    """`of`: the file that they are from; `exported`: it is an export of chats."""
    found = []
    for each in candidates:
        look = looked_at(each.example)
        kinds = [f"{_IN_LANGUAGE}{look.language}"] if look.language != UNKNOWN else []
        if exported and each.example.source.startswith(f"{of}: "):
            kinds.append(f"{_FROM_CHAT}{each.example.source[len(of) + 2 :]}"[:_LONGEST])
        kinds += _of_texts(each.example, look)
        found.append(
            Seen(
                position=each.position,
                held_out=each.held_out,
                left_out=each.left_out,
                kinds=tuple(kinds),
                look=look,
            )
        )
    return found


def _of_texts(example: Example, look: Look) -> Iterable[str]:
    if look.masked:
        yield MASKED
    if look.reply <= _SHORT:
        yield SHORT
    if look.reply > _LONG:
        yield LONG
    if LINK.search(example.turns[-1].text):
        yield LINKED


def kinds_of(all_seen: Sequence[Seen], left_out: Iterable[str]) -> tuple[Kind, ...]:
    """The kinds that there are, most examples first; without those that all examples are of, since
    nothing would be left.
    """
    out = set(left_out)
    counts = Counter(
        words for each in all_seen if not each.held_out for words in dict.fromkeys(each.kinds)
    )
    total = sum(not each.held_out for each in all_seen)
    singles = sum(each.left_out == ONE_BY_ONE for each in all_seen)
    kinds = [
        Kind(words=words, examples=count, left_out=words in out)
        for words, count in counts.most_common()
        if count < total or words in out
    ]
    if singles:
        kinds.append(Kind(words=ONE_BY_ONE, examples=singles, left_out=True))
    return tuple(kinds)


def changes(all_seen: Sequence[Seen], left_out: Sequence[str]) -> dict[int, str | None]:
    """Which candidates change when these kinds are left out, by position, and why each is out:
    for the first of its kinds. `ONE_BY_ONE` among them keeps out what was left out one by one.
    """
    changed: dict[int, str | None] = {}
    singles = ONE_BY_ONE in left_out
    for each in all_seen:
        if singles and each.left_out == ONE_BY_ONE:
            continue
        reason = next((words for words in left_out if words in each.kinds), None)
        if reason != each.left_out:
            changed[each.position] = reason
    return changed
