"""The clock goes back in the middle of a conversation, by an hour and by a day: it goes on."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.inline import MOST, InlineAnswers
from tests.dialogs.stage import play, telegram_stage, terminal_stage
from tests.dialogs.test_away import Clock, ann_writes, connected
from tests.standins.telegram_api import BEN

BACK = [timedelta(hours=1), timedelta(days=1)]


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_a_conversation_and_its_versions(tmp_path: Path, back: timedelta) -> None:
    clock = Clock()
    async with terminal_stage(tmp_path, clock=clock) as stage:
        await play(stage, [("/prompt You are Y.", "Version 1"), ("Hello", "You are Y")])
        clock.ahead = -back
        await play(
            stage,
            [
                ("Hello again", "You are Y"),
                ("/prompt You are Z.", "Version 2"),
                ("Hello", "You are Z"),
                ("/undo", "version 1"),
                ("Hello", "You are Y"),
                ("/new", ""),
                ("Hello", "You are Y"),
                ("/history", "Active Now"),
            ],
        )
        context = await stage.desk.store.context(1, limit=99)
        assert len(context.turns) == 2  # only what was said since /new


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_a_training(tmp_path: Path, back: timedelta) -> None:
    clock = Clock()
    async with terminal_stage(tmp_path, clock=clock) as stage:
        await play(stage, [("(train)", "Start it?")])
        clock.ahead = -back
        await play(
            stage,
            [
                ("[Start training]", "in training"),
                ("(wait)", "Deep Training completed"),
                ("/wait", "!Deep Training completed"),
                ("/activate 1", "Active Now"),
            ],
        )


@pytest.mark.parametrize("back", BACK, ids=str)
async def test_limits(tmp_path: Path, back: timedelta) -> None:
    clock = Clock()
    async with telegram_stage(tmp_path, clock=clock) as ann:
        await play(ann, [("/limits messages 2", "2 replies")])
        ben = ann.elsewhere(user=BEN)
        await play(
            ben,
            [("/start demo", "Demo"), ("Hello", "talk"), ("Hello", "talk"), ("Hello", "a lot in")],
        )
        clock.ahead = -back
        # What was said before counts no more; what is said now does.
        await play(
            ben, [("Hello", "talk"), ("Hello", "talk"), ("Hello", "That was a lot in one minute")]
        )
        clock.ahead += timedelta(seconds=61)
        await play(ben, [("Hello", "talk")])


async def test_the_silence_where_the_owner_wrote(tmp_path: Path) -> None:
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        await ann_writes(ann, "I am here.")
        clock.ahead = timedelta(days=-1)
        for minutes, count in ((59, 0), (61, 1)):  # by Telegram's clock
            ann.standin.ahead = minutes * 60
            ann.standin.say_to_owner("Hello", user=BEN)
            await ann.settled()
            assert len(ann.standin.answers_for_owner(chat=BEN)) == count


async def test_lines_that_are_typed_to_be_shared(tmp_path: Path) -> None:
    clock = Clock()
    async with terminal_stage(tmp_path) as stage:
        desk = stage.desk
        ask = InlineAnswers(desk.store, desk.conversation, clock=clock)
        assert all(ask._may("1", clock()) for _ in range(MOST))
        assert not ask._may("1", clock())
        clock.ahead = timedelta(days=-1)
        assert ask._may("1", clock())
