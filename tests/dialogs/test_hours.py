"""The provider, or Telegram, is down for long: people are told, the log has one line a try, and
it goes on by itself. (What is followed and owed meanwhile: tests/jobs/test_hours.)
"""

from pathlib import Path

import pytest

from avatar.providers import Providers, preset
from tests.dialogs.stage import play, telegram_stage, terminal_stage
from tests.standins.openai_host import OpenAIHost
from tests.standins.telegram_api import BAD_GATEWAY, RESET

TRIES = 10  # one in six minutes, for an hour


async def test_the_provider(
    tmp_path: Path,
    host: OpenAIHost,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("backends.retries.MAX_RETRIES", 0)  # it would wait between them
    provider = preset("openai", base_url=host.url, base_model="gpt-4o-mini")
    providers = Providers([provider], default="openai", base_model="gpt-4o-mini")
    async with terminal_stage(tmp_path, providers=providers) as stage:
        (address,) = host._runner.addresses
        await host._runner.cleanup()
        for _ in range(TRIES):
            await play(stage, [("Hello", "cannot be reached right now. Please try again")])
        lines = [r for r in caplog.records if r.name == "bot.dispatcher" and r.levelname != "DEBUG"]
        assert len(lines) == TRIES
        assert not any(record.exc_info for record in caplog.records)
        async with OpenAIHost(port=address[1]):
            await play(stage, [("Hello", "read <Hello>")])


async def test_telegram(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with telegram_stage(tmp_path) as stage:
        telegram = stage.standin
        for failure in (RESET, BAD_GATEWAY):
            telegram.fail("getUpdates", failure, times=TRIES // 2)

        def lines() -> list[str]:
            return [line for line in caplog.messages if line.startswith("no updates from Telegram")]

        await telegram.until(lambda: bool(lines()))
        telegram.say("Hello")
        before = len(telegram.shown())
        await telegram.until(lambda: len(telegram.shown()) > before, within=30)
        assert len(lines()) == TRIES
        assert not any(record.exc_info for record in caplog.records)
        await play(stage, [("And now?", "And now")])
