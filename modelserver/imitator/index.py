"""Finding the examples nearest to a message: TF-IDF over words and character trigrams.

Words carry the meaning; trigrams keep typos and very short messages comparable. Similarity is the
cosine of the weighted terms, so 1.0 is the same message and 0.0 has nothing in common.
"""

import heapq
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_GRAM_WEIGHT = 0.35  # of a trigram against a word
_CONTEXT_WEIGHT = 0.25  # of the messages before against the last one
_TERMS = 40  # of a message, the rarest ones: keeps long messages quick
_POSTINGS = 4_000  # looked at for one message at most: keeps big models quick


@dataclass(frozen=True, slots=True)
class Entry:
    """One learnt exchange."""

    asked: str
    before: str  # what was said before that, shortened
    reply: str


def terms(text: str) -> Counter[str]:
    """The weighted terms of a text (weights are counts times 1, or a fraction for trigrams)."""
    words = _WORD.findall(text.lower())
    found: Counter[str] = Counter()
    for word in words:
        found[word] += 1
        padded = f" {word} "
        for i in range(len(padded) - 2):
            found["\x00" + padded[i : i + 3]] += 0  # present; weighed below
    return found


def _weighted(asked: str, before: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for text, factor in ((asked, 1.0), (before, _CONTEXT_WEIGHT)):
        for term, count in terms(text).items():
            weight = factor * (_GRAM_WEIGHT if term[0] == "\x00" else 1.0 + math.log(count))
            weights[term] = max(weights.get(term, 0.0), weight)
    return weights


class Index:
    """An inverted index of entries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        vectors = [_weighted(entry.asked, entry.before) for entry in self.entries]
        frequency: Counter[str] = Counter()
        for vector in vectors:
            frequency.update(vector.keys())
        count = len(self.entries)
        self._idf = {term: math.log(1 + count / n) for term, n in frequency.items()}
        self._unknown = math.log(1 + count)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, vector in enumerate(vectors):
            weighed = {term: weight * self._idf[term] for term, weight in vector.items()}
            norm = math.sqrt(sum(w * w for w in weighed.values())) or 1.0
            for term, weight in weighed.items():
                self._postings[term].append((number, weight / norm))

        replies = sorted({e.reply for e in self.entries}, key=lambda r: (len(r), r))
        self.short_replies = tuple(replies[: max(3, len(replies) // 4)])

    def nearest(self, asked: str, before: str, limit: int) -> list[tuple[float, int]]:
        """(similarity, entry) of the nearest entries, the best first; ties in order of entry."""
        wanted = {
            term: weight * self._idf.get(term, self._unknown)
            for term, weight in _weighted(asked, before).items()
        }
        norm = math.sqrt(sum(w * w for w in wanted.values())) or 1.0
        known = [term for term in wanted if term in self._postings]
        known.sort(key=lambda term: (len(self._postings[term]), term))
        scores: dict[int, float] = defaultdict(float)
        looked = 0
        for term in known[:_TERMS]:
            postings = self._postings[term]
            looked += len(postings)
            if looked > _POSTINGS and scores:
                break
            weight = wanted[term] / norm
            for number, of_entry in postings:
                scores[number] += weight * of_entry
        best = heapq.nsmallest(limit, scores.items(), key=lambda item: (-item[1], item[0]))
        return [(score, number) for number, score in best]


def known_share(vocabulary: set[str], texts: Iterable[str]) -> float:
    """Which share of the terms of some texts is in a vocabulary."""
    seen = total = 0
    for text in texts:
        for term in terms(text):
            total += 1
            seen += term in vocabulary
    return seen / total if total else 1.0
