"""A whole installation carried from one database to another, and what several processes do."""

import asyncio
import sys
from pathlib import Path

import pytest

from avatar.records import Axis, Why
from storage.columns import metadata
from storage.copying import copy
from storage.database import DatabaseRefused
from storage.store import open_store
from tests.avatar.make import NOW
from tests.standins.postgres import Cluster
from tests.storage.steps import HOME, a_model, a_prompt
from tests.storage.test_imports import an_import
from tests.storage.test_odd_words import a_message, odd_exchange

ROOT = Path(__file__).parent.parent.parent
MARKED = ("chat2", "chat0")
OPEN = "import asyncio, sys; from storage.store import open_store\n"
OPEN += "async def main():\n    async with open_store(sys.argv[1]): pass\n"
OPEN += "asyncio.run(main())"


async def filled(url: str) -> None:
    """An installation with a little of everything."""
    async with open_store(url) as store:
        ann = await store.person(a_message("0").author, home=HOME)
        avatar = await store.add_avatar(
            slug="ani", name="Ani", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        await a_prompt(store, avatar, ann, "Be X.")
        model = await a_model(store, avatar, ann)
        gone = await a_prompt(store, avatar, ann, "Be Y.")
        await store.delete_version(gone.id, person_id=ann.id, now=NOW)
        await store.switch(
            avatar_id=avatar.id,
            axis=Axis.MODEL,
            expected=None,
            to=model.id,
            why=Why.ACTIVATED,
            person_id=ann.id,
            now=NOW,
        )
        for inbox_id in range(1, 4):
            await odd_exchange(store, ann, inbox_id)
        await store.receive(a_message("1"), now=NOW)
        about = await an_import(store, avatar, ann)
        await store.mark_chats(about.id, on=MARKED)


@pytest.fixture
def other(tmp_path: Path, url: str, cluster: Cluster | None) -> str:
    """An empty database of the other kind."""
    if url.startswith("postgresql"):
        return f"sqlite+aiosqlite:///{tmp_path}/other.db"
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    return cluster.create()


async def test_there_and_back_again(tmp_path: Path, url: str, other: str) -> None:
    await filled(url)
    there = {each.table: each async for each in copy(url, other)}
    assert set(there) == set(metadata.tables)
    assert there["training_examples"].rows == 3
    assert there["messages"].rows == 6
    back = f"sqlite+aiosqlite:///{tmp_path}/back.db"
    assert {each.table: each async for each in copy(other, back)} == there
    async with open_store(other) as store:
        avatar = await store.avatar_by_slug("ani")
        assert avatar is not None
        version = await store.version(avatar.active_model_id)
        assert version is not None
        assert version.number == 2
        ann = await store.find_person("telegram", "1")
        assert ann is not None
        about = await store.import_(1)
        assert about is not None
        assert about.marked == MARKED
        # Numbers go on where they were: none is given twice.
        assert (await a_prompt(store, avatar, ann, "Be Z.")).number == 4
        assert (await store.avatar(avatar.id)).active_model_id == version.id


async def test_a_target_that_is_not_empty_stays_as_it_is(url: str, other: str) -> None:
    await filled(url)
    await filled(other)
    with pytest.raises(DatabaseRefused, match="not empty"):
        _ = [each async for each in copy(url, other)]
    with pytest.raises(DatabaseRefused, match="the same"):
        _ = [each async for each in copy(url, url)]


async def test_processes_that_start_at_once_migrate_once(new_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, new_url, cwd=ROOT)
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    async with open_store(new_url) as store:
        assert await store.avatars(person_id=None, limit=1) == ()
