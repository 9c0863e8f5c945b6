"""Certificates that are not accepted: of the provider, of Telegram and of Discord. The log says
whose and why, people read what to do, and all goes on when the certificate is right again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

from avatar.errors import NotDelivered
from avatar.providers import Providers, preset
from bot.discord.platform import DiscordPlatform
from bot.screen import Content
from bot.telegram.platform import TelegramPlatform
from tests.bot.discord.make import PRIVATE, Inbox
from tests.bot.telegram.make import FREE
from tests.dialogs.stage import (
    DISCORD_PACE,
    PACE,
    meanwhile,
    play,
    telegram_stage,
    terminal_stage,
)
from tests.standins.discord_api import DiscordStandIn
from tests.standins.openai_host import OpenAIHost
from tests.standins.telegram_api import TelegramStandIn
from tests.standins.tls import Authority, Tls

MODEL = "gpt-4o-mini-2024-07-18"
WRONG = {"expired": "certificate has expired", "own": "self-signed", "other": "IP address mismatch"}


def at(tls: Tls) -> Providers:
    """The provider, behind TLS."""
    provider = preset("openai", base_url=tls.url, base_model=MODEL, trains=[MODEL])
    return Providers([provider], default="openai", base_model=MODEL)


class Certificates:
    """One that is accepted, and one for each way of being wrong."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.good = self.authority.issued()
        self.wrong = {
            "expired": self.authority.issued(days=-1),
            "own": self.authority.issued(trusted=False),
            "other": self.authority.issued(host="127.0.0.2"),
        }


@pytest.fixture
def certificates(tmp_path: Path) -> Iterator[Certificates]:
    """Of an authority that is trusted meanwhile."""
    made = Certificates(tmp_path)
    with made.authority.trusted():
        yield made


def told(caplog: pytest.LogCaptureFixture, reason: str) -> list[str]:
    """The lines that say it."""
    said = "the certificate of 127.0.0.1 is not accepted (" + reason
    return [line for line in caplog.messages if said in line]


async def until_told(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    async with asyncio.timeout(10):
        while not told(caplog, reason):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", WRONG)
async def test_of_the_provider(
    tmp_path: Path,
    certificates: Certificates,
    host: OpenAIHost,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    async with (
        Tls(host.url, certificates.wrong[way]) as tls,
        terminal_stage(tmp_path, providers=at(tls)) as stage,
    ):
        await play(
            stage,
            [
                (
                    "Hello",
                    "The certificate of the model's provider is not accepted & "
                    + WRONG[way]
                    + " & Please tell an owner",
                )
            ],
        )
        assert len(told(caplog, WRONG[way])) == 1
        assert not host.chats
        await tls.show(certificates.good)
        await play(stage, [("Hello", "read <Hello>")])


async def test_of_the_provider_while_a_model_is_trained(
    tmp_path: Path,
    certificates: Certificates,
    host: OpenAIHost,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        Tls(host.url, certificates.wrong["expired"]) as tls,
        terminal_stage(tmp_path, providers=at(tls)) as stage,
    ):
        await play(stage, [("(train)", "Start it?"), ("[Start training]", "in training")])
        await until_told(caplog, WRONG["expired"])
        assert not host.jobs
        await tls.show(certificates.good)
        await play(stage, [("(wait)", "Deep Training completed")])
        assert len(host.jobs) == 1


class SecureTelegram(TelegramStandIn):
    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self._certificate = certificate

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.tls = await self._stack.enter_async_context(Tls(super().url, self._certificate))
        return self

    @property
    def url(self) -> str:
        return self.tls.url


async def test_of_telegram(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    standin = SecureTelegram(certificates.good)
    async with telegram_stage(tmp_path, standin=standin) as stage:
        await standin.tls.show(certificates.wrong["expired"])
        await until_told(caplog, WRONG["expired"])
        assert any(line.startswith("no updates from Telegram: ") for line in caplog.messages)
        await standin.tls.show(certificates.good)
        await play(stage, [("Hello", "What would you like to talk about?")])
    assert not any(record.exc_info for record in caplog.records)


async def test_of_telegram_at_the_start(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    standin = SecureTelegram(certificates.wrong["own"])
    async with standin:
        platform = TelegramPlatform(standin.token, api_url=standin.url, pace=PACE, limits=FREE)
        starting = asyncio.create_task(platform.__aenter__())
        await until_told(caplog, WRONG["own"])
        await standin.tls.show(certificates.good)
        await starting
        assert platform.username == standin.username
        await platform.__aexit__(None, None, None)
    assert caplog.messages[0].startswith("Telegram cannot be reached: ")


@asynccontextmanager
async def secure_discord(
    api: Path, gateway: Path
) -> AsyncIterator[tuple[DiscordStandIn, Tls, Tls]]:
    """Discord with a certificate before its API and one before its gateway."""
    async with (
        DiscordStandIn() as standin,
        Tls(standin.api_url, api) as rest,
        Tls(standin.gateway_url, gateway) as socket,
    ):
        yield standin, rest, socket


def platform_at(standin: DiscordStandIn, rest: Tls, gateway: Tls) -> DiscordPlatform:
    return DiscordPlatform(
        standin.token, api_url=rest.url, gateway_url=gateway.url, pace=DISCORD_PACE
    )


async def test_of_discord_at_the_start(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, good = certificates.wrong["other"], certificates.good
    async with secure_discord(wrong, good) as (standin, rest, gateway):
        platform = platform_at(standin, rest, gateway)
        starting = asyncio.create_task(platform.__aenter__())
        await until_told(caplog, WRONG["other"])
        await rest.show(good)
        await starting
        assert platform.username
        await platform.__aexit__(None, None, None)
    assert told(caplog, WRONG["other"])[0].startswith("Discord cannot be reached: ")


async def test_of_discord_while_something_is_said(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    good = certificates.good
    async with (
        secure_discord(good, good) as (standin, rest, gateway),
        platform_at(standin, rest, gateway) as platform,
    ):
        await rest.show(certificates.wrong["expired"])
        with pytest.raises(NotDelivered) as failed:  # so it is tried again later
            await platform.messenger.send(PRIVATE, Content(text="Hello"))
        assert "127.0.0.1 is not accepted (certificate has expired)" in failed.value.detail
        await rest.show(good)
        await platform.messenger.send(PRIVATE, Content(text="Hello"))
        assert [shown.text for shown in standin.shown()] == ["Hello"]


async def test_of_discords_gateway(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, good = Inbox(), certificates.good
    async with (
        secure_discord(good, certificates.wrong["own"]) as (standin, rest, gateway),
        platform_at(standin, rest, gateway) as platform,
        meanwhile(platform.serve(inbox.receive)),
    ):
        await until_told(caplog, WRONG["own"])
        faults = [platform.fault]
        await gateway.show(good)
        await standin.heard()
        standin.say("Hello")
        await standin.settled()
        faults.append(platform.fault)
    assert faults == ["no session at the gateway", None]
    assert inbox.texts == ["Hello"]
    assert told(caplog, WRONG["own"])[0].startswith("Discord's gateway cannot be reached: ")
