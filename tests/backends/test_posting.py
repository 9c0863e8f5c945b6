"""Calls that are answered by a stream: proxies, and what a host is asked with."""

import pytest

from avatar import trace
from backends.client import Client
from tests.backends.standin import DONE, Request, Standin, refused, streamed, text


async def answer(client: Client) -> bytes:
    async with client.streamed("/chat/completions", b"{}", model="m") as blocks:
        return b"".join([block async for block in blocks])


async def test_each_request_carries_the_word_of_the_log(host: Standin) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    host.will(refused(503, retry_after_ms="1"), streamed(DONE), streamed(DONE))
    with trace.about("m", 12):
        await answer(client)
    await answer(client)
    first, again, outside = (each.headers.get("x-client-request-id") for each in host.requests)
    assert first is not None
    assert again is not None
    assert first.startswith("m-12-")
    assert again.startswith("m-12-")
    assert first != again  # each is a request of its own
    assert outside is None
    await client.aclose()


async def test_it_is_asked_as_the_package_asks(host: Standin) -> None:
    """The host sees who calls, as with every other call."""
    client = Client(api_key="k", base_url=host.base_url)
    host.will(streamed(DONE), refused(404))
    await answer(client)
    async with client.using() as openai:
        with pytest.raises(Exception, match="404"):
            await openai.models.with_raw_response.list()
    ours, theirs = (_telling(each) for each in host.requests)
    assert ours == theirs
    assert {"authorization", "user-agent", "x-stainless-lang"} <= set(ours)
    await client.aclose()


# What the package says of a single request and its connection.
_OF_ONE = {"connection", "x-stainless-raw-response", "x-stainless-read-timeout"}
_OF_ONE |= {"x-stainless-retry-count", "content-length", "content-type"}


def _telling(request: Request) -> dict[str, str]:
    return {name: said for name, said in request.headers.items() if name not in _OF_ONE}


async def test_a_proxy_of_the_environment_is_asked(
    host: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", host.base_url.removesuffix("/v1"))
    client = Client(api_key="k", base_url="http://nowhere.invalid/v1")
    host.will(streamed(text("x"), DONE))
    assert b"x" in await answer(client)
    assert host.requests[0].headers["host"] == "nowhere.invalid"
    await client.aclose()


async def test_but_not_for_this_machine(host: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = Client(api_key="k", base_url=host.base_url)
    host.will(streamed(text("x"), DONE))
    assert b"x" in await answer(client)
    await client.aclose()
