"""What people do to the same thing at the same moment: one of them comes first, and neither is
told that the database fails.
"""

import asyncio
from datetime import timedelta

from avatar.records import Avatar, Person
from storage.store import SqlStore
from tests.avatar.make import NOW
from tests.storage.steps import begun, draft_of

MANY = 300


async def test_a_draft_is_begun_and_dropped(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    for _ in range(10):
        draft = await draft_of(store, avatar, ann, MANY)
        version, dropped = await asyncio.gather(
            begun(store, draft),
            store.drop_draft(draft.id),
        )
        assert (version is None) is dropped
        if version is not None:
            assert len(await store.examples(version.id, limit=MANY + 1)) == MANY


async def test_examples_are_taken_out_of_a_version_that_is_deleted(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    for _ in range(10):
        draft = await draft_of(store, avatar, ann, MANY)
        version = await begun(store, draft)
        assert version is not None
        await asyncio.gather(
            store.remove_examples(version.id, range(MANY), now=NOW),
            store.delete_version(version.id, person_id=ann.id, now=NOW),
        )
        assert await store.examples(version.id, limit=1) == ()


async def test_a_draft_is_tidied_away_and_begun(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    long_after = NOW + timedelta(days=99)
    for _ in range(10):
        draft = await draft_of(store, avatar, ann, MANY)
        await asyncio.gather(
            begun(store, draft),
            store.tidy(now=long_after),
            store.tidy(now=long_after),
        )
