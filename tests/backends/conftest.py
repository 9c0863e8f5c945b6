"""A scripted host, and our backend that talks to it."""

import ssl
from collections.abc import AsyncIterator

import pytest

from avatar.providers import preset
from backends.backend import Backend
from tests.backends.standin import Standin

SECRET = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach a real host by accident, and none waits 70 ms for the certificates that
    plain HTTP on this machine does not need.
    """
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)


@pytest.fixture
async def host() -> AsyncIterator[Standin]:
    async with Standin().running() as standin:
        yield standin


@pytest.fixture
async def backend(host: Standin) -> AsyncIterator[Backend]:
    made = Backend(preset("openai", base_url=host.base_url), api_key=SECRET)
    yield made
    await made.aclose()
