"""A scripted host, and our backend that talks to it."""

from collections.abc import AsyncIterator

import pytest

from backends.backend import Backend
from tests.backends.standin import Standin

SECRET = "sk-test-0123456789abcdef"


@pytest.fixture
async def host() -> AsyncIterator[Standin]:
    async with Standin().running() as standin:
        yield standin


@pytest.fixture
async def backend(host: Standin) -> AsyncIterator[Backend]:
    made = Backend(api_key=SECRET, base_url=host.base_url)
    yield made
    await made.aclose()
