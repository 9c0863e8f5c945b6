"""The client: late import, keys, the environment."""

import asyncio
import subprocess
import sys

import pytest

from avatar import trace
from avatar.errors import ProviderUnavailable, WrongKey
from backends import client as clients
from backends import retries
from backends.client import Client
from tests.backends.standin import Standin, refused, said
from tests.standins.loopback import deaf


def test_making_a_backend_imports_no_vendor() -> None:
    """Importing `openai` takes a second, which the start of the bot must not wait for."""
    program = (
        "import sys; from backends.backend import Backend; "
        "from avatar.providers import preset; Backend(preset('openai'), api_key='k'); "
        "print([name for name in ('openai', 'httpx2', 'pydantic') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.strip() == b"[]"


@pytest.mark.parametrize("key", ["sk-ключ", "sk-a\nb", "sk-a\x00"])
async def test_a_key_that_no_header_can_carry(host: Standin, key: str) -> None:
    client = Client(api_key=key, base_url=host.base_url)
    with pytest.raises(WrongKey) as caught:
        await client.warm_up()
    assert key not in caught.value.detail
    assert not host.requests


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    host: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = Client(api_key=None, base_url=host.base_url)
    host.will(said({"data": []}))
    async with client.using() as openai:
        await openai.models.with_raw_response.list()
    assert host.requests[0].path == "/v1/models"
    await client.aclose()


async def test_errors_of_our_own_code_pass_through(host: Standin) -> None:
    client = Client(api_key=None, base_url=host.base_url)
    with pytest.raises(ZeroDivisionError):
        async with client.using():
            raise ZeroDivisionError
    await client.aclose()


async def test_openai_is_the_host_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else the environment says for the package does not count: our settings are ours."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    client = Client(api_key="k", base_url=None)
    async with client.using() as openai:
        assert str(openai.base_url) == "https://api.openai.com/v1/"
    await client.aclose()


async def test_closing_what_was_never_used() -> None:
    await Client(api_key="k", base_url=None).aclose()


async def test_each_request_carries_the_word_of_the_log(host: Standin) -> None:
    client = Client(api_key=None, base_url=host.base_url)
    host.will(refused(503), said({"data": []}), said({"data": []}))
    async with client.using() as openai:
        with trace.about("m", 12):
            await openai.models.with_raw_response.list()
        await openai.models.with_raw_response.list()
    first, again, outside = (each.headers.get("x-client-request-id") for each in host.requests)
    assert first is not None
    assert again is not None
    assert first.startswith("m-12-")
    assert again.startswith("m-12-")
    assert first != again  # each is a request of its own
    assert outside is None
    await client.aclose()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(clients, "SLOWEST", 1e9)
    monkeypatch.setattr(retries, "LONGEST_WAIT", 0.05)


@pytest.mark.usefixtures("quick")
async def test_what_a_host_does_not_take_ends() -> None:
    """The HTTP library itself waits for ever for a host that reads nothing."""
    async with deaf() as url:
        client = Client(api_key=None, base_url=url, silence_seconds=0.05)
        content = bytes(20_000_000)
        with pytest.raises(ProviderUnavailable):
            async with asyncio.timeout(5), client.using(sent=len(content)) as openai:
                await openai.files.with_raw_response.create(
                    file=("a", content), purpose="fine-tune"
                )
        with pytest.raises(ProviderUnavailable):
            async with asyncio.timeout(10), client.streamed("/chat", content, model="m"):
                pass
        await client.aclose()
