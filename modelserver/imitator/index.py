"""Finding the examples nearest to a message: TF-IDF over words, trigrams and letters.

Words carry the meaning; trigrams keep typos and very short messages comparable, and the letters of
a word without their order keep "tierd" near "tired", which share no trigram but the first.
Similarity is the cosine of the weighted terms, so 1.0 is the same message and 0.0 has nothing in
common.
"""

import heapq
import json
import math
import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T", int, float)
Postings = tuple["array[int]", "array[float]"]  # numbers of entries; the share in each of them

_WORD = re.compile(r"\w+")
_GRAM_WEIGHT = 0.35  # of a trigram against a word
_LETTERS_WEIGHT = 0.5  # of a word's letters against the word
_CONTEXT_WEIGHT = 0.25  # of the messages before against the last one
_UNHEARD = 0.5  # of a word that no entry has against one that a single entry has
_READ = 4_000  # characters of a message that are looked at
_TERMS = 32  # of a message, the rarest ones: keeps long messages quick
_POSTINGS = 4_000  # looked at for one message: keeps big models quick
_BRIEF = 25  # percent of the replies, the shortest ones, that serve when nothing is near


@dataclass(frozen=True, slots=True)
class Entry:
    """One learnt exchange."""

    asked: str
    before: str  # what was said before that, shortened
    reply: str


def _weighted(asked: str, before: str) -> dict[str, float]:
    """The weights of the terms of a message and what came before it.

    A term is a word, or NUL and a trigram, or SOH and a word's letters.
    """
    weights: dict[str, float] = {}
    for text, factor in ((asked, 1.0), (before, _CONTEXT_WEIGHT)):
        for word, count in Counter(_WORD.findall(text[:_READ].lower())).items():
            terms = [(word, 1.0 + math.log(count))]
            padded = f" {word} "
            terms += [("\0" + padded[i : i + 3], _GRAM_WEIGHT) for i in range(len(padded) - 2)]
            if len(word) > 3:
                terms.append(("\1" + word[0] + "".join(sorted(word[1:])), _LETTERS_WEIGHT))
            for term, weight in terms:
                weights[term] = max(weights.get(term, 0.0), factor * weight)
    return weights


class Index:
    """An inverted index of entries. `postings` are given when it is read from a file."""

    def __init__(
        self, entries: Sequence[Entry], postings: Mapping[str, Postings] | None = None
    ) -> None:
        self.entries = tuple(entries)
        self._postings = _inverted(self.entries) if postings is None else postings
        replies = sorted({entry.reply for entry in self.entries}, key=lambda r: (len(r), r))
        self.brief = tuple(replies[: max(3, len(replies) * _BRIEF // 100)])

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
        wanted = _weighted(asked, before)
        known = [term for term in wanted if term in self._postings]
        for term in wanted:
            if term in self._postings:
                wanted[term] *= _rarity(count, len(self._postings[term][0]))
            else:  # what was never heard lowers a similarity: a word somewhat, its trigrams not
                wanted[term] *= 0 if term[0] < " " else _rarity(count, 1) * _UNHEARD
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


def _inverted(entries: Sequence[Entry]) -> Mapping[str, Postings]:
    vectors = [_weighted(entry.asked, entry.before) for entry in entries]
    frequency: Counter[str] = Counter()
    for vector in vectors:
        frequency.update(vector.keys())
    postings: dict[str, Postings] = defaultdict(lambda: (array("I"), array("f")))
    for number, vector in enumerate(vectors):
        for term in vector:
            vector[term] *= _rarity(len(entries), frequency[term])
        norm = _norm(vector.values())
        for term, weight in vector.items():
            numbers, shares = postings[term]
            numbers.append(number)
            shares.append(weight / norm)
    return dict(postings)


def _rarity(count: int, having: int) -> float:
    return math.log(1 + count / having)


def _norm(weights: Iterable[float]) -> float:
    return math.sqrt(sum(weight * weight for weight in weights)) or 1.0


def _little_endian(values: "array[T]") -> "array[T]":
    """The array for a file, or from one: its bytes swapped where the machine needs it."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
