"""Screening: a provider's moderation looks at the examples before they are uploaded, since one
that it flags may make it refuse the whole file, or the finished model.

It happens after the yes, where the training is followed: until then no text of an example leaves
for the provider. Held out examples are never uploaded, and so not screened.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from avatar import batches
from avatar.errors import NotOffered, RemoteNotFound, RequestRefused
from avatar.ports import Moderator
from avatar.records import Example, Version
from avatar.stores import Store

PIECE = 8_000  # characters that are looked at as one text
TEXTS = 32  # in one request
AT_ONCE = 4  # requests


@dataclass(frozen=True, kw_only=True, slots=True)
class Screening:
    """What a provider's moderation said of a version's examples."""

    screened: int  # examples that were looked at
    left_out: int = 0  # of them, those that it flags
    categories: Mapping[str, int] = field(default_factory=dict)  # one may be of several
    refusal: str = ""  # why nothing was screened; "" where it was


async def screen(store: Store, moderator: Moderator, version: Version) -> Screening:
    """Take the examples that are flagged out of a version, and write down what was said of them.

    A provider that turns out not to offer it leaves all as it is. Raises ProviderError for what
    would stop the upload too, or may pass.
    """
    flagged: list[int] = []
    categories = Counter[str]()
    screened = 0
    try:
        async for batch in batches.of_version(store, version.id, held_out=False):
            screened += len(batch)
            for (position, _), found in zip(batch, await _flags(moderator, batch), strict=True):
                if found:
                    flagged.append(position)
                    categories.update(found)
        screening = Screening(
            screened=screened, left_out=len(flagged), categories=dict(categories.most_common())
        )
    except (NotOffered, RemoteNotFound, RequestRefused) as error:
        flagged = []
        screening = Screening(screened=0, refusal=error.sentence)
    await store.screened(version.id, flagged, screening=asdict(screening))
    return screening


async def _flags(
    moderator: Moderator, batch: Sequence[tuple[int, Example]]
) -> list[frozenset[str]]:
    """The categories that each example is flagged for; none where it is not."""
    pieces = [(n, piece) for n, (_, example) in enumerate(batch) for piece in _pieces(example)]
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(part: Sequence[tuple[int, str]]) -> tuple[frozenset[str], ...]:
        async with slots:
            return await moderator.flags([piece for _, piece in part])

    parts = [pieces[at : at + TEXTS] for at in range(0, len(pieces), TEXTS)]
    tasks = [asyncio.create_task(ask(part)) for part in parts]
    try:
        answers = await asyncio.gather(*tasks)
    finally:  # the first error ends the others
        for task in tasks:
            task.cancel()
    found: list[frozenset[str]] = [frozenset()] * len(batch)
    for part, answer in zip(parts, answers, strict=True):
        for (n, _), flags in zip(part, answer, strict=True):
            found[n] |= flags
    return found


def _pieces(example: Example) -> Iterator[str]:
    whole = "\n".join(example.texts)
    for at in range(0, len(whole), PIECE):
        if piece := whole[at : at + PIECE].strip():
            yield piece
