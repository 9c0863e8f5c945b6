"""Taking a person out of the stored examples. What a model has learnt stays in it until it is
trained again.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from avatar import batches
from avatar.errors import BadText
from avatar.language import tr
from avatar.records import Avatar, Example, TrainingType, Version
from avatar.stores import Store
from avatar.text import visible

PAGE = 100  # versions, or taught answers
MIN_NAME, MAX_NAME = 2, 80  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A version whose examples hold a person."""

    version: Version
    positions: tuple[int, ...]  # of the examples that do
    stored: int  # examples in all, held out ones too


class Unlearning:
    """The use-cases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, avatar: Avatar, name: str) -> tuple[Holding, ...]:
        """The versions whose examples hold a name, newest first. Raises BadText."""
        pattern = _pattern(name)
        found, offset = [], 0
        while page := await self._store.history(avatar.id, limit=PAGE, offset=offset):
            offset += len(page)
            for version in page:
                # Where none is trained on any more, held out ones may be left.
                if version.training_type is TrainingType.FINE_TUNE:
                    holding = await self._holding(version, pattern)
                    if holding.positions:
                        found.append(holding)
        return tuple(found)

    async def remove(self, version: Version, name: str, *, now: datetime) -> int:
        """Remove the examples of a version that hold a name; how many."""
        holding = await self._holding(version, _pattern(name))
        return await self._store.remove_examples(version.id, holding.positions, now=now)

    async def taught(self, avatar: Avatar, name: str) -> tuple[int, ...]:
        """The ids of what was taught in the chat and holds a name. Raises BadText."""
        pattern = _pattern(name)
        found: list[int] = []
        offset = 0
        while page := await self._store.taught(avatar.id, limit=PAGE, offset=offset):
            offset += len(page)
            for each in page:
                texts = (*(turn.text for turn in each.turns), each.better, each.worse)
                found += [each.id] if any(map(pattern.search, texts)) else []
        return tuple(found)

    async def unteach(self, avatar: Avatar, name: str) -> int:
        """Remove what was taught and holds a name; how many."""
        ids = await self.taught(avatar, name)
        return sum([await self._store.unteach(each) for each in ids])

    async def _holding(self, version: Version, pattern: re.Pattern[str]) -> Holding:
        positions: list[int] = []
        stored = 0
        async for batch in batches.of_version(self._store, version.id):
            stored += len(batch)
            positions += await asyncio.to_thread(_held, batch, pattern)
        return Holding(version=version, positions=tuple(positions), stored=stored)


def _held(batch: Sequence[tuple[int, Example]], pattern: re.Pattern[str]) -> list[int]:
    return [position for position, example in batch if holds(example, pattern)]


def holds(example: Example, pattern: re.Pattern[str]) -> bool:
    """Whether a name is in an example: of who speaks, in what is said, or in the chat that it is
    from.
    """
    texts = (*example.texts, example.source, *example.people)
    return any(pattern.search(text) for text in texts)


def _pattern(name: str) -> re.Pattern[str]:
    """A name as a word of its own, in small or capital letters."""
    clean = " ".join(visible(name).split())
    if not MIN_NAME <= len(clean) <= MAX_NAME:
        raise BadText(
            reason=tr(
                "Name the person as they are called in the chats, with {least} to {most} "
                "characters: /unlearn Mei",
                least=MIN_NAME,
                most=MAX_NAME,
            )
        )
    words = r"\s+".join(re.escape(word) for word in clean.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
