"""How well the imitator knows its examples: the numbers behind a training's loss and accuracy.

It learns by heart, and a word heard n times is known to the degree 1 - 2^-n. What is reported is
real: the mean over the words of a batch before the batch is heard.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from modelserver.engine import Lesson

_WORD = re.compile(r"\w+")
_UNKNOWN = 0.001  # so that the loss of an unknown word is 6.9 and not infinite


class Memory:
    """The words heard so far."""

    def __init__(self) -> None:
        self._heard: Counter[str] = Counter()

    def known(self, lessons: Sequence[Lesson]) -> float:
        """How well the words of some lessons are known, from 0 to 1. Without words: 1."""
        degrees = [1 - 0.5 ** self._heard[word] for word in _words(lessons)]
        return sum(degrees) / len(degrees) if degrees else 1.0

    def hear(self, lessons: Sequence[Lesson]) -> float:
        """Learn some lessons; returns how well they were known before."""
        before = self.known(lessons)
        self._heard.update(_words(lessons))
        return before


def loss(known: float) -> float:
    """The mean negative logarithm that a degree of knowledge comes to."""
    return abs(math.log(_UNKNOWN + (1 - _UNKNOWN) * known))


def _words(lessons: Iterable[Lesson]) -> Iterable[str]:
    for lesson in lessons:
        for message, learn in zip(lesson.messages, lesson.learn, strict=True):
            if learn:
                yield from _WORD.findall(message.text.lower())
