"""One installation of several processes on PostgreSQL: who hears, who answers and who follows are
others. Each has a store, a queue and a connection to the platform of its own.
"""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from avatar.incoming import Incoming
from avatar.providers import providers_for
from avatar.records import Address, Author
from bot.__main__ import main
from bot.composition import bot, completion, ground, now
from bot.discord.platform import DiscordPlatform
from bot.dispatcher import Dispatcher
from bot.handlers.desk import Desk
from bot.roles import Role
from bot.screen import Messenger
from bot.serving import serve
from bot.settings import Settings
from bot.telegram.platform import TelegramPlatform
from tests.dialogs.stage import (
    AT_ONCE,
    DISCORD_PACE,
    PACE,
    DiscordStage,
    Stage,
    TelegramStage,
    meanwhile,
    model_server,
    play,
)
from tests.standins import discord_api
from tests.standins.discord_api import DiscordStandIn
from tests.standins.postgres import Cluster
from tests.standins.telegram_api import ANN, GROUP, TelegramStandIn

WITHIN = 30.0
pytestmark = pytest.mark.timeout(180)  # several processes' worth of work on one machine


@pytest.fixture
def database(cluster: Cluster | None) -> str:
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    return cluster.create()


@dataclass
class Installation:
    """Processes that share a database and a model server."""

    stack: AsyncExitStack
    database: str
    model_server: str

    def settings(self, **more: Any) -> Settings:
        return Settings(
            database_url=self.database,
            poll_seconds=0.2,
            providers=providers_for(
                api_key="any", base_url=self.model_server, base_model="imitator-1"
            ),
            **more,
        )

    async def telegram(self) -> TelegramStage:
        standin = await self.stack.enter_async_context(TelegramStandIn())
        settings = self.settings(
            telegram_token=standin.token,
            telegram_api_url=standin.url,
            operators=frozenset({("telegram", str(ANN))}),
        )

        async def connected(*, receives: bool) -> TelegramPlatform:
            platform = TelegramPlatform(
                standin.token, api_url=standin.url, pace=PACE, receives=receives
            )
            return await self.stack.enter_async_context(platform)

        receiver = await connected(receives=True)
        on = await self.stack.enter_async_context(ground(settings))
        jobs, worker = await connected(receives=False), await connected(receives=False)
        await self._process(settings, Role.JOBS, {"telegram": jobs.messenger})
        dispatcher, desk = await self._process(
            settings, Role.WORKER, {"telegram": worker.messenger}
        )
        await self.serving(on.queue.alone("telegram", lambda: receiver.poll(on.receive)))
        stage = TelegramStage(standin, dispatcher, desk)
        await stage.say("/newavatar Demo")
        return stage

    async def discord(self) -> DiscordStage:
        standin = await self.stack.enter_async_context(DiscordStandIn())
        settings = self.settings(
            discord_token=standin.token,
            discord_api_url=standin.api_url,
            discord_gateway_url=standin.gateway_url,
            operators=frozenset({("discord", str(discord_api.ANN))}),
        )

        async def connected(*, receives: bool) -> DiscordPlatform:
            platform = DiscordPlatform(
                standin.token,
                api_url=standin.api_url,
                gateway_url=standin.gateway_url,
                pace=DISCORD_PACE,
                receives=receives,
            )
            return await self.stack.enter_async_context(platform)

        receiver = await connected(receives=True)
        on = await self.stack.enter_async_context(ground(settings))
        jobs, worker = await connected(receives=False), await connected(receives=False)
        await self._process(settings, Role.JOBS, {"discord": jobs.messenger})
        dispatcher, desk = await self._process(settings, Role.WORKER, {"discord": worker.messenger})
        offers = completion(settings, on.store)
        await self.serving(on.queue.alone("discord", lambda: receiver.serve(on.receive, offers)))
        await standin.heard()
        stage = DiscordStage(standin, receiver, dispatcher, desk)
        await stage.say("/newavatar Demo")
        return stage

    async def _process(
        self, settings: Settings, role: Role, messengers: dict[str, Messenger]
    ) -> tuple[Dispatcher, Desk]:
        built = bot(settings, messengers, role=role, windows=AT_ONCE)
        return await self.stack.enter_async_context(built)

    async def serving(self, receiving: Coroutine[Any, Any, None]) -> None:
        await self.stack.enter_async_context(meanwhile(receiving))


@asynccontextmanager
async def installation(
    folder: Path, database: str, *, word_seconds: float = 0.0
) -> AsyncIterator[Installation]:
    async with (
        model_server(folder / "models", word_seconds=word_seconds) as server,
        AsyncExitStack() as stack,
    ):
        yield Installation(stack, database, server.base_url)


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_the_main_job(tmp_path: Path, database: str, platform: str) -> None:
    async with installation(tmp_path, database) as made:
        stage: Stage = await (made.telegram() if platform == "telegram" else made.discord())
        await play(
            stage,
            [
                ("Hello", "What would you like to talk about?"),
                ("/prompt You are a pirate.", "Version 1"),
                ("Hello", "You are a pirate."),
                ("/why", "Prompt: version 1"),
                ("(train)", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "Deep Training completed"),
                ("/activate 2", "is Active Now"),
                ("Hello", "lah"),
                ("/stop", "no reply to stop"),
                ("/undo", "Taken back"),
                ("/delete 2", "Delete version 2"),
                ("[Delete version 2]", "is deleted"),
                ("/privacy", "messages"),
            ],
        )


async def test_stop_reaches_the_worker_that_streams(tmp_path: Path, database: str) -> None:
    """Two workers: whoever takes the /stop, the other one may be writing."""
    async with installation(tmp_path, database, word_seconds=0.2) as made:
        stage = await made.telegram()
        settings = made.settings(
            telegram_token=stage.standin.token, telegram_api_url=stage.standin.url
        )
        platform = TelegramPlatform(
            stage.standin.token, api_url=stage.standin.url, pace=PACE, receives=False
        )
        await made.stack.enter_async_context(platform)
        await made._process(settings, Role.WORKER, {"telegram": platform.messenger})
        for _ in range(3):
            stage.standin.say("Hello", chat=ANN)
            async with asyncio.timeout(WITHIN):
                while not await stage.desk.store.unanswered(limit=1):
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.7)
            shown = await stage.say("/stop")
            assert "(Stopped.)" in shown, shown
            assert "talk about" not in shown


async def test_a_second_receiver_waits(tmp_path: Path, database: str) -> None:
    """Telegram would give each of two pollers some of the updates, and complain."""
    async with installation(tmp_path, database) as made:
        stage = await made.telegram()
        settings = made.settings(
            telegram_token=stage.standin.token, telegram_api_url=stage.standin.url
        )
        second = TelegramPlatform(stage.standin.token, api_url=stage.standin.url, pace=PACE)
        await made.stack.enter_async_context(second)
        on = await made.stack.enter_async_context(ground(settings))
        polled: list[str] = []

        async def poll() -> None:
            polled.append("second")
            await second.poll(on.receive)

        await made.serving(on.queue.alone("telegram", poll))
        await play(stage, [("Hello", "What would you like"), ("Hello", "What would you like")])
        assert not polled


async def test_what_a_receiver_does_by_itself(tmp_path: Path, database: str) -> None:
    """Each process as `--role` starts it. Lines that are typed behind the bot's name lie in no
    inbox; of what is said in groups, what is not for the avatar does not get there.
    """
    async with installation(tmp_path, database) as made:
        standin = await made.stack.enter_async_context(TelegramStandIn())
        settings = made.settings(
            telegram_token=standin.token,
            telegram_api_url=standin.url,
            operators=frozenset({("telegram", str(ANN))}),
        )
        on = await made.stack.enter_async_context(ground(settings))
        for role in (Role.RECEIVER, Role.WORKER, Role.JOBS):
            await made.serving(serve(settings, role))
        standin.say("/newavatar Demo", chat=ANN)
        await standin.until(lambda: bool(standin.shown(ANN)), within=WITHIN)
        query = standin.type_inline("Hello", user=ANN)
        await standin.until(lambda: query in standin.inline_answers, within=WITHIN)
        (found,) = standin.inline_answers[query]
        assert "talk about?" in found["input_message_content"]["message_text"]
        standin.say("Nice weather", chat=GROUP)
        for text in ("@avatar_bot Hello", "there"):
            standin.say(text, chat=GROUP)
        await standin.until(lambda: bool(standin.shown(GROUP)), within=WITHIN)
        await on.queue.quiet()
        assert len(standin.shown(GROUP)) == 1
        place = Address(platform="telegram", chat=str(GROUP), bot=str(standin.bot_id))
        chat = await on.store.chat(place, now=now())
        said, _ = (await on.store.context(chat.id, limit=9)).turns
        assert "Hello\nthere" in said.text


async def test_a_turn_that_webhooks_hand_to_two_receivers(database: str) -> None:
    settings = Settings(
        database_url=database,
        telegram_token="123456:" + "a" * 35,
        telegram_webhook_url="https://bot.example",
    )
    said = Incoming(
        update_id="1",
        address=Address(platform="telegram", chat=str(GROUP)),
        author=Author(platform="telegram", external_id=str(ANN), name="Ann"),
        message_id="1",
        sent_at=now(),
        text="@avatar_bot Hello",
        private=False,
    )
    more = replace(said, update_id="2", message_id="2", text="there", addressed=False)
    of_ben = replace(more, update_id="3", author=replace(said.author, external_id="2"))
    async with ground(settings) as one, ground(settings) as other:
        await one.receive(said)
        await other.receive(more)
        await other.receive(of_ben)
        waiting = await one.store.unanswered(limit=9)
        assert [(each.incoming.text, each.incoming.follows) for each in waiting] == [
            ("@avatar_bot Hello", False),
            ("there", True),
        ]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "needs a platform"),
        ({"TELEGRAM_TOKEN": "123456:" + "a" * 35}, "needs PostgreSQL"),
        (
            {"TELEGRAM_TOKEN": "123456:" + "a" * 35, "DATABASE_URL": "postgresql://x/y"},
            "needs a provider that all processes reach",
        ),
    ],
)
def test_what_cannot_be_shared(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TELEGRAM_TOKEN", "DISCORD_TOKEN", "DATABASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setitem(os.environ, name, value)
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    assert main(["--role", "worker"]) == 2
    assert expected in said.getvalue()
    assert main(["--role", "cook"]) == 2
    assert "all|receiver|worker|jobs" in said.getvalue()
