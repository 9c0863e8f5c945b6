"""The stand-in refuses what Telegram refuses, and shows what people would see."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.error import BadRequest, InvalidToken, TelegramError

from tests.standins.telegram_api import ANN, BAD_GATEWAY, GROUP, TelegramStandIn


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    async with TelegramStandIn() as server:
        yield server


@pytest.fixture
async def bot(telegram: TelegramStandIn) -> AsyncIterator[Bot]:
    made = Bot(telegram.token, f"{telegram.url}/bot", f"{telegram.url}/file/bot")
    async with made:
        yield made


def keyboard(label: str, data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)]])


BOLD = [MessageEntity("bold", 0, 1)]


@pytest.mark.parametrize(
    "params",
    [
        {"text": "x" * 4097},
        {"text": "😀" * 2049},
        {"text": " \n"},
        {"text": "x", "chat_id": 77},
        {"text": "x", "entities": BOLD * 101},
        {"text": "x", "entities": [MessageEntity("bold", 0, 2)]},
        {"text": "😀x", "entities": [MessageEntity("bold", 1, 1)]},
        {"text": "x", "entities": [MessageEntity("text_link", 0, 1)]},
        {"text": "x", "reply_markup": keyboard("Go", "d" * 65)},
        {"text": "x", "reply_markup": keyboard(" ", "d")},
        {"text": "x", "reply_to_message_id": 5000},
        {"text": "x", "api_kwargs": {"chat": 5}},
    ],
)
async def test_messages_that_are_refused(
    telegram: TelegramStandIn, bot: Bot, params: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest):
        await bot.send_message(**{"chat_id": ANN, **params})
    assert telegram.shown() == []
    assert telegram.called("sendMessage")[0].status == 400


async def test_what_lies_within_the_limits(telegram: TelegramStandIn, bot: Bot) -> None:
    await bot.send_message(ANN, "😀" * 2048, entities=BOLD[:0])
    await bot.send_message(ANN, "x", entities=BOLD * 100, reply_markup=keyboard("Go", "d" * 64))
    assert [shown.labels for shown in telegram.shown()] == [(), ("Go",)]


async def test_edits_that_are_refused(telegram: TelegramStandIn, bot: Bot) -> None:
    asked = telegram.say("hello")
    sent = await bot.send_message(ANN, "one")
    for id_, text in ((sent.message_id, "one"), (asked, "two"), (5000, "two")):
        with pytest.raises(BadRequest):
            await bot.edit_message_text(text, chat_id=ANN, message_id=id_)
    await bot.edit_message_text("two", chat_id=ANN, message_id=sent.message_id)
    assert telegram.messages()[sent.message_id].text == "two"


async def test_drafts(telegram: TelegramStandIn, bot: Bot) -> None:
    for chat, draft_id in ((GROUP, 1), (ANN, 0)):
        with pytest.raises(BadRequest):
            await bot.send_message_draft(chat, draft_id, "x")
    await bot.send_message_draft(ANN, 1, "x")
    draft = telegram.draft()
    assert draft is not None
    assert (draft.text, draft.can_stop) == ("x", False)
    await bot.send_message(ANN, "done")
    assert telegram.draft() is None


async def test_documents(telegram: TelegramStandIn, bot: Bot) -> None:
    await bot.send_document(ANN, b"content", caption="here", filename="a.txt")
    (shown,) = telegram.shown()
    assert (shown.document, shown.text) == (b"content", "here")


async def test_another_token_and_another_method(telegram: TelegramStandIn, bot: Bot) -> None:
    other = Bot("1:x", f"{telegram.url}/bot")
    with pytest.raises(InvalidToken):
        await other.initialize()
    await other.shutdown()
    with pytest.raises(TelegramError):
        await bot.send_dice(ANN)


async def test_updates_come_until_they_are_confirmed(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.say("one")
    telegram.say("two", chat=GROUP)
    first = await bot.get_updates()
    again = await bot.get_updates()
    assert [u.update_id for u in first] == [u.update_id for u in again]
    assert len(await bot.get_updates(offset=first[1].update_id)) == 1
    assert await bot.get_updates(offset=first[1].update_id + 1) == ()


async def test_presses(telegram: TelegramStandIn, bot: Bot) -> None:
    await bot.send_message(ANN, "old", reply_markup=keyboard("Go", "old"))
    await bot.send_message(ANN, "new", reply_markup=keyboard("Go", "new"))
    with pytest.raises(AssertionError, match="no button 'Stop'"):
        telegram.press("Stop")
    telegram.press("Go")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "new"


async def test_scripts_are_used_up(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.fail("sendMessage", BAD_GATEWAY, chat=GROUP)
    await bot.send_message(ANN, "x")
    with pytest.raises(TelegramError):
        await bot.send_message(GROUP, "x")
    await bot.send_message(GROUP, "x")
    assert len(telegram.shown(GROUP)) == 1
