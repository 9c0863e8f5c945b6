"""Places that are no chat with the bot: told apart from those, and written to as they need."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update

from avatar.accounts import Way
from avatar.errors import NotDelivered, Unreachable
from avatar.incoming import Incoming
from bot.screen import Content
from bot.telegram.elsewhere import elsewhere
from bot.telegram.guests import MORE, Guests
from bot.telegram.request import Connection
from bot.telegram.threads import GUEST, account_thread, connection_of, topic_of
from bot.telegram.updates import incoming
from tests.bot.telegram.make import IN_GROUP, PRIVATE, messenger, said
from tests.standins.telegram_api import ANN, BEN, FORBIDDEN, Failure, TelegramStandIn, flood

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_addresses_are_told_apart() -> None:
    account = replace(PRIVATE, thread=account_thread("conn-1"))
    topic, guest = replace(IN_GROUP, thread="7"), replace(IN_GROUP, thread=GUEST)
    assert [connection_of(a) for a in (PRIVATE, account, topic, guest)] == [
        None,
        "conn-1",
        None,
        None,
    ]
    assert [topic_of(a) for a in (PRIVATE, account, topic, guest)] == [None, None, 7, None]
    # A connection may be called anything.
    assert topic_of(replace(PRIVATE, thread=account_thread("7"))) is None
    assert connection_of(replace(PRIVATE, thread=account_thread("guest"))) == "guest"


def read(update: dict[str, Any]) -> Incoming | None:
    parsed = Update.de_json({"update_id": 1, **update}, None)

    def as_said(each: Update) -> Incoming | None:
        return incoming(each, bot_id=9, bot_username="avatar_bot", now=NOW)

    return elsewhere(parsed, as_said, bot_id=9, now=NOW)


def message(**more: Any) -> dict[str, Any]:
    return {
        "message_id": 5,
        "date": 1_790_000_000,
        "chat": {"id": BEN, "type": "private", "first_name": "Ben"},
        "from": {"id": BEN, "is_bot": False, "first_name": "Ben"},
        "text": "Hello",
        **more,
    }


def test_what_is_said_in_an_account() -> None:
    said_there = read({"business_message": message(business_connection_id="c")})
    assert said_there is not None
    assert (said_there.way, said_there.private) == (Way.ACCOUNT, False)
    assert said_there.facts == {"connection": "c", "by": "other"}
    ann = {"id": ANN, "is_bot": False, "first_name": "Ann"}
    by_owner = read({"business_message": message(business_connection_id="c", **{"from": ann})})
    assert by_owner is not None
    assert by_owner.facts["by"] == "owner"
    bot = {"id": 9, "is_bot": True, "first_name": "Avatar"}
    for nobodys in ({"sender_business_bot": bot}, {"is_from_offline": True}, {"from": bot}):
        assert read({"business_message": message(business_connection_id="c", **nobodys)}) is None


def test_a_call_from_elsewhere() -> None:
    called = read({"guest_message": message(text="@avatar_bot what is that?", guest_query_id="q")})
    assert called is not None
    assert (called.way, called.message_id, called.private) == (Way.GUEST, "q", False)
    assert called.address.thread == GUEST
    assert read({"guest_message": message(text="x")}) is None  # nothing that could be answered
    assert read({"message": message()}) is None


async def test_a_reply_in_an_account_is_streamed_by_edits(telegram: TelegramStandIn) -> None:
    telegram.connect()
    telegram.say_to_owner("Hello")
    address = replace(PRIVATE, chat=str(BEN), thread=account_thread("conn-1"))
    async with messenger(telegram) as speaks:
        sight = speaks.open_sight(address, private=False)
        sight.show("One")
        await telegram.until(lambda: bool(telegram.answers_for_owner()))
        sight.show("One **two**")
        ids = await sight.finish(Content(text="One **two** three"))
    (answer,) = telegram.answers_for_owner()
    assert (answer["text"], ids) == ("One two three", (str(answer["message_id"]),))
    for call in [*telegram.called("sendMessage"), *telegram.called("editMessageText")]:
        assert call.params["business_connection_id"] == "conn-1"
    assert not telegram.shown(BEN)


@pytest.fixture
async def connection(telegram: TelegramStandIn) -> Any:
    made = Connection(telegram.token, telegram.url)
    yield made
    await made.aclose()


async def test_a_call_is_answered_once(telegram: TelegramStandIn, connection: Connection) -> None:
    id_ = await Guests().answer(connection.bot, "q", said("**Hello** there"))
    assert telegram.guest_answers["q"] == ["Hello there"]
    assert id_ == "inline-of-q"
    with pytest.raises(Unreachable):
        await Guests().answer(connection.bot, "q", said("again"))
    telegram.fail("answerGuestQuery", FORBIDDEN)
    with pytest.raises(Unreachable):
        await Guests().answer(connection.bot, "q2", said("x"))
    telegram.fail("answerGuestQuery", replace(FORBIDDEN, status=502))
    with pytest.raises(NotDelivered):
        await Guests().answer(connection.bot, "q3", said("x"))


async def test_an_answer_that_is_too_long_says_so(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    await Guests().answer(connection.bot, "q", said("**word** 😀 " * 2000))
    (text,) = telegram.guest_answers["q"]
    assert text.endswith(MORE)
    assert len(text.encode("utf-16-le")) // 2 <= 4096


async def test_a_quick_answer_is_shown_whole(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    sight = Guests().open_sight(connection.bot, "q")
    sight.show("Hel")
    assert await sight.finish(said("Hello")) == ("inline-of-q",)
    assert telegram.guest_answers["q"] == ["Hello"]


async def test_a_slow_answer_is_begun_and_then_whole(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    sight = Guests(patience=0.01).open_sight(connection.bot, "q")
    sight.show("Hel")
    await telegram.until(lambda: "q" in telegram.guest_answers)
    assert await sight.finish(said("Hello **you**")) == ("inline-of-q",)
    assert telegram.guest_answers["q"] == [f"Hel{MORE}", "Hello you"]


async def test_what_takes_the_place_of_a_beginning_finds_it(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    """Once more after it did not arrive; or what went wrong."""
    guests = Guests(patience=0.01)
    sight = guests.open_sight(connection.bot, "q")
    sight.show("Hel")
    await telegram.until(lambda: "q" in telegram.guest_answers)
    telegram.fail("editMessageText", flood(30))
    with pytest.raises(NotDelivered) as failed:
        await sight.finish(said("Hello"))
    assert failed.value.retry_after == 30
    again = guests.open_sight(connection.bot, "q")
    assert await again.finish(said("Hello")) == ("inline-of-q",)
    assert await guests.answer(connection.bot, "q", said("Sorry")) == "inline-of-q"
    assert telegram.guest_answers["q"] == [f"Hel{MORE}", "Hello", "Sorry"]


async def test_formatting_that_telegram_does_not_take_is_left_out(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    refused = Failure(status=400, description="Bad Request: can't parse entities: who knows")
    telegram.fail("answerGuestQuery", refused)
    await Guests().answer(connection.bot, "q", said("**Hello**"))
    assert telegram.guest_answers["q"] == ["Hello"]
    sight = Guests(patience=0.01).open_sight(connection.bot, "q2")
    sight.show("Hel")
    await telegram.until(lambda: "q2" in telegram.guest_answers)
    telegram.fail("editMessageText", refused)
    assert await sight.finish(said("Hello **you**")) == ("inline-of-q2",)
    assert telegram.guest_answers["q2"] == [f"Hel{MORE}", "Hello you"]
    assert not telegram.called("editMessageText")[-1].params["entities"]


async def test_an_answer_that_is_given_up(
    telegram: TelegramStandIn, connection: Connection
) -> None:
    sight = Guests().open_sight(connection.bot, "q")
    await sight.close()
    await sight.close()
    assert not telegram.guest_answers
