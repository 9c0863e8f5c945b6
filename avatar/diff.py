"""What changed between two texts, word by word."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

_CONTEXT = 10  # words shown on each side of a change
_PIECES = re.compile(r"\s*\S+\s*")  # a word with the space around it


class Change(Enum):
    """What happened to a run of words."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left out"  # words in between that did not change


@dataclass(frozen=True, slots=True)
class Run:
    """Words in a row that had the same fate; spaces and line breaks are kept."""

    change: Change
    text: str


def word_diff(old: str, new: str) -> tuple[tuple[Run, ...], int, int]:
    """The runs that lead from `old` to `new`, and how many words were removed and added.

    Long unchanged stretches are shortened to ten words around each change. Takes up to some
    tenths of a second for texts of 32,000 characters: call it off the event loop.
    """
    before, after = _PIECES.findall(old), _PIECES.findall(new)
    runs: list[Run] = []
    removed = added = 0
    operations = _operations(before, after)
    for i, (same, gone, come) in enumerate(operations):
        runs += _shortened(same, keep_start=i > 0, keep_end=i < len(operations) - 1)
        if gone:
            removed += len(gone)
            runs.append(Run(Change.REMOVED, "".join(gone)))
        if come:
            added += len(come)
            runs.append(Run(Change.ADDED, "".join(come)))
    return tuple(runs), removed, added


def _operations(
    before: list[str], after: list[str]
) -> list[tuple[list[str], list[str], list[str]]]:
    """Steps of (kept, removed, added). The space behind a word belongs to it and is not compared.

    difflib's heuristic for frequent words (autojunk) keeps long texts from taking minutes.
    """
    steps: list[tuple[list[str], list[str], list[str]]] = []
    matcher = SequenceMatcher(None, [w.rstrip() for w in before], [w.rstrip() for w in after])
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            steps.append((after[b1:b2], [], []))
        else:
            steps.append(([], before[a1:a2], after[b1:b2]))
    return steps


def _shortened(pieces: list[str], *, keep_start: bool, keep_end: bool) -> list[Run]:
    if not pieces:
        return []
    if len(pieces) <= 2 * _CONTEXT + 2:
        return [Run(Change.SAME, "".join(pieces))]
    head = pieces[:_CONTEXT] if keep_start else []
    tail = pieces[-_CONTEXT:] if keep_end else []
    return [
        *([Run(Change.SAME, "".join(head))] if head else []),
        Run(Change.LEFT_OUT, "".join(pieces[len(head) : len(pieces) - len(tail)])),
        *([Run(Change.SAME, "".join(tail))] if tail else []),
    ]
