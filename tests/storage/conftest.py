"""A real store on a real SQLite file, and on a real PostgreSQL where it is installed."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from avatar.records import Author, Avatar, Person
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW
from tests.standins import made, postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, cluster: postgres.Cluster | None
) -> Iterator[str]:
    """A database without anything in it; one of PostgreSQL has its tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/avatar.db"
    elif cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    else:
        yield cluster.create(template=made.template(cluster))


@pytest.fixture
def new_url(url: str, cluster: postgres.Cluster | None) -> str:
    """A database that nobody opened yet."""
    return url if url.startswith("sqlite") or cluster is None else cluster.create()


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
