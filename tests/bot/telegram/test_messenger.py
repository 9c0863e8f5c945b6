"""What is said arrives once, as Telegram takes it, whatever Telegram answers."""

import asyncio
import time
from dataclasses import replace

import pytest

from avatar.errors import BadText, NotDelivered, Unreachable
from avatar.language import NAMES
from avatar.records import Attachment
from bot.commands import COMMANDS, Audience
from bot.screen import Button, Content, File, Style
from bot.telegram import messenger as messengers
from bot.telegram.messenger import TelegramMessenger
from tests.bot.telegram.make import IN_GROUP, OTHER, PRIVATE, place, said
from tests.standins.telegram_api import (
    ANN,
    BAD_GATEWAY,
    BEN,
    FORBIDDEN,
    GROUP,
    NOT_FOUND,
    RESET,
    RESET_AFTER,
    Document,
    Failure,
    TelegramStandIn,
    flood,
)

BAD_ENTITIES = Failure(status=400, description="Bad Request: can't parse entities: who knows")


async def test_markdown_and_buttons(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    rows = (
        (Button(label="Go", action="go:1", style=Style.SUCCESS), Button(label="No", action="no")),
    )
    ids = await messenger.send(PRIVATE, Content(text="**bold**", buttons=rows))
    (shown,) = telegram.shown()
    assert ids == (str(shown.id),)
    assert (shown.text, shown.buttons) == ("bold", (("Go", "No"),))
    assert [e["type"] for e in shown.entities] == ["bold"]
    (call,) = telegram.called("sendMessage")
    go, no = call.params["reply_markup"]["inline_keyboard"][0]
    assert (go["style"], go["callback_data"], "style" in no) == ("success", "go:1", False)


async def test_a_long_text_becomes_several_messages(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    text = " ".join(f"word{i}" for i in range(1500))
    answered = telegram.say("tell me", chat=GROUP)
    ids = await messenger.send(IN_GROUP, said(text, "More"), reply_to=str(answered))
    shown = telegram.shown(GROUP)
    assert ids == tuple(str(m.id) for m in shown)
    assert "".join(m.text for m in shown) == text
    assert [m.labels for m in shown] == [()] * (len(shown) - 1) + [("More",)]
    assert [m.reply_to for m in shown] == [answered] + [None] * (len(shown) - 1)


async def test_what_it_answers_may_be_gone(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    await messenger.send(PRIVATE, said("hello"), reply_to="42")
    assert telegram.shown()[0].reply_to is None


async def test_a_topic(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    await messenger.send(place(GROUP, thread="7"), said("hello"))
    assert telegram.shown(GROUP)[0].thread == 7


async def test_formatting_that_telegram_does_not_take_is_left_out(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", BAD_ENTITIES)
    await messenger.send(PRIVATE, said("**bold**", "Go"))
    (shown,) = telegram.shown()
    assert (shown.text, shown.entities, shown.labels) == ("bold", (), ("Go",))


@pytest.mark.parametrize("failure", [BAD_GATEWAY, Failure(status=500, description="?")])
async def test_what_was_not_carried_out_is_tried_again(
    telegram: TelegramStandIn, messenger: TelegramMessenger, failure: Failure
) -> None:
    telegram.fail("sendMessage", failure, times=2)
    await messenger.send(PRIVATE, said("hello"))
    assert [shown.text for shown in telegram.shown()] == ["hello"]


@pytest.mark.parametrize("failure", [RESET, RESET_AFTER])
async def test_what_was_perhaps_carried_out_is_not_sent_again(
    telegram: TelegramStandIn, messenger: TelegramMessenger, failure: Failure
) -> None:
    telegram.fail("sendMessage", failure)
    with pytest.raises(NotDelivered):
        await messenger.send(PRIVATE, said("hello"))
    assert len(telegram.called("sendMessage")) == 1


async def test_edits_are_repeated(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    telegram.fail("editMessageText", RESET_AFTER)
    await messenger.edit(PRIVATE, id_, said("two"))
    assert [shown.text for shown in telegram.shown()] == ["two"]


async def test_a_server_that_stays_away(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", BAD_GATEWAY, times=100)
    with pytest.raises(NotDelivered) as caught:
        await messenger.send(PRIVATE, said("hello"))
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    "failure",
    [
        FORBIDDEN,
        Failure(status=403, description="Forbidden: bot was kicked from the supergroup chat"),
        Failure(status=400, description="Bad Request: chat not found"),
        Failure(status=400, description="Bad Request: TOPIC_CLOSED"),
        Failure(status=400, description="Bad Request: not enough rights to send text messages"),
    ],
)
async def test_a_chat_that_cannot_be_written_to(
    telegram: TelegramStandIn, messenger: TelegramMessenger, failure: Failure
) -> None:
    telegram.fail("sendMessage", failure, times=100)
    with pytest.raises(Unreachable):
        await messenger.send(PRIVATE, said("**hello**"))
    assert len(telegram.called("sendMessage")) == 1


async def test_a_person_who_blocked_the_bot(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    telegram.block()
    with pytest.raises(Unreachable):
        await messenger.send(PRIVATE, said("hello"))
    with pytest.raises(Unreachable):
        await messenger.edit(PRIVATE, id_, said("two"))


async def test_a_short_flood_limit_is_waited_for_and_stops_no_other_chat(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", flood(1), chat=ANN)
    started = time.monotonic()
    waiting = asyncio.create_task(messenger.send(PRIVATE, said("hello")))
    await telegram.until(lambda: bool(telegram.called("sendMessage", chat=ANN)))
    await messenger.send(OTHER, said("hello"))
    assert time.monotonic() - started < 0.9
    assert telegram.shown(ANN) == []
    await waiting
    assert time.monotonic() - started >= 1
    assert [shown.text for shown in telegram.shown(ANN)] == ["hello"]
    assert len(telegram.shown(BEN)) == 1


async def test_a_long_flood_limit_is_told(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", flood(60))
    for _ in range(2):  # the second time without asking Telegram
        with pytest.raises(NotDelivered) as caught:
            await messenger.send(PRIVATE, said("hello"))
        assert caught.value.retry_after == pytest.approx(60, abs=1)
    assert len(telegram.called("sendMessage")) == 1


async def test_edits(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one", "Go"))
    await messenger.edit(PRIVATE, id_, said("**two**"))
    await messenger.edit(PRIVATE, id_, said("**two**"))  # nothing changed: no error
    (shown,) = telegram.shown()
    assert (shown.text, shown.labels) == ("two", ())


async def test_an_edit_that_does_not_fit_goes_on_behind(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    text = " ".join(f"word{i}" for i in range(1000))
    await messenger.edit(PRIVATE, id_, said(text, "Go"))
    first, second = telegram.shown()
    assert (str(first.id), first.labels, second.labels) == (id_, (), ("Go",))
    assert first.text + second.text == text


async def test_an_edit_of_a_deleted_message(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    telegram.delete(int(id_))
    await messenger.edit(PRIVATE, id_, said("quiet"), quiet=True)
    assert telegram.shown() == []
    await messenger.edit(PRIVATE, id_, said("asked for"))
    assert [shown.text for shown in telegram.shown()] == ["asked for"]


async def test_quiet_edits_are_left_out_when_it_is_no_time(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    telegram.fail("editMessageText", flood(60))
    await messenger.edit(PRIVATE, id_, said("two"), quiet=True)
    await messenger.edit(PRIVATE, id_, said("three"), quiet=True)
    assert len(telegram.called("editMessageText")) == 1


async def test_a_group_that_became_a_supergroup(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", Failure(status=400, description="?", moved_to=GROUP), chat=BEN)
    for _ in range(2):
        await messenger.send(OTHER, said("hello"))
    assert len(telegram.shown(GROUP)) == 2
    assert len(telegram.called("sendMessage", chat=BEN)) == 1


async def test_what_stands_in_a_group_that_moved_is_not_another_message_of_that_number(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    (theirs,) = await messenger.send(IN_GROUP, said("another"))
    moved = Failure(status=400, description="?", moved_to=GROUP)
    for method in ("editMessageText", "sendMessage"):
        telegram.fail(method, moved, chat=BEN)
    for text in ("new", "newer"):
        telegram.fail("editMessageText", moved, chat=BEN)
        await messenger.edit(OTHER, theirs, said(text))
    assert [m.text for m in telegram.shown(GROUP)] == ["another", "new", "newer"]


async def test_a_file_that_telegram_does_not_take_holds_nothing_up(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    """It was tried again for half a day, and nothing else was said in that chat."""
    refused = Failure(status=400, description="not enough rights to send documents to the chat")
    content = replace(said("Here it is.", "Go"), file=File(name="a.txt", content=b"x"))
    telegram.fail("sendDocument", refused)
    telegram.fail("sendMessage", BAD_GATEWAY, times=4)
    with pytest.raises(NotDelivered):
        await messenger.send(IN_GROUP, content)
    telegram.fail("sendDocument", refused)
    await messenger.send(IN_GROUP, content)
    (shown,) = telegram.shown(GROUP)
    assert shown.text.startswith("Here it is.\n\n(The file itself is missing")
    assert shown.labels == ("Go",)


def attachment(telegram: TelegramStandIn, document: Document) -> Attachment:
    """As `updates` reads it from what Ann sends."""
    message = telegram._chats[ANN].messages[telegram.say(document=document)]
    sent = message["document"]
    return Attachment(
        ref=sent["file_id"], name=sent["file_name"], size=sent["file_size"], kind="document"
    )


async def test_downloads(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    content = bytes(range(256)) * 1000
    file = attachment(telegram, Document(name="../../etc/x", content=content))
    async with messenger.download(PRIVATE, file, limit=300_000) as path:
        assert path.read_bytes() == content
        assert path.name == "file"
    assert not path.exists()


@pytest.mark.parametrize(
    ("document", "limit", "reason"),
    [
        (Document(name="a", content=b"x" * 5000), 2000, "a is larger than 2 kB"),
        # What Telegram says of the size is not to be relied on: it is counted, too.
        (Document(name="a", content=b"x" * 5000, claims=10), 2000, "a is larger than 2 kB"),
        (Document(name="a", content=b"", claims=25_000_000), 50_000_000, "larger than 20 MB"),
    ],
)
async def test_downloads_that_are_too_large(
    telegram: TelegramStandIn,
    messenger: TelegramMessenger,
    document: Document,
    limit: int,
    reason: str,
) -> None:
    with pytest.raises(BadText, match=reason):
        async with messenger.download(PRIVATE, attachment(telegram, document), limit=limit):
            raise AssertionError("there should be no file")


async def test_downloads_that_cannot_be_had(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    lost = Attachment(ref="lost", name="a", size=1, kind="document")
    with pytest.raises(BadText, match="send it again"):
        async with messenger.download(PRIVATE, lost, limit=10):
            raise AssertionError("there should be no file")
    file = attachment(telegram, Document(name="a", content=b"x"))
    telegram.fail("getFile", BAD_GATEWAY)
    with pytest.raises(NotDelivered):
        async with messenger.download(PRIVATE, file, limit=10):
            raise AssertionError("there should be no file")
    telegram.fail("file", RESET, times=2)  # once is tried again at once: nothing is changed by it
    with pytest.raises(NotDelivered) as caught:
        async with messenger.download(PRIVATE, file, limit=10):
            raise AssertionError("there should be no file")
    assert telegram.token not in repr(caught.value.detail)


async def test_the_menu_of_a_chat(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    everyone = [c for c in COMMANDS if c.audience is Audience.EVERYONE]
    for _ in range(2):
        await messenger.offer_commands(PRIVATE, COMMANDS)
    assert "prompt" in telegram.menu(ANN)
    assert "wait" not in telegram.menu(ANN)  # the terminal's
    assert len(telegram.called("setMyCommands")) == len(NAMES)
    assert telegram.menu(ANN)["new"] == "begin a new conversation"
    assert telegram.menu(ANN, language="ms")["new"] == "mulakan perbualan baharu"
    assert telegram.menu(ANN, language="de") == telegram.menu(ANN)
    await messenger.offer_commands(PRIVATE, everyone)
    assert "prompt" not in telegram.menu(ANN)
    assert "prompt" not in telegram.menu(ANN, language="ms")
    assert telegram.menu() == {}


async def test_menus_of_everybody_are_not_remembered_for_ever(
    messenger: TelegramMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messengers, "_KNOWN_MENUS", 2)
    for chat in (ANN, BEN, GROUP):
        await messenger.offer_commands(place(chat), COMMANDS)
    assert len(messenger._menus) <= 2


async def test_a_menu_that_telegram_does_not_take_is_no_error(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("setMyCommands", NOT_FOUND)
    await messenger.offer_commands(PRIVATE, COMMANDS)
    await messenger.offer_commands(PRIVATE, COMMANDS)  # is tried again
    assert "prompt" in telegram.menu(ANN)
