"""The HTTP server: it serves what was added, refuses a port that is taken, and ends."""

import asyncio

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.doors import OF_ROUTES, Caller
from bot.web import Web, WebRefused


@pytest.fixture(autouse=True)
def doors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of tests have their place in the table of doors."""
    for path in ("/hello", "/slow", "/late"):
        monkeypatch.setitem(OF_ROUTES, path, Caller.ANYBODY)


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def slow(_: Request) -> PlainTextResponse:
    await asyncio.sleep(0.2)
    return PlainTextResponse("slowly")


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_routes_of_several_are_served() -> None:
    web = Web()
    web.add(Route("/hello", hello))
    web.add(Route("/slow", slow))
    async with web:
        assert await get(f"{web.url}/hello") == (200, "hello")
        assert (await get(f"{web.url}/nothing"))[0] == 404
        with pytest.raises(RuntimeError, match="before"):
            web.add(Route("/late", hello))
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(f"{web.url}/hello")


def test_no_address_without_its_place_in_the_table_of_doors() -> None:
    with pytest.raises(RuntimeError, match="/new is missing"):
        Web().add(Route("/new", hello))


async def test_a_request_in_progress_is_answered_at_the_end() -> None:
    web = Web()
    web.add(Route("/slow", slow))
    async with web:
        asked = asyncio.create_task(get(f"{web.url}/slow"))
        await asyncio.sleep(0.05)
    assert await asked == (200, "slowly")


async def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    async with Web() as first:
        port = int(first.url.rsplit(":", 1)[1])
        with pytest.raises(WebRefused, match=f"port {port}: address already in use"):
            async with Web(port=port):
                pass


async def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(WebRefused, match="HTTP_HOST"):
        async with Web(host="192.0.2.1"):
            pass
