"""A reply while it is written: previews come as they may, the reply once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from avatar.errors import NotDelivered, Unreachable
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.rates import Budget
from tests.bot.telegram import make
from tests.bot.telegram.make import FREE, IN_GROUP, PRIVATE, QUICK, STOP, said
from tests.standins.telegram_api import (
    ANN,
    BAD_GATEWAY,
    GROUP,
    NOT_FOUND,
    RESET,
    RESET_AFTER,
    Failure,
    TelegramStandIn,
    flood,
)


async def test_a_private_reply(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    sight = messenger.open_sight(PRIVATE, stop=STOP)
    await telegram.until(lambda: bool(telegram.called("sendChatAction")))
    sight.show("**Hel")
    await telegram.until(lambda: telegram.draft() is not None)
    sight.show("**Hello** you")
    await telegram.until(lambda: bool((d := telegram.draft()) and d.text == "Hello you"))
    draft = telegram.draft()
    assert draft is not None
    assert draft.can_stop
    ids = await sight.finish(said("**Hello** you.", "Go"))
    await sight.close()
    (shown,) = telegram.shown()
    assert (ids, shown.text, shown.labels) == ((str(shown.id),), "Hello you.", ("Go",))
    assert telegram.draft() is None
    drafts = {call.params["draft_id"] for call in telegram.called("sendMessageDraft")}
    assert len(drafts) == 1
    assert 0 not in drafts
    assert telegram.called("editMessageText") == []


@pytest.mark.parametrize(("chat", "private"), [(ANN, True), (ANN, False), (GROUP, False)])
async def test_previews_are_plain_and_the_reply_is_formatted(
    telegram: TelegramStandIn, messenger: TelegramMessenger, chat: int, private: bool
) -> None:
    sight = messenger.open_sight(make.place(chat), private=private)
    for text in ("**bold**", "**bold** `code`"):
        sight.show(text)
        await telegram.until(lambda: bool(telegram.draft(chat) or telegram.shown(chat)))
        await asyncio.sleep(0.05)
    previews = len(telegram.calls)
    await sight.finish(said("**bold** `code`."))
    await sight.close()
    assert not any("entities" in call.params for call in telegram.calls[:previews])
    assert [e["type"] for e in telegram.shown(chat)[0].entities] == ["bold", "code"]


@pytest.mark.parametrize(("chat", "distance"), [(ANN, 0.1), (GROUP, 0.3)])
async def test_edits_keep_their_distance(
    telegram: TelegramStandIn, chat: int, distance: float
) -> None:
    pace = replace(QUICK, edit=0.3, edit_alone=0.1)
    async with make.messenger(telegram, pace=pace) as messenger:
        sight = messenger.open_sight(make.place(chat), private=False)
        for i in range(80):
            sight.show("word " * (i + 1))
            await asyncio.sleep(0.01)
        await sight.close()
    calls = telegram.called("sendMessage") + telegram.called("editMessageText")
    assert len(calls) > 1
    assert all(b.at - a.at > distance * 0.8 for a, b in pairwise(calls))


async def test_previews_give_way_when_the_process_is_late(telegram: TelegramStandIn) -> None:
    async with make.messenger(telegram, pace=replace(QUICK, draft=0.15)) as messenger:
        sight = messenger.open_sight(PRIVATE)
        sight.show("a")
        await telegram.until(lambda: telegram.draft() is not None)
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251  (the process is late)
        for i in range(20):
            sight.show("b" * (i + 1))
            await asyncio.sleep(0.02)
        assert len(telegram.called("sendMessageDraft")) == 1
        await sight.finish(said("done"))
        await sight.close()
    assert [shown.text for shown in telegram.shown()] == ["done"]


async def test_a_short_reply_costs_few_calls(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hi")
    await sight.finish(said("Hi"))
    await sight.close()
    await sight.close()
    assert [call.method for call in telegram.calls][-1] == "sendMessage"
    assert len(telegram.calls) <= 3


async def test_drafts_keep_their_distance_and_are_refreshed(telegram: TelegramStandIn) -> None:
    pace = replace(QUICK, draft=0.1, refresh=0.25)
    async with make.messenger(telegram, pace=pace) as messenger:
        sight = messenger.open_sight(PRIVATE)
        for i in range(30):
            sight.show("word " * (i + 1))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.6)
        await sight.finish(said("done"))
        await sight.close()
    calls = telegram.called("sendMessageDraft")
    gaps = [b.at - a.at for a, b in pairwise(calls)]
    assert all(gap > 0.08 for gap in gaps)
    texts = [call.params["text"] for call in calls]
    assert len(texts) > len(set(texts))  # the last one was drawn again


async def test_typing_is_repeated_until_there_is_a_text(telegram: TelegramStandIn) -> None:
    async with make.messenger(telegram, pace=replace(QUICK, typing=0.05)) as messenger:
        sight = messenger.open_sight(IN_GROUP, private=False)
        await telegram.until(lambda: len(telegram.called("sendChatAction", chat=GROUP)) == 3)
        sight.show("text")
        await telegram.until(lambda: bool(telegram.shown(GROUP)))
        before = len(telegram.called("sendChatAction"))
        await asyncio.sleep(0.15)
        assert len(telegram.called("sendChatAction")) == before
        await sight.close()


async def test_a_reply_in_a_group(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    asked = telegram.say("@avatar_bot hello", chat=GROUP)
    sight = messenger.open_sight(IN_GROUP, private=False, reply_to=str(asked), stop=STOP)
    sight.show("Hello")
    first = await telegram.next_message(GROUP)
    assert (first.text, first.labels, first.reply_to) == ("Hello", ("Stop",), asked)
    sight.show("Hello **you**")
    await telegram.until(lambda: telegram.shown(GROUP)[0].text == "Hello you")
    ids = await sight.finish(said("Hello **you**.", "Go"))
    await sight.close()
    (shown,) = telegram.shown(GROUP)
    assert (ids, shown.text, shown.labels) == ((str(shown.id),), "Hello you.", ("Go",))
    assert telegram.called("sendMessageDraft") == []


async def test_a_long_reply_in_a_group(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    text = " ".join(f"word{i}" for i in range(1500))
    sight = messenger.open_sight(IN_GROUP, private=False, stop=STOP)
    sight.show(text)
    await telegram.until(lambda: bool(telegram.shown(GROUP)))
    ids = await sight.finish(said(text, "Go"))
    await sight.close()
    shown = telegram.shown(GROUP)
    assert ids == tuple(str(m.id) for m in shown)
    assert "".join(m.text for m in shown) == text
    assert [m.labels for m in shown[:-1]] == [()] * (len(shown) - 1)
    assert shown[-1].labels == ("Go",)


async def test_a_long_private_reply_shows_its_end(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    sight.show("😀 " * 4000 + "the end")
    await telegram.until(lambda: telegram.draft() is not None)
    draft = telegram.draft()
    assert draft is not None
    assert draft.text.endswith("the end")
    await sight.finish(said("done"))
    await sight.close()


async def test_a_flood_limit_in_the_middle_of_a_stream(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessageDraft", flood(1))
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    await telegram.until(lambda: bool(telegram.called("sendMessageDraft")))
    started = time.monotonic()
    for text in ("Hello you", "Hello you there"):
        sight.show(text)
        await asyncio.sleep(0.05)
    await sight.finish(said("Hello you there."))
    await sight.close()
    assert time.monotonic() - started > 0.8  # waited for
    assert len(telegram.called("sendMessageDraft")) == 1  # none while it waited
    assert [shown.text for shown in telegram.shown()] == ["Hello you there."]
    assert len(telegram.called("sendMessage")) == 1
    assert telegram.called("editMessageText") == []  # no fall-back to edits


async def test_a_flood_limit_in_a_group(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(IN_GROUP, private=False)
    sight.show("Hello")
    await telegram.until(lambda: bool(telegram.shown(GROUP)))
    telegram.fail("editMessageText", flood(1))
    sight.show("Hello you")
    await telegram.until(lambda: bool(telegram.called("editMessageText")))
    await sight.finish(said("Hello you."))
    await sight.close()
    assert [shown.text for shown in telegram.shown(GROUP)] == ["Hello you."]


async def test_previews_go_on_after_a_flood_limit(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessageDraft", flood(1))
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    await telegram.until(lambda: telegram.draft() is not None)
    await sight.finish(said("Hello."))
    await sight.close()


async def test_a_flood_limit_that_is_too_long(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessageDraft", flood(60))
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    await telegram.until(lambda: bool(telegram.called("sendMessageDraft")))
    with pytest.raises(NotDelivered) as caught:
        await sight.finish(said("Hello."))
    await sight.close()
    assert caught.value.retry_after == pytest.approx(60, abs=1)


@pytest.mark.parametrize("chat", [ANN, GROUP])
@pytest.mark.parametrize("failure", [BAD_GATEWAY, RESET])
async def test_previews_that_fail_are_worth_no_reply(
    telegram: TelegramStandIn, messenger: TelegramMessenger, chat: int, failure: Failure
) -> None:
    for method in ("sendChatAction", "sendMessageDraft", "editMessageText"):
        telegram.fail(method, failure, times=2)
    sight = messenger.open_sight(make.place(chat), private=chat > 0)
    for i in range(1, 8):
        sight.show("word " * i)
        await asyncio.sleep(0.02)
    telegram.mend()
    await sight.finish(said("words."))
    await sight.close()
    assert [shown.text for shown in telegram.shown(chat)] == ["words."]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_bad_gateway_for_the_reply_itself(
    telegram: TelegramStandIn, messenger: TelegramMessenger, times: int
) -> None:
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    telegram.fail("sendMessage", BAD_GATEWAY, times=times)
    await sight.finish(said("Hello."))
    await sight.close()
    assert [shown.text for shown in telegram.shown()] == ["Hello."]


async def test_a_bad_gateway_for_the_reply_in_a_group(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(IN_GROUP, private=False)
    sight.show("Hello")
    await telegram.until(lambda: bool(telegram.shown(GROUP)))
    telegram.fail("editMessageText", BAD_GATEWAY, times=100)
    with pytest.raises(NotDelivered):
        await sight.finish(said("Hello."))
    await sight.close()
    assert [shown.text for shown in telegram.shown(GROUP)] == ["Hello"]  # not twice


async def test_a_first_preview_whose_answer_was_lost_has_no_second_beside_it(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessage", RESET_AFTER)
    sight = messenger.open_sight(IN_GROUP, private=False)
    for i in range(1, 8):
        sight.show("word " * i)
        await asyncio.sleep(0.02)
    assert len(telegram.shown(GROUP)) == 1
    await sight.finish(said("words."))
    await sight.close()
    assert [shown.text for shown in telegram.shown(GROUP)][1:] == ["words."]


async def test_a_server_that_does_not_know_drafts(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessageDraft", NOT_FOUND, times=100)
    for _ in range(2):
        sight = messenger.open_sight(PRIVATE, stop=STOP)
        sight.show("Hello")
        assert (await telegram.next_message()).labels == ("Stop",)
        await sight.finish(said("Hello."))
        await sight.close()
    assert [(shown.text, shown.labels) for shown in telegram.shown()] == [("Hello.", ())] * 2
    assert len(telegram.called("sendMessageDraft")) == 1  # remembered


async def test_a_single_refused_draft_does_not_end_drafts(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    telegram.fail("sendMessageDraft", Failure(status=400, description="Bad Request: who knows"))
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    assert (await telegram.next_message()).text == "Hello"  # this reply is shown by edits
    await sight.finish(said("Hello."))
    await sight.close()
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello again")
    await telegram.until(lambda: telegram.draft() is not None)
    await sight.finish(said("Hello again."))
    await sight.close()
    assert [shown.text for shown in telegram.shown()] == ["Hello.", "Hello again."]


async def test_a_deleted_preview_is_no_reason_to_lose_the_reply(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(IN_GROUP, private=False)
    sight.show("Hello")
    telegram.delete((await telegram.next_message(GROUP)).id, chat=GROUP)
    await sight.finish(said("Hello."))
    await sight.close()
    assert [shown.text for shown in telegram.shown(GROUP)] == ["Hello."]


@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_a_blocked_bot(
    telegram: TelegramStandIn, messenger: TelegramMessenger, chat: int
) -> None:
    telegram.block(chat)
    sight = messenger.open_sight(make.place(chat), private=chat > 0)
    sight.show("Hello")
    await asyncio.sleep(0.05)
    with pytest.raises(Unreachable):
        await sight.finish(said("Hello."))
    await sight.close()
    previews = telegram.called("sendMessageDraft") + telegram.called("editMessageText")
    assert len(previews) <= 1


async def test_a_reply_that_is_not_finished_loses_its_button(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(IN_GROUP, private=False, stop=STOP)
    sight.show("Hello")
    await telegram.next_message(GROUP)
    await sight.close()
    await sight.close()
    assert [(m.text, m.labels) for m in telegram.shown(GROUP)] == [("Hello", ())]


async def test_text_that_cannot_be_seen_is_no_preview(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    for text in ("\n", "\n\u200b", "\n\u200b\ud800 a"):
        sight.show(text)
        await asyncio.sleep(0.05)
    assert [call.status for call in telegram.called("sendMessageDraft")] == [200]
    await sight.finish(said("done"))
    await sight.close()


@contextmanager
def tasks_are_left_as_they_were() -> Iterator[None]:
    before = asyncio.all_tasks()
    yield
    ours = [t for t in asyncio.all_tasks() - before if "_paint" in repr(t.get_coro())]
    assert not ours


async def test_closing_ends_the_painter(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    with tasks_are_left_as_they_were():
        sight = messenger.open_sight(PRIVATE)
        sight.show("Hello")
        await telegram.until(lambda: telegram.draft() is not None)
        await sight.close()


async def test_a_reply_takes_the_place_of_an_old_one(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    old = [str(await _sent(messenger, text)) for text in ("old", "and its end")]
    sight = messenger.open_sight(PRIVATE, stop=STOP, in_place_of=old)
    sight.show("New")
    await telegram.until(lambda: telegram.shown()[0].text == "New")
    assert telegram.shown()[0].labels == ("Stop",)
    assert await sight.finish(said("New.")) == (old[0],)
    await sight.close()
    assert [(str(m.id), m.text, m.labels) for m in telegram.shown()] == [(old[0], "New.", ())]
    assert telegram.called("sendMessageDraft") == []


async def test_an_old_reply_that_is_gone_is_replaced_all_the_same(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    old = [str(await _sent(messenger, text)) for text in ("old", "and its end")]
    for each in old:
        telegram.delete(int(each))
    sight = messenger.open_sight(PRIVATE, in_place_of=old)
    sight.show("New")
    (id_,) = await sight.finish(said("New."))
    await sight.close()
    assert [(str(m.id), m.text) for m in telegram.shown()] == [(id_, "New.")]


async def test_nothing_of_the_old_reply_stays_when_calls_are_short(
    telegram: TelegramStandIn,
) -> None:
    limits = replace(FREE, private=Budget(count=4, seconds=0.2))
    async with make.messenger(telegram, limits=limits) as messenger:
        old = [await _sent(messenger, text) for text in ("old", "its middle", "its end")]
        telegram.fail("deleteMessage", BAD_GATEWAY)
        sight = messenger.open_sight(PRIVATE, in_place_of=old)
        await sight.finish(said("New."))
        await sight.close()
    assert [m.text for m in telegram.shown()] == ["New."]


async def _sent(messenger: TelegramMessenger, text: str) -> str:
    (id_,) = await messenger.send(PRIVATE, said(text))
    return id_


async def test_a_voice_message(telegram: TelegramStandIn, messenger: TelegramMessenger) -> None:
    (id_,) = await messenger.send_voice(PRIVATE, b"OggS")
    (shown,) = telegram.shown()
    assert (str(shown.id), shown.voice) == (id_, b"OggS")
    refused = Failure(status=400, description="Bad Request: VOICE_MESSAGES_FORBIDDEN")
    telegram.fail("sendVoice", refused)
    with pytest.raises(Unreachable):
        await messenger.send_voice(PRIVATE, b"OggS")
    telegram.fail("sendVoice", RESET_AFTER)
    with pytest.raises(NotDelivered) as caught:
        await messenger.send_voice(PRIVATE, b"OggS")
    assert caught.value.perhaps
    assert len(telegram.shown()) == 2
