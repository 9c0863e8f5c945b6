"""What several conversations begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dialogs.stage import STAGES, Stage
from tests.standins.openai_host import OpenAIHost


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """One person, on every platform in turn."""
    async with STAGES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
async def host() -> AsyncIterator[OpenAIHost]:
    async with OpenAIHost() as serving:
        yield serving
