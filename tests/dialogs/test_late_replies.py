"""A reply that Telegram does not take now is shown later; the model is not asked twice."""

from pathlib import Path
from typing import Any

import pytest

from avatar.conversation import Conversation
from tests.dialogs.stage import PACE, play, telegram_stage
from tests.standins.telegram_api import ANN, flood


async def test_a_reply_is_shown_after_a_long_flood_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = Conversation._ask, []

    async def counted(self: Conversation, *arguments: Any, **keywords: Any) -> Any:
        asked.append(arguments)
        return await ask(self, *arguments, **keywords)

    monkeypatch.setattr(Conversation, "_ask", counted)
    async with telegram_stage(tmp_path) as stage:
        await play(stage, [("Hello", "")])
        telegram = stage.standin
        for method in ("sendMessageDraft", "sendMessage"):
            telegram.fail(method, flood(PACE.patience + 0.5), chat=ANN)
        before = len(telegram.shown())
        telegram.say("How are you?")
        await telegram.until(lambda: len(telegram.shown()) > before, within=30)
        await telegram.settled()
        assert len(telegram.shown()) == before + 1
        assert len(asked) == 2
