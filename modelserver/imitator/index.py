"""Finding the examples nearest to a message: TF-IDF over words and character trigrams.

Words carry the meaning; trigrams keep typos and very short messages comparable. Similarity is the
cosine of the weighted terms, so 1.0 is the same message and 0.0 has nothing in common.
"""

import heapq
import json
import math
import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T", int, float)

_WORD = re.compile(r"\w+")
_GRAM_WEIGHT = 0.35  # of a trigram against a word
_CONTEXT_WEIGHT = 0.25  # of the messages before against the last one
_READ = 4_000  # characters of a message that are looked at
_TERMS = 40  # of a message, the rarest ones: keeps long messages quick
_POSTINGS = 6_000  # looked at for one message: keeps big models quick
_BRIEF = 25  # percent of the replies, the shortest ones, that serve when nothing is near


@dataclass(frozen=True, slots=True)
class Entry:
    """One learnt exchange."""

    asked: str
    before: str  # what was said before that, shortened
    reply: str


def _weighted(asked: str, before: str) -> dict[str, float]:
    """The weights of the terms of a message and what came before; trigrams begin with NUL."""
    weights: dict[str, float] = {}
    for text, factor in ((asked, 1.0), (before, _CONTEXT_WEIGHT)):
        for word, count in Counter(_WORD.findall(text[:_READ].lower())).items():
            weight = factor * (1.0 + math.log(count))
            weights[word] = max(weights.get(word, 0.0), weight)
            padded = f" {word} "
            for i in range(len(padded) - 2):
                gram = "\x00" + padded[i : i + 3]
                weights[gram] = max(weights.get(gram, 0.0), factor * _GRAM_WEIGHT)
    return weights


class Index:
    """An inverted index of entries. Build it with `of`, or read it with `from_bytes`."""

    def __init__(
        self, entries: Sequence[Entry], postings: dict[str, tuple[array[int], array[float]]]
    ) -> None:
        self.entries = tuple(entries)
        self._postings = postings  # term -> numbers of entries, and its share in each
        replies = sorted({entry.reply for entry in self.entries}, key=lambda r: (len(r), r))
        self.brief = tuple(replies[: max(3, len(replies) * _BRIEF // 100)])

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Index":
        """The index of some entries."""
        vectors = [_weighted(entry.asked, entry.before) for entry in entries]
        frequency: Counter[str] = Counter()
        for vector in vectors:
            frequency.update(vector.keys())
        postings: dict[str, tuple[array[int], array[float]]] = defaultdict(
            lambda: (array("I"), array("f"))
        )
        for number, vector in enumerate(vectors):
            weighed = {
                term: weight * _rarity(len(entries), frequency[term])
                for term, weight in vector.items()
            }
            norm = _norm(weighed.values())
            for term, weight in weighed.items():
                numbers, shares = postings[term]
                numbers.append(number)
                shares.append(weight / norm)
        return cls(entries, dict(postings))

    def to_bytes(self) -> Iterable[bytes]:
        """The index as a file: a line of JSON, then the arrays, little-endian."""
        head = {
            "entries": [[entry.asked, entry.before, entry.reply] for entry in self.entries],
            "terms": [[term, len(numbers)] for term, (numbers, _) in self._postings.items()],
        }
        yield json.dumps(head).encode() + b"\n"
        for numbers, shares in self._postings.values():
            yield _little_endian(numbers).tobytes()
            yield _little_endian(shares).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Index":
        line, _, _ = data.partition(b"\n")
        head = json.loads(line)
        postings = {}
        place, view = len(line) + 1, memoryview(data)
        for term, count in head["terms"]:
            numbers, shares = array("I"), array("f")
            numbers.frombytes(view[place : place + 4 * count])
            shares.frombytes(view[place + 4 * count : place + 8 * count])
            place += 8 * count
            postings[term] = (_little_endian(numbers), _little_endian(shares))
        return cls([Entry(*entry) for entry in head["entries"]], postings)

    def nearest(self, asked: str, before: str, limit: int) -> list[tuple[float, int]]:
        """(similarity, entry) of the nearest entries, the best first; ties in order of entry."""
        count = len(self.entries)
        wanted, known = _weighted(asked, before), []
        for term in wanted:
            having = 1  # what no entry has is as rare as what one has
            if term in self._postings:
                known.append(term)
                having = len(self._postings[term][0])
            wanted[term] *= _rarity(count, having)
        norm = _norm(wanted.values())
        known.sort(key=lambda term: (len(self._postings[term][0]), term))
        scores: dict[int, float] = defaultdict(float)
        looked = 0
        for term in known[:_TERMS]:
            numbers, shares = self._postings[term]
            looked += len(numbers)
            if looked > _POSTINGS and scores:
                break
            weight = wanted[term] / norm
            for number, share in zip(numbers, shares, strict=True):
                scores[number] += weight * share
        best = heapq.nsmallest(limit, [(-score, number) for number, score in scores.items()])
        return [(-score, number) for score, number in best]


def _rarity(count: int, having: int) -> float:
    return math.log(1 + count / having)


def _norm(weights: Iterable[float]) -> float:
    return math.sqrt(sum(weight * weight for weight in weights)) or 1.0


def _little_endian(values: array[T]) -> array[T]:
    """The array for a file, or from one: its bytes swapped where the machine needs it."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
