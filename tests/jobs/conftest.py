import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import open_store
from tests.jobs.world import World, a_world


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, made once: copying it is faster than migrating."""
    path = tmp_path_factory.mktemp("empty") / "avatar.db"

    async def make() -> None:
        async with open_store(f"sqlite+aiosqlite:///{path}"):
            pass

    asyncio.run(make())
    return path


@pytest.fixture
async def world(empty_database: Path, tmp_path: Path) -> AsyncIterator[World]:
    path = tmp_path / "avatar.db"
    shutil.copy(empty_database, path)
    async with open_store(f"sqlite+aiosqlite:///{path}") as store:
        yield await a_world(store)
