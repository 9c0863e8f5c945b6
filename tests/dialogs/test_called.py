"""The avatar called by its name from chats that its bot is not in, and typed to in any chat."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from avatar.errors import (
    AvatarError,
    BadText,
    ProviderError,
    ProviderUnavailable,
    SpentUp,
    TooFast,
)
from avatar.language import NAMES, speaking
from avatar.ports import ChatRequest, Ended
from avatar.pricing import month_of
from bot.inline import LINE, MOST, _briefly
from tests.dialogs.stage import TelegramStage, play, telegram_stage
from tests.standins.telegram_api import ANN, BEN


async def called(stage: TelegramStage, text: str, *, user: int = BEN) -> str:
    """Somebody calls the bot; what stands there then."""
    query = stage.standin.summon(text, user=user)
    await stage.settled()
    return "\n".join(stage.standin.guest_answers.get(query, [""])[-1:])


async def typed(stage: TelegramStage, text: str, *, user: int = ANN) -> str:
    """Somebody types behind the bot's name and pauses; what they could share."""
    query = stage.standin.type_inline(text, user=user)
    answers = stage.standin.inline_answers
    await stage.standin.until(lambda: query in answers)
    return "\n".join(each["input_message_content"]["message_text"] for each in answers[query])


async def refused(stage: TelegramStage, text: str, *, user: int = BEN) -> str:
    """The same where there is nothing to share; what stands above it."""
    assert not await typed(stage, text, user=user)
    button: dict[str, str] = stage.standin.inline_buttons[[*stage.standin.inline_answers][-1]]
    assert button["start_parameter"] == "demo"  # it leads to the avatar
    return button["text"]


async def test_called_into_a_chat(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/prompt You are a guide.", "Version 1"), ("My name is Ann.", "guide")])
        assert "You are a guide." in await called(ann, "@avatar_bot what is Ipoh?")
        # Nothing but the one answer: no previews, no typing, nothing in anybody's private chat.
        assert not ann.standin.shown(BEN)
        assert len(ann.standin.called("answerGuestQuery")) == 1
        # Commands are talk there, and what was said in private is not known there.
        shown = await called(ann, "/prompt You are mine.", user=ANN)
        assert "You are a guide." in shown
        assert "Ann" not in shown
        history = await ann.desk.store.history(1, limit=9, offset=0)
        assert len(history) == 1


async def test_the_callers_own_choice_answers(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await play(
            ann,
            [
                ("/newavatar Mei", "Mei"),
                ("/prompt You are Mei.", "Version 1"),
            ],
        )
        assert "You are Mei." in await called(ann, "@avatar_bot hello", user=ANN)
        assert "You are Mei." not in await called(ann, "@avatar_bot hello", user=BEN)


async def test_who_calls_is_held_to_the_block_list_of_whom_they_call(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben, store = ann.elsewhere(user=BEN), ann.desk.store
        await play(ann, [("/newavatar Mei", "Mei"), ("/prompt You are Mei.", "Version 1")])
        await play(ben, [("/start demo", "talking to Demo")])
        person = await store.find_person("telegram", str(BEN))
        assert person is not None
        mei = await store.avatar_by_slug("mei")
        assert mei is not None
        # Ann called Mei into that chat before: that is no matter of Ben's.
        assert "You are Mei." in await called(ann, "@avatar_bot hello", user=ANN)
        await store.block(mei.id, person.id, now=ann.desk.clock())
        assert "talk about" in await called(ann, "@avatar_bot hello")
        await store.block(1, person.id, now=ann.desk.clock())
        assert "You cannot talk to Demo" in await called(ann, "@avatar_bot hello")
        await play(ben, [("/language ms", "Bahasa Melayu")])
        assert "You cannot talk" not in await called(ann, "@avatar_bot hello")
        await store.unblock(1, person.id)
        assert "talk about" in await called(ann, "@avatar_bot hello")


async def test_a_private_avatar_is_called_by_those_whom_it_lets_in(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        await ann.desk.store.set_visibility(1, "private")
        assert "no avatar here" in await called(ann, "@avatar_bot hello")
        assert "talk about" in await called(ann, "@avatar_bot hello", user=ANN)


async def test_an_owner_sees_who_called(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await called(ann, "@avatar_bot hello")
        await play(ann, [("/people", "Ben")])


async def test_an_answer_to_share(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/prompt You are a guide.", "Version 1")])
        assert "You are a guide." in await typed(ann, "Tell me about Ipoh")
        (call,) = ann.standin.called("answerInlineQuery")
        assert call.params["is_personal"] is True
        assert call.params["cache_time"] == 0
        (result,) = call.params["results"]
        assert (result["type"], result["title"]) == ("article", "Demo")
        assert not ann.standin.called("sendMessage", chat=BEN)
        await play(ann, [("/cost", "answers to share")])


async def test_only_what_was_typed_last_is_answered(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        before = [ann.standin.type_inline(text) for text in ("Hel", "Hello", "Hello t")]
        assert await typed(ann, "Hello there")
        assert not ann.standin.inline_answers.keys() & before
        assert not await typed(ann, "He")  # too short to be asked for


async def test_an_answer_that_nobody_waits_for_any_more_was_paid_for(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        (model,) = ann.desk.conversation._models.values()
        usual, begun, ended = model.stream, asyncio.Event(), asyncio.Event()

        async def for_long(_: ChatRequest) -> AsyncIterator[str | Ended]:
            try:
                yield "word " * 50
                begun.set()
                await asyncio.Event().wait()
            finally:
                ended.set()

        model.stream = for_long  # type: ignore[method-assign, assignment]
        ann.standin.type_inline("Tell me about")
        async with asyncio.timeout(10):
            await begun.wait()
            model.stream = usual  # type: ignore[method-assign]
            assert await typed(ann, "Tell me about Ipoh")
            await ended.wait()  # it is not asked on
        month = month_of(ann.desk.clock())
        (spent,) = await ann.desk.store.spending(1, month=month)
        assert (spent.kind, spent.count) == ("inline", 2)
        assert spent.completion_tokens > 50


async def test_nobody_asks_for_ever(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        for i in range(MOST):
            assert await typed(ann, f"Hello {i}")
        assert await refused(ann, "Once more", user=ANN) == f"{MOST} lines an hour, no more"
        assert await typed(ann, "Hello", user=BEN)


async def test_who_types_is_held_to_the_limits_and_the_block_list(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        assert await typed(ann, "Tell me about Ipoh", user=BEN)
        await play(ann, [("/limits messages 1", "1 reply")])
        await play(ben, [("Hello", "talk about")])
        assert "Too many at once: again in" in await refused(ann, "Tell me about Ipoh")
        assert await typed(ann, "Tell me about Ipoh", user=ANN)  # operators are not limited
        await play(ben, [("/language ms", "Bahasa Melayu")])
        assert "Terlalu banyak sekali gus" in await refused(ann, "Tell me about Ipoh")
        person = await ann.desk.store.find_person("telegram", str(BEN))
        assert person is not None
        await ann.desk.store.block(1, person.id, now=ann.desk.clock())
        assert not await typed(ann, "Tell me about Ipoh", user=BEN)


async def test_what_may_not_be_spent_and_who_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with telegram_stage(tmp_path) as ann:

        async def fails(error: AvatarError, *_: object, **__: object) -> None:
            raise error

        for error, said in (
            (SpentUp(what="All is spent.", when="tomorrow"), "the limit of costs is reached"),
            (ProviderUnavailable(), "The model does not answer now"),
            (BadText(reason="no."), "That could not be answered"),
        ):
            monkeypatch.setattr(ann.desk.conversation, "once", partial(fails, error))
            assert said in await refused(ann, "Tell me about Ipoh", user=ANN)


@pytest.mark.parametrize("code", NAMES)
def test_it_fits_above_the_answers(code: str) -> None:
    with speaking(code):
        for error in (
            TooFast(seconds=60),
            SpentUp(what="", when=""),
            ProviderError(),
            AvatarError(),
        ):
            assert 1 <= len(_briefly(error)) <= LINE
