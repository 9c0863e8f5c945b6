"""Stored examples, some hundreds at a time: there may be too many to hold at once."""

from collections.abc import AsyncIterator

from avatar.records import Candidate, Example
from avatar.training_stores import TrainingStore

SIZE = 500


async def of_draft(store: TrainingStore, draft_id: int) -> AsyncIterator[tuple[Candidate, ...]]:
    """All of a draft's examples in order, those that are left out or held out too."""
    after = -1
    while batch := await store.candidates(draft_id, after=after, limit=SIZE):
        yield batch
        after = batch[-1].position


async def of_version(
    store: TrainingStore, version_id: int, *, held_out: bool | None = None
) -> AsyncIterator[tuple[tuple[int, Example], ...]]:
    """All of a version's (position, example) in order, as `stored_examples`."""
    after = -1
    while batch := await store.stored_examples(
        version_id, after=after, limit=SIZE, held_out=held_out
    ):
        yield batch
        after = batch[-1][0]
