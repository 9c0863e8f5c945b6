from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import open_store
from tests.jobs.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'avatar.db'}") as store:
        yield await a_world(store)
