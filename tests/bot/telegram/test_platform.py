"""Updates reach the inbox once and are confirmed only then; the start, and what may go wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from avatar.incoming import Incoming
from avatar.language import NAMES
from bot.screen import Receive
from bot.telegram.platform import TelegramPlatform, TokenRefused
from tests.bot.telegram.make import FREE, QUICK, said
from tests.standins.telegram_api import (
    ANN,
    BAD_GATEWAY,
    CONFLICT,
    GROUP,
    RESET,
    Failure,
    TelegramStandIn,
    flood,
)


class Inbox:
    """Takes messages as the dispatcher does: a repeated one is dropped, and what was said to
    nobody in particular.
    """

    def __init__(self) -> None:
        self.taken: dict[str, Incoming] = {}
        self.times = 0

    async def receive(self, *incoming: Incoming) -> None:
        self.times += 1
        for each in filter(lambda each: each.addressed, incoming):
            self.taken.setdefault(each.update_id, each)

    @property
    def texts(self) -> list[str]:
        return [incoming.text for incoming in self.taken.values()]


@asynccontextmanager
async def polling(telegram: TelegramStandIn, receive: Receive) -> AsyncIterator[TelegramPlatform]:
    async with TelegramPlatform(
        telegram.token, api_url=telegram.url, pace=QUICK, limits=FREE
    ) as platform:
        task = asyncio.create_task(platform.poll(receive))
        try:
            yield platform
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_what_comes_in_is_handed_over_in_order(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with polling(telegram, inbox.receive) as platform:
        assert platform.username == telegram.username
        for i in range(5):
            telegram.say(f"message {i}")
        telegram.say("not for the bot", chat=GROUP)
        telegram.say("@avatar_bot in a group", chat=GROUP)
        await telegram.settled()
    assert inbox.texts == [*(f"message {i}" for i in range(5)), "in a group"]
    assert {incoming.address.bot for incoming in inbox.taken.values()} == {str(telegram.bot_id)}


async def test_an_update_is_confirmed_only_when_it_was_taken(telegram: TelegramStandIn) -> None:
    begun = asyncio.Event()

    async def never(*_: Incoming) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with polling(telegram, never):
        telegram.say("do not lose me")
        await begun.wait()
    # The process died while it wrote to the inbox: the next one gets the message again.
    inbox = Inbox()
    async with polling(telegram, inbox.receive):
        await telegram.settled()
    assert inbox.texts == ["do not lose me"]


async def test_a_repeated_update_has_the_same_id(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with polling(telegram, inbox.receive):
        message = telegram._chats[ANN].messages[telegram.say("once")]
        await telegram.settled()
        (update_id,) = inbox.taken
        telegram._updates.append({"update_id": int(update_id), "message": message})
        telegram.say("twice")
        await telegram.settled()
    assert inbox.texts == ["once", "twice"]


async def test_what_cannot_be_taken_does_not_stand_in_the_way(telegram: TelegramStandIn) -> None:
    inbox, tries = Inbox(), 0

    async def picky(*incoming: Incoming) -> None:
        nonlocal tries
        if any(each.text == "poison" for each in incoming):
            tries += 1
            raise ValueError("this one never")
        await inbox.receive(*incoming)

    async with polling(telegram, picky):
        telegram.say("before")
        telegram.say("poison")
        telegram.say("behind")
        await telegram.settled()
    assert inbox.texts == ["before", "behind"]
    assert tries > 1


async def test_a_short_trouble_loses_nothing(telegram: TelegramStandIn) -> None:
    inbox, troubles = Inbox(), [OSError("disk"), OSError("disk")]

    async def troubled(*incoming: Incoming) -> None:
        if troubles:
            raise troubles.pop()
        await inbox.receive(*incoming)

    async with polling(telegram, troubled):
        telegram.say("patience")
        await telegram.settled()
    assert inbox.texts == ["patience"]


async def test_an_update_that_cannot_be_read_does_not_stand_in_the_way(
    telegram: TelegramStandIn,
) -> None:
    inbox = Inbox()
    async with polling(telegram, inbox.receive):
        telegram.push({"message": {"message_id": 1, "date": "yesterday", "chat": 5}})
        telegram.say("behind")
        await telegram.settled()
    assert inbox.texts == ["behind"]


async def test_presses_are_handed_over_and_answered(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with polling(telegram, inbox.receive) as platform:
        telegram.say("hello")
        await telegram.settled()
        (hello,) = inbox.taken.values()
        (id_,) = await platform.messenger.send(hello.address, said("card", "Go"))
        press = telegram.press("Go")
        await telegram.settled()
    taken = list(inbox.taken.values())[-1]
    assert (taken.action, taken.message_id, taken.text) == ("do:0", id_, "")
    assert telegram.answered == [press]


async def test_a_press_that_is_too_old_to_be_answered(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    telegram.fail("answerCallbackQuery", Failure(status=400, description=old))
    async with polling(telegram, inbox.receive) as platform:
        telegram.say("hello")
        await telegram.settled()
        await platform.messenger.send(next(iter(inbox.taken.values())).address, said("x", "Go"))
        telegram.press("Go")
        await telegram.settled()
    assert len(inbox.taken) == 2


async def test_the_stop_button_under_a_draft(telegram: TelegramStandIn) -> None:
    inbox = Inbox()
    async with polling(telegram, inbox.receive) as platform:
        telegram.say("hello")
        await telegram.settled()
        address = next(iter(inbox.taken.values())).address
        stop = said("", "Stop").buttons[0][0]
        sight = platform.messenger.open_sight(address, stop=stop)
        sight.show("Hello")
        await telegram.until(lambda: telegram.draft() is not None)
        telegram.press_stop()
        await telegram.until(lambda: inbox.texts[-1:] == ["/stop"])
        await sight.close()
    assert list(inbox.taken.values())[-1].address == address


async def test_the_menu_is_set_when_it_changed(telegram: TelegramStandIn) -> None:
    for _ in range(2):
        async with TelegramPlatform(telegram.token, api_url=telegram.url, pace=QUICK):
            pass
    assert "help" in telegram.menu()
    assert "train" not in telegram.menu()  # an owner's
    assert "wait" not in telegram.menu()  # the terminal's
    groups = telegram.menu(scope="all_group_chats")
    assert {"help", "new", "stop"} <= set(groups)
    assert not {"forgetme", "start", "train"} & set(groups)
    assert telegram.menu()["help"] == "all commands, or what one of them does"
    assert telegram.menu(language="ms")["help"] == "semua arahan, atau kegunaan salah satunya"
    malay = telegram.menu(scope="all_group_chats", language="ms")
    assert malay.keys() == groups.keys()
    assert malay["stop"] == "hentikan apa yang sedang ditulis atau dibaca"
    assert len(telegram.called("setMyCommands")) == 2 * len(NAMES)


async def test_a_wrong_token_stops_the_start(telegram: TelegramStandIn) -> None:
    with pytest.raises(TokenRefused) as caught:
        async with TelegramPlatform("123:" + "x" * 35, api_url=telegram.url, pace=QUICK):
            raise AssertionError("it should not start")
    assert "TELEGRAM_TOKEN" in caught.value.sentence
    assert "xxx" not in caught.value.sentence + caught.value.detail


@pytest.mark.parametrize("failure", [BAD_GATEWAY, RESET])
async def test_telegram_that_cannot_be_reached_is_waited_for(
    telegram: TelegramStandIn, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.fail("getMe", failure, times=3)
    inbox = Inbox()
    with caplog.at_level(logging.WARNING):
        async with polling(telegram, inbox.receive):
            telegram.say("at last")
            await telegram.settled()
    assert inbox.texts == ["at last"]
    assert caplog.text.count("Telegram cannot be reached") == 3


@pytest.mark.parametrize("failure", [BAD_GATEWAY, RESET, CONFLICT])
async def test_trouble_while_polling(
    telegram: TelegramStandIn, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.fail("getUpdates", failure, times=3)
    inbox = Inbox()
    with caplog.at_level(logging.WARNING):
        async with polling(telegram, inbox.receive):
            telegram.say("at last")
            await telegram.settled()
    assert inbox.texts == ["at last"]
    assert ("another process" in caplog.text) == (failure is CONFLICT)
    assert telegram.token not in caplog.text


async def test_a_flood_limit_while_polling_is_waited_for(telegram: TelegramStandIn) -> None:
    telegram.fail("getUpdates", flood(1))
    inbox = Inbox()
    async with polling(telegram, inbox.receive):
        telegram.say("at last")
        await telegram.settled()
    first, second, *_ = telegram.called("getUpdates")
    assert inbox.texts == ["at last"]
    assert second.at - first.at > 0.9
