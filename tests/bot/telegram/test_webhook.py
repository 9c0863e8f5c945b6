"""Updates that Telegram hands over by itself: acknowledged when they are taken, and from Telegram
alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from avatar.incoming import Incoming
from bot.screen import Receive
from bot.telegram.platform import TelegramPlatform, WebhookRefused
from bot.telegram.webhook import MAX_BYTES, Webhooks
from bot.web import Web
from tests.bot.telegram.make import QUICK
from tests.bot.telegram.test_platform import Inbox
from tests.standins.telegram_api import TelegramStandIn

SECRET = "s" * 43
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@asynccontextmanager
async def hooked(telegram: TelegramStandIn, receive: Receive) -> AsyncIterator[Webhooks]:
    """The platform behind an HTTP server, with its webhook set."""
    web = Web()
    found: list[Webhooks] = []

    async with contextless(telegram) as platform:
        # The port is known when the server runs; its route asks for the secret only then.
        hooks = Webhooks("http://127.0.0.1:0", secret=lambda bot: f"{SECRET}{bot}")
        web.add(hooks.route)
        async with web:
            hooks.moved(web.url)
            task = asyncio.create_task(platform.hook(hooks, receive))
            await telegram.until(lambda: bool(telegram.webhook) or task.done())
            found.append(hooks)
            try:
                yield hooks
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@asynccontextmanager
async def contextless(telegram: TelegramStandIn) -> AsyncIterator[TelegramPlatform]:
    async with TelegramPlatform(telegram.token, api_url=telegram.url, pace=QUICK) as platform:
        yield platform


async def test_what_is_pushed_is_taken_in_order(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with hooked(telegram, inbox.receive):
        for i in range(5):
            telegram.say(f"message {i}")
        await telegram.settled()
    assert inbox.texts == [f"message {i}" for i in range(5)]
    (asked,) = telegram.called("setWebhook")
    assert asked.params["url"].endswith(f"/telegram/{telegram.bot_id}")
    assert telegram.token not in asked.params["url"]
    assert {"message", "callback_query", "managed_bot"} <= set(asked.params["allowed_updates"])
    assert asked.params["max_connections"] > 1
    assert not telegram.called("deleteWebhook")
    assert not telegram.called("getUpdates")


async def test_an_update_is_acknowledged_only_when_it_was_taken(telegram: TelegramStandIn) -> None:
    inbox, troubles = Inbox(), [OSError("disk"), OSError("disk")]

    async def troubled(*incoming: Incoming) -> None:
        if troubles:
            raise troubles.pop()
        await inbox.receive(*incoming)

    async with hooked(telegram, troubled):
        telegram.say("do not lose me")
        await telegram.settled()
    assert inbox.texts == ["do not lose me"]
    assert telegram.pushed == [500, 500, 200]


async def test_what_comes_twice_has_the_same_id(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with hooked(telegram, inbox.receive), aiohttp.ClientSession() as session:
        telegram.say("once")
        await telegram.settled()
        update = {"update_id": 5001, "message": telegram._chats[1001].messages[101]}
        assert await telegram.post(session, update) == 200
    assert inbox.times == 2
    assert inbox.texts == ["once"]


async def test_nobody_else_is_believed(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    update = {"update_id": 1, "message": {}}
    async with hooked(telegram, inbox.receive) as hooks, aiohttp.ClientSession() as session:
        for secret in ("", SECRET, f"{SECRET}{telegram.bot_id}x", "é"):
            assert await telegram.post(session, update, secret=secret) == 404
        own = f"{SECRET}{telegram.bot_id}"
        async with session.post(telegram.webhook["url"], json=update) as response:
            assert (response.status, await response.text()) == (404, "")
        elsewhere = hooks.url("99")
        async with session.post(elsewhere, json=update, headers={HEADER: own}) as response:
            assert (response.status, await response.text()) == (404, "")
        async with session.get(telegram.webhook["url"], headers={HEADER: own}) as response:
            assert response.status == 405
    assert inbox.times == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"update_id": true}', 400),
        (b'{"update_id": 7}', 200),
        (b'{"update_id": 7, "message": "nonsense"}', 200),
        (b" " * (MAX_BYTES + 1), 413),
    ],
    ids=["empty", "cut", "list", "bytes", "deep", "no id", "nothing", "unreadable", "large"],
)
async def test_what_is_no_update(telegram: TelegramStandIn, body: bytes, status: int) -> None:
    inbox = Inbox()
    async with hooked(telegram, inbox.receive), aiohttp.ClientSession() as session:
        headers = {HEADER: telegram.webhook["secret_token"]}
        async with session.post(telegram.webhook["url"], data=body, headers=headers) as response:
            assert response.status == status
        telegram.say("still there")
        await telegram.settled()
    assert inbox.texts == ["still there"]


async def test_an_address_that_telegram_refuses_is_said(telegram: TelegramStandIn) -> None:
    hooks = Webhooks("http://bot.example", secret=lambda _: SECRET)
    async with contextless(telegram) as platform:
        with pytest.raises(WebhookRefused, match=r"(?i)https url must be provided"):
            await platform.hook(hooks, Inbox().receive)


async def test_polling_takes_a_webhook_down(telegram: TelegramStandIn) -> None:
    telegram.webhook = {"url": "https://earlier.example"}
    inbox = Inbox()
    async with contextless(telegram) as platform:
        task = asyncio.create_task(platform.poll(inbox.receive))
        telegram.say("asked for")
        await telegram.settled()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert inbox.texts == ["asked for"]
    assert not telegram.webhook
