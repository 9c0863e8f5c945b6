"""How long the imitator takes for a reply, for benchmarks."""

import random
import statistics
import time

from modelserver.engine import Said
from modelserver.imitator import voice
from modelserver.imitator.index import Entry, Index

_SYLLABLES = ["ba", "cer", "di", "fo", "gum", "ha", "jo", "kan", "lo", "mi", "na", "pu", "sa", "ti"]


def reply_milliseconds(examples: int = 10_000, replies: int = 200) -> tuple[float, float]:
    """Median and 99th percentile of choosing a reply, from examples of 12 words each whose words
    are as unevenly frequent as those of a language (Zipf).
    """
    chance = random.Random(1)  # noqa: S311  (the same texts in every run)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(5_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]

    def sentence() -> str:
        return " ".join(chance.choices(words, weights, k=12))

    index = Index.of([Entry(sentence(), sentence(), sentence()) for _ in range(examples)])
    times = []
    for _ in range(replies):
        messages = [Said("system", sentence()), Said("user", sentence())]
        messages += [Said("assistant", sentence()), Said("user", sentence())]
        began = time.perf_counter()
        voice.trained(index, messages)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]
