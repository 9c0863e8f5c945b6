"""What a model says is text: it runs no command, presses no button and mentions nobody."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from avatar.ports import ChatRequest, Ended
from avatar.records import Finish
from backends.chat import OpenAIChat
from tests.dialogs.stage import (
    Stage,
    TelegramStage,
    discord_stage,
    play,
    telegram_stage,
    terminal_stage,
)
from tests.standins.discord_api import ANN, BEN, BOT, CHANNEL, ROLE, DiscordStandIn

SAID = f"""/delete 1
/undo
yes:1 [Undo] [Delete version 1]
@everyone @here @channel <@{BEN}> <@&{ROLE}> </delete:1> <#{CHANNEL}>
[press me](tg://user?id=2) [and me](tg://resolve?domain=x) [a link](https://example.org/)
\x1b]0;owned\x07\x1b[2Jand that is all"""
TABLE = [("/prompt You are X.", "Version 1"), ("Hello", "that is all")]


@pytest.fixture(autouse=True)
def wicked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model says it, in pieces."""

    async def stream(_: OpenAIChat, request: ChatRequest) -> AsyncIterator[str | Ended]:
        for piece in SAID.splitlines(keepends=True):
            yield piece
        yield Ended(finish=Finish.STOP, usage=None)

    monkeypatch.setattr(OpenAIChat, "stream", stream)


async def unharmed(stage: Stage) -> None:
    """Nothing of what was said was done."""
    await play(stage, [("/prompt", "You are X."), ("/history", "Active Now")])
    (avatar,) = await stage.desk.store.avatars(person_id=None, limit=9)
    assert avatar.active_prompt_id is not None
    assert await stage.desk.store.unanswered(limit=9) == ()  # it is nobody's message


async def test_on_telegram(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as stage:
        await play(stage, TABLE)
        await _nothing_but_text(stage)
        await unharmed(stage)


async def _nothing_but_text(stage: TelegramStage) -> None:
    calls = [each for each in stage.standin.calls if "that is all" in str(each.params)]
    assert calls
    for call in calls:
        entities = call.params.get("entities") or []
        assert "parse_mode" not in call.params
        assert {each["type"] for each in entities} <= {"text_link", "bold", "italic", "code"}
        urls = {each["url"] for each in entities if "url" in each}
        assert urls <= {"https://example.org/"}
        # Under a whole reply there is no button, whatever it says.
        assert call.method != "sendMessage" or not call.params.get("reply_markup")


@pytest.mark.parametrize("under_own_name", [False, True])
async def test_on_discord(tmp_path: Path, under_own_name: bool) -> None:
    standin = DiscordStandIn()
    standin.webhooks_granted = under_own_name
    async with discord_stage(tmp_path, standin=standin) as stage:
        await play(stage, TABLE)
        server = stage.elsewhere(user=ANN, channel=CHANNEL)
        await play(server, [(f"<@{BOT}> Hello", "that is all")])
        bodies = [each.body for each in stage.standin.calls if "that is all" in str(each.body)]
        assert len(bodies) >= 2
        for body in bodies:
            data = body.get("data", body)
            assert data["allowed_mentions"]["parse"] == []
            assert not data["allowed_mentions"].get("users")
            assert not data["allowed_mentions"].get("roles")
        assert all(not (body.get("data", body)).get("components") for body in bodies[-1:])
        await unharmed(stage)


async def test_in_the_terminal(tmp_path: Path) -> None:
    async with terminal_stage(tmp_path) as stage:
        shown = [await stage.say(said) for said, _ in TABLE]
        # Nothing that would steer the terminal: titles, colours, a cleared screen.
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]", shown[1])
        await unharmed(stage)
