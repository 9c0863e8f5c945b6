"""Stopping a reply while it is written, and what waits behind it."""

import asyncio
from pathlib import Path

from bot.terminal.platform import author
from tests.dialogs.stage import play, telegram_stage, terminal_stage
from tests.standins.telegram_api import ANN


async def test_a_stopped_reply_is_kept_and_the_next_message_waits_its_turn(tmp_path: Path) -> None:
    async with terminal_stage(tmp_path, word_seconds=0.1) as stage:
        await stage.say("Thank you")  # from here on the provider's client is there
        first = stage._typed.incoming("Hello")
        await stage.dispatcher.receive(first)
        second = stage._typed.incoming("Thank you")
        await stage.dispatcher.receive(second)
        await asyncio.sleep(0.5)
        await stage.dispatcher.receive(stage._typed.incoming("/stop"))
        await stage.dispatcher.settled(second)
        shown = stage._out.getvalue()
        stopped, thanked = shown.index("(Stopped.)"), shown.rindex("You are welcome.")
        assert shown.index("Hello.") < stopped < thanked
        assert "talk about?" not in shown
        assert "6 messages" in await stage.say("/privacy")


async def test_a_switch_while_a_reply_streams_counts_from_the_next_one(tmp_path: Path) -> None:
    async with terminal_stage(tmp_path, word_seconds=0.1) as stage:
        await stage.say("/prompt You are the first.")
        streaming = stage._typed.incoming("Hello")
        await stage.dispatcher.receive(streaming)
        await asyncio.sleep(0.4)
        avatar = await stage.desk.store.avatar_by_slug("demo")
        assert avatar is not None
        person = await stage.desk.store.person(author())
        await stage.desk.learning_path.write_prompt(
            avatar.id, "You are the second.", person=person, now=stage.desk.clock()
        )
        before = len(stage._out.getvalue())
        await stage.dispatcher.settled(streaming)
        shown = stage._out.getvalue()[before:]
        assert "the first" in shown
        assert "the second" not in shown
        assert "Prompt: version 1" in await stage.say("/why")
        assert "the second" in await stage.say("Hello")
        assert "Prompt: version 2" in await stage.say("/why")


async def test_the_stop_button_under_a_draft_pressed_too_late_says_nothing(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as stage:
        await play(stage, [("Hello", "talk about")])
        shown = stage.standin.shown()
        stage.standin.push(
            {"stopped_message_generation": {"chat": stage.standin._chat_json(ANN), "draft_id": 7}}
        )
        await stage.settled()
        assert stage.standin.shown() == shown
        await play(stage, [("/stop", "no reply to stop")])
