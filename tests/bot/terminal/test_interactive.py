"""The terminal with a person at it: what is painted, completed and typed."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from bot.composition import bot
from bot.screen import Button, Content
from bot.settings import Settings
from bot.terminal import interactive
from bot.terminal.interactive import CommandCompleter, Screen, finished
from bot.terminal.messenger import TerminalMessenger
from bot.terminal.platform import author
from bot.welcome import welcome
from tests.dialogs.stage import TerminalStage, model_server, terminal_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TerminalStage]:
    async with terminal_stage(tmp_path) as made:
        yield made


async def completed(stage: TerminalStage, typed: str) -> list[tuple[str, str]]:
    found = CommandCompleter(stage.desk).get_completions_async(Document(typed), CompleteEvent())
    return [(each.text, each.display_meta_text) async for each in found]


async def test_commands_and_numbers_are_completed(stage: TerminalStage) -> None:
    await stage.say("/prompt You are X.")
    await stage.say("/prompt You are Y.")
    names = [text for text, _ in await completed(stage, "/re")]
    assert sorted(names) == ["/restore", "/retrain", "/retry"]
    assert [text for text, _ in await completed(stage, "/wai")] == ["/wait"]
    assert [text for text, _ in await completed(stage, "/talk")] == ["/talkative"]
    for elsewhere in ("/talk ", "/managers ", "/honesty"):  # not in the terminal
        assert await completed(stage, elsewhere) == []
    versions = await completed(stage, "/restore ")
    assert [text for text, _ in versions] == ["2", "1"]
    assert "Active Now" in versions[0][1]
    assert [text for text, _ in await completed(stage, "/compare b")] == ["base"]
    assert [text for text, _ in await completed(stage, "/start d")] == ["demo"]
    await stage.say("/language ms")
    assert await completed(stage, "/undo") == [("/undo", "buat asal pertukaran terakhir")]
    assert await completed(stage, "/compare b") == [("base", "model asas")]
    for nothing in ("", "hello", "/nosuch 1", "/restore 1 2 3", "/note 1 te"):
        assert await completed(stage, nothing) == []


@given(st.text(alphabet="ab \n`~", max_size=60))
def test_a_reply_is_cut_where_a_paragraph_ends(text: str) -> None:
    end = finished(text, 0)
    assert 0 <= end <= len(text)
    head = text[:end]
    assert not head or head.endswith("\n")
    fences = sum(1 for line in head.splitlines() if line.lstrip().startswith(("```", "~~~")))
    assert fences % 2 == 0  # never inside of a code block
    assert finished(text, end) == end


def test_a_growing_reply_ends_with_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(
        interactive, "Console", lambda: Console(file=out, width=60, force_terminal=False)
    )
    reply = Screen().reply()
    text = "First paragraph.\n\n```\ncode\n\nmore\n```\n\nLast **bold** words."
    for end in range(0, len(text), 7):
        reply.grow(text[:end])
    reply.end(Content(text=text, buttons=((Button(label="Stop", action="stop"),),)))
    reply.close()
    shown = out.getvalue()
    for part in ("First paragraph.", "code", "more", "Last bold words.", "[1] Stop"):
        assert shown.count(part) == 1, shown


async def test_a_conversation_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(
        interactive, "Console", lambda: Console(file=out, width=100, force_terminal=False)
    )
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        screen = Screen()
        messenger = TerminalMessenger(screen)
        person = author()
        settings = Settings(
            database_url=f"sqlite+aiosqlite:///{tmp_path}/avatar.db",
            operators=frozenset({(person.platform, person.external_id)}),
            poll_seconds=0.1,
        )
        async with bot(settings, {"terminal": messenger}, model_server=model_server) as (
            dispatcher,
            desk,
        ):
            await welcome(desk, person)
            typed.send_text("/prompt You are a pirate.\r")
            typed.send_text("   \r")
            typed.send_text("1\r")  # the button: Undo
            typed.send_text("Hello\r")
            typed.send_text("\x04")
            await asyncio.wait_for(
                screen.converse(
                    messenger, receive=dispatcher.receive, settled=dispatcher.settled, desk=desk
                ),
                30,
            )
    shown = out.getvalue()
    assert "Version 1 is the prompt of Demo now" in shown
    assert "Taken back" in shown
    assert "What would you like to talk about?" in shown
