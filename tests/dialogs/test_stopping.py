"""The bot as a process that is told to end: within ten seconds, and nothing is lost."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.__main__ import LONGEST_END
from bot.composition import GRACE
from tests.backends.standin import DONE, Answer, Request, Standin, said, streamed, text
from tests.standins.telegram_api import ANN, TelegramStandIn

ROOT = Path(__file__).parent.parent.parent
# Ten seconds are promised (`bot.__main__.LONGEST_END` is the last word). Here processes of other
# tests take their share of the same cores.
LONG = 12.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


class Host(Standin):
    """What a test scripts are its replies; whoever asks for its models takes none of them."""

    def answer(self, request: Request) -> Answer:
        if request.method == "GET":
            return said({"object": "list", "data": [{"id": "m", "object": "model"}]})
        return super().answer(request)


@asynccontextmanager
async def running(folder: Path, telegram: TelegramStandIn, host: Standin) -> AsyncIterator[Process]:
    """A bot; it is killed at the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        cwd=ROOT,
        env=os.environ
        | {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "OPENAI_API_KEY": "a key of the host",
            "OPENAI_BASE_URL": host.base_url,
            "BASE_MODEL": "m",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/avatar.db",
            "OPERATORS": f"telegram:{ANN}",
        },
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def stopped(process: Process) -> int:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(LONG):
        return await process.wait()


def test_what_is_promised() -> None:
    assert GRACE < LONGEST_END < 10.0


def replies(telegram: TelegramStandIn) -> list[str]:
    return [shown.text for shown in telegram.shown(ANN) if "lah" in shown.text]


async def until_shown(telegram: TelegramStandIn, words: str) -> None:
    async with asyncio.timeout(60):
        while not any(words in shown.text for shown in telegram.shown(ANN)):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("seconds", [2.0, 60.0], ids=["is finished", "is handed over"])
async def test_a_reply_that_is_being_written(tmp_path: Path, seconds: float) -> None:
    async with TelegramStandIn() as telegram, Host().running() as host:
        async with running(tmp_path, telegram, host) as process:
            telegram.say("/newavatar Demo", chat=ANN)
            await until_shown(telegram, "Demo")
            host.will(streamed(text("Wait "), text("lah.", "stop"), DONE, pause=seconds / 2))
            telegram.say("Hello", chat=ANN)
            async with asyncio.timeout(60):
                await host.asked.wait()
            assert await stopped(process) == 0
        finished = seconds < GRACE
        assert replies(telegram) == (["Wait lah."] if finished else [])

        host.will(streamed(text("Here "), text("lah.", "stop"), DONE))
        async with running(tmp_path, telegram, host) as process:
            if not finished:  # what was not answered is answered now, and once
                await until_shown(telegram, "Here lah.")
            telegram.say("/help", chat=ANN)
            await until_shown(telegram, "/forgetme")
            assert replies(telegram) == (["Wait lah."] if finished else ["Here lah."])
            assert await stopped(process) == 0


async def test_an_idle_process_ends_at_once_and_frees_its_place(tmp_path: Path) -> None:
    async with TelegramStandIn() as telegram, Host().running() as host:
        for number in range(1, 3):
            async with running(tmp_path, telegram, host) as process:
                async with asyncio.timeout(60):
                    while len(telegram.called("getMe")) < number:
                        await asyncio.sleep(0.05)
                assert await stopped(process) == 0
