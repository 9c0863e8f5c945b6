"""The bot as an operator sees it: /healthz, /readyz, /metrics, and one word through the log."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from avatar.conversation import Conversation
from bot.composition import bot
from bot.health import Health, connecting
from bot.logs import Cleaner, JsonFormatter, TextFormatter
from bot.metrics import Metrics
from bot.serving import web
from bot.settings import Settings
from bot.terminal.messenger import TerminalMessenger
from bot.terminal.platform import LinePaper, Typed, author
from bot.web import Web
from bot.welcome import welcome
from storage.tallies import TallyTables
from tests.dialogs.stage import model_server, telegram_stage, terminal_stage


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


def samples(text: str) -> dict[str, float]:
    return {
        f"{sample.name}{{{','.join(sorted(sample.labels.values()))}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_reply_is_counted_and_the_parts_say_how_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messenger = TerminalMessenger(LinePaper(io.StringIO()))
    person = author()
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{tmp_path}/avatar.db",
        operators=frozenset({(person.platform, person.external_id)}),
        poll_seconds=0.1,
        http_port=0,
    )
    health, metrics = Health(), Metrics()
    async with (
        bot(
            settings,
            {"terminal": messenger},
            model_server=model_server,
            meter=metrics,
            health=health,
        ) as (dispatcher, desk),
        web(settings, desk.store, health, metrics) as served,
    ):
        assert isinstance(served, Web)
        await welcome(desk, person)
        typed = Typed(messenger)
        for text in ("Hello", "/compare base base Hello"):
            said = typed.incoming(text)
            await dispatcher.receive(said)
            await dispatcher.settled(said)

        assert await get(f"{served.url}/healthz") == (200, "ok\n")
        status, body = await get(f"{served.url}/readyz")
        assert (status, json.loads(body)) == (200, {"ready": True, "faults": {}})
        found = samples((await get(f"{served.url}/metrics"))[1])
        assert found["avatar_bot_replies_total{stop,terminal}"] == 1
        assert found["avatar_bot_reply_first_words_seconds_count{terminal}"] == 1
        assert found["avatar_bot_tokens_total{chat,completion,embedded}"] > 0
        assert found["avatar_bot_tokens_total{compare,completion,embedded}"] > 0
        assert found["avatar_bot_inbox_waiting{}"] == 0
        assert found["avatar_bot_database_up{}"] == 1

        # A platform that is not reached yet, and a database that does not answer.
        health.parts["discord"] = connecting

        async def silent(*_: object, **__: object) -> None:
            raise OSError("gone")

        monkeypatch.setattr(TallyTables, "alive", silent)
        monkeypatch.setattr(TallyTables, "tallies", silent)
        status, body = await get(f"{served.url}/readyz")
        assert status == 503
        assert json.loads(body)["faults"] == {
            "discord": "not connected yet",
            "database": "does not answer",
        }
        found = samples((await get(f"{served.url}/metrics"))[1])
        assert found["avatar_bot_database_up{}"] == 0
        assert (await get(f"{served.url}/healthz"))[0] == 200


async def test_without_a_port_there_is_no_server(tmp_path: Path) -> None:
    async with (
        terminal_stage(tmp_path) as stage,
        web(Settings(), stage.desk.store, Health(), Metrics()) as served,
    ):
        assert served is None


class Lines(logging.Handler):
    """What would be written, in both forms."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.objects: list[dict[str, str]] = []
        self._text, self._json = TextFormatter(Cleaner(())), JsonFormatter(Cleaner(()))

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self._text.format(record))
        self.objects.append(json.loads(self._json.format(record)))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Of all loggers that are on (see `tests.secrecy`), and of a library that is usually quiet."""
    handler, root, library = Lines(), logging.getLogger(), logging.getLogger("openai")
    root.addHandler(handler)
    level = library.level
    library.setLevel(logging.DEBUG)
    yield handler
    library.setLevel(level)
    root.removeHandler(handler)


async def test_one_word_leads_through_all_lines_of_a_reply(
    tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    reply = Conversation.reply

    async def failing(*args: object, **kwargs: object) -> object:
        if not asked.is_set():
            return await reply(*args, **kwargs)  # type: ignore[arg-type]
        raise ZeroDivisionError("inside of everything")

    monkeypatch.setattr(Conversation, "reply", failing)
    async with telegram_stage(tmp_path) as stage:
        await stage.say("Hello")
        # Our own lines, and those of the libraries that we call for it.
        words = {each["trace"] for each in lines.objects if each["message"] == "answered"}
        word = max(words)
        own = [each for each in lines.objects if each.get("trace") == word]
        assert own[0]["message"].startswith("taken from telegram")
        assert own[-1]["message"] == "answered"
        assert {each["logger"].partition(".")[0] for each in own} >= {"bot", "backends"}
        pairs = zip(lines.objects, lines.texts, strict=True)
        assert all((each.get("trace") == word) == (f"[{word}]" in text) for each, text in pairs)

        # What a person reads when something fails is that word, and it leads to the exception.
        asked.set()
        shown = await stage.say("Hello again")
        (failed,) = [each for each in lines.objects if each["message"] == "unexpected error"]
        assert failed["trace"] in shown
        assert "inside of everything" in failed["exception"]
        assert "inside of everything" not in shown
