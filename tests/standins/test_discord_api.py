"""The stand-in refuses what Discord refuses, limits as Discord does, and speaks as its gateway."""

from bot.discord.client import Client  # first: it keeps back a warning of the library's import

# isort: split

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord.http import Route

from tests.bot.discord.make import QUICK
from tests.standins import discord_spec
from tests.standins.discord_api import ANN, CHANNEL, DIRECT, DiscordStandIn


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as server:
        yield server
        server.faults.clear()  # these tests send what is wrong


@pytest.fixture
async def client(standin: DiscordStandIn) -> AsyncIterator[Client]:
    made = Client(pace=QUICK, api_url=standin.api_url, gateway_url=standin.gateway_url)
    await made.login(standin.token)
    yield made
    await made.close()


async def send(client: Client, channel: int = DIRECT[ANN], **body: Any) -> Any:
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
    return await client.http.request(route, json={"allowed_mentions": {"parse": []}, **body})


def row(*codes: str, label: str = "Go") -> dict[str, Any]:
    buttons = [{"type": 2, "style": 2, "label": label, "custom_id": code} for code in codes]
    return {"type": 1, "components": buttons}


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2001},
        {"content": " \n"},
        {"content": "x", "allowed_mentions": {"parse": ["everyone"]}},
        {"content": "x", "components": [row("a")] * 6},
        {"content": "x", "components": [row(*"abcdef")]},
        {"content": "x", "components": [row("a"), row("a")]},
        {"content": "x", "components": [row("a" * 101)]},
        {"content": "x", "components": [row("a", label="l" * 81)]},
        {"content": "x", "nonce": "n" * 26},
        {"content": "x", "message_reference": {"message_id": "42"}},
        {"content": "x", "message_reference": {"message_id": "a ticket"}},
    ],
)
async def test_messages_that_are_refused(
    standin: DiscordStandIn, client: Client, body: dict[str, Any]
) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await send(client, **body)
    assert caught.value.status == 400
    assert standin.shown() == []


async def test_what_lies_within_the_limits(standin: DiscordStandIn, client: Client) -> None:
    await send(client, content="x" * 2000, components=[row("a" * 100, label="l" * 80)])
    first = await send(client, content="once", nonce="n", enforce_nonce=True)
    second = await send(client, content="twice", nonce="n", enforce_nonce=True)
    assert first["id"] == second["id"]
    assert [m.content for m in standin.shown()][1:] == ["once"]


@pytest.mark.parametrize(("channel", "code"), [(77, 10003), (CHANNEL, 50013), (DIRECT[ANN], 50007)])
async def test_places_that_are_closed(
    standin: DiscordStandIn, client: Client, channel: int, code: int
) -> None:
    standin.closed.add(CHANNEL)
    standin.closed_direct.add(ANN)
    with pytest.raises(discord.HTTPException) as caught:
        await send(client, channel, content="x")
    assert caught.value.code == code


async def test_an_interaction_is_answered_in_order(standin: DiscordStandIn, client: Client) -> None:
    asked = standin.slash("help")
    webhook = Route("PATCH", f"/webhooks/9000/{asked.token}/messages/@original")
    body = {"content": "x", "allowed_mentions": {"parse": []}}
    callback = Route("POST", f"/interactions/{asked.id}/{asked.token}/callback")
    with pytest.raises(discord.NotFound):
        await client.http.request(webhook, json=body)
    with pytest.raises(discord.HTTPException):
        await client.http.request(callback, json={"type": 6})  # only for presses
    await client.http.request(callback, json={"type": 5})
    with pytest.raises(discord.HTTPException) as twice:
        await client.http.request(callback, json={"type": 5})
    assert twice.value.code == 40060
    assert (standin.thinking(), standin.shown()) == (1, [])
    await client.http.request(webhook, json=body)
    assert (standin.thinking(), [m.text for m in standin.shown()]) == (0, ["x"])
    standin.expired.add(asked.token)
    with pytest.raises(discord.HTTPException) as late:
        await client.http.request(webhook, json=body)
    assert late.value.code == 50027


@pytest.mark.parametrize(
    "command",
    [
        {"type": 1, "name": "Upper", "description": "x"},
        {"type": 1, "name": "x", "description": ""},
        {"type": 1, "name": "x", "description": "x" * 101},
        {"type": 3, "name": "x", "description": "none"},
        {
            "type": 1,
            "name": "x",
            "description": "x",
            "options": [
                {"type": 3, "name": "a", "description": "x", "required": False},
                {"type": 3, "name": "b", "description": "x", "required": True},
            ],
        },
    ],
)
async def test_commands_that_are_refused(client: Client, command: dict[str, Any]) -> None:
    with pytest.raises(discord.HTTPException):
        await client.http.bulk_upsert_global_commands(client.app_id, [command])


async def test_a_limit_is_told_and_kept() -> None:
    """Without waiting as discord.py does, the sixth call in the time is refused."""
    async with DiscordStandIn(limits=(5, 5.0)) as standin:
        told = [standin._limited("POST", "/channels/1/messages") for _ in range(5)]
        assert [headers["X-RateLimit-Remaining"] for headers in told] == ["4", "3", "2", "1", "0"]
        with pytest.raises(Exception, match="rate limited") as caught:
            standin._limited("POST", "/channels/1/messages")
        assert caught.value.headers["Via"]  # type: ignore[attr-defined]
        standin._limited("POST", "/channels/2/messages")  # another channel


@pytest.mark.skipif(not discord_spec.available(), reason="make discord-spec was not run")
async def test_discords_own_description_is_asked_too(
    standin: DiscordStandIn, client: Client
) -> None:
    assert not discord_spec.unknown()
    with pytest.raises(discord.HTTPException, match=r"MessageCreateRequest.*'flavour'"):
        await send(client, content="hello", allowed_mentions={"parse": []}, flavour="vanilla")
    assert len(standin.faults) == 1
