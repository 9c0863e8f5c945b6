"""A real store on a real SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from avatar.records import Author, Avatar, Person
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/avatar.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    async with open_store(url) as opened:
        yield opened


@pytest.fixture
async def ann(store: SqlStore) -> Person:
    return await store.person(Author(platform="telegram", external_id="1", name="Ann"))


@pytest.fixture
async def avatar(store: SqlStore, ann: Person) -> Avatar:
    return await store.add_avatar(
        slug="ani",
        name="Ani",
        provider="embedded",
        base_model="imitator-1",
        owner_id=ann.id,
        now=NOW,
    )
