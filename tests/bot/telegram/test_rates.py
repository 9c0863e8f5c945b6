"""Telegram's limits are kept, and on a bad day no reply is lost or comes twice."""

import asyncio
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest

from avatar.errors import NotDelivered
from avatar.records import Address
from bot.screen import Content, File
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.numbers import Numbers
from bot.telegram.pace import Pace
from bot.telegram.rates import PER_SECOND, Budget, Kind, Limits, Rates
from bot.telegram.turns import Held, Turns
from tests.bot.telegram import make
from tests.bot.telegram.make import IN_GROUP, OTHER, PRIVATE, QUICK, STOP, place, said
from tests.standins.telegram_api import (
    ANN,
    BAD_GATEWAY,
    BEN,
    GROUP,
    RESET,
    RESET_AFTER,
    Failure,
    TelegramStandIn,
)
from tests.standins.telegram_rates import BadDay
from tests.standins.telegram_rates import Rates as Enforced

SECOND = 0.1  # how long a second takes in the tests that keep Telegram's limits


def quicker(budget: Budget) -> Budget:
    return Budget(count=budget.count, seconds=budget.seconds * SECOND)


USUAL = Limits()
LIMITS = Limits(
    private=quicker(USUAL.private),
    group=quicker(USUAL.group),
    drafts=tuple(map(quicker, USUAL.drafts)),
    bot=quicker(PER_SECOND),
    together=SECOND,
)
PACE = replace(
    QUICK,
    draft=Pace().draft * SECOND,
    edit=Pace().edit * SECOND,
    edit_alone=Pace().edit_alone * SECOND,
    patience=Pace().patience * SECOND,
    pause=SECOND,
)


# Rules


def spend(rates: Rates, chat: str, kind: Kind, at: float) -> None:
    rates.end(rates.begin(chat, kind, at), at)


def test_budgets() -> None:
    rates = Rates(Limits(private=Budget(count=4, seconds=10.0), reserve=0.5, bot=None))
    for at in (0.0, 1.0):
        assert rates.wait("1", Kind.PREVIEW, at) == 0
        spend(rates, "1", Kind.PREVIEW, at)
    assert rates.wait("1", Kind.PREVIEW, 2.0) == 8  # the other half is for what must arrive
    for at in (2.0, 3.0):
        assert rates.wait("1", Kind.FINAL, at) == 0
        spend(rates, "1", Kind.FINAL, at)
    assert rates.wait("1", Kind.FINAL, 4.0) == 6
    assert rates.wait("2", Kind.FINAL, 4.0) == 0
    assert rates.wait("1", Kind.DRAFT, 4.0) == rates.wait("1", Kind.TYPING, 4.0) == 0
    assert rates.wait("1", Kind.FINAL, 10.0) == 0
    rates.begin("1", Kind.FINAL, 10.0)
    assert rates.wait("1", Kind.FINAL, 11.0) == 0
    assert rates.wait("1", Kind.FINAL, 20.0) == 0
    calls = [rates.begin("1", Kind.FINAL, 20.0) for _ in range(3)]
    assert rates.wait("1", Kind.FINAL, 50.0) == 10  # none of them was answered
    rates.end(calls[0], 50.0)
    assert rates.wait("1", Kind.FINAL, 51.0) == 9


def test_drafts_have_budgets_of_their_own() -> None:
    drafts = (Budget(count=2, seconds=5.0), Budget(count=3, seconds=30.0))
    rates = Rates(Limits(drafts=drafts))
    for at in (0.0, 1.0):
        spend(rates, "1", Kind.DRAFT, at)
    assert rates.wait("1", Kind.DRAFT, 1.0) == 4
    spend(rates, "1", Kind.DRAFT, 5.0)
    assert rates.wait("1", Kind.DRAFT, 11.0) == 19
    assert rates.wait("1", Kind.FINAL, 1.0) == rates.wait("2", Kind.DRAFT, 1.0) == 0


def test_the_whole_bot_has_a_budget() -> None:
    rates = Rates(Limits(bot=Budget(count=3, seconds=1.0), reserve=0.4))
    spend(rates, "1", Kind.FINAL, 0.0)
    assert rates.wait("-2", Kind.PREVIEW, 0.0) == 1
    for chat in ("2", "3"):
        spend(rates, chat, Kind.FINAL, 0.25)
    assert rates.short(0.5) == rates.wait("4", Kind.FINAL, 0.5) == 0.5
    assert rates.wait("4", Kind.DRAFT, 0.5) == 0


def test_a_refusal_holds_its_chat_and_many_at_once_hold_all() -> None:
    rates = Rates(Limits(bot=None, several=3, together=1.0))
    assert not rates.hold("1", 5.0, 0.0)
    assert not rates.hold("1", 7.0, 0.5)
    assert (rates.held("1", 1.0), rates.held("2", 1.0)) == (6.5, 0)
    assert not rates.hold("2", 5.0, 0.9)
    assert rates.hold("3", 5.0, 1.2)
    assert rates.held("4", 1.2) == rates.short(1.2) == 5
    for _ in range(PER_SECOND.count):  # from now on the bot's limit is known
        spend(rates, "5", Kind.FINAL, 10.0)
    assert rates.wait("6", Kind.FINAL, 10.5) == 0.5


def test_chats_in_which_nothing_happens_are_forgotten() -> None:
    rates = Rates(Limits())
    for i in range(1000):
        spend(rates, str(i), Kind.FINAL, i * 1.0)
        spend(rates, str(i), Kind.DRAFT, i * 1.0)
    assert len(rates._chats) < 150
    assert len(rates._drafts) < 150


def test_numbers_of_messages() -> None:
    numbers = Numbers()
    assert numbers.newest(ANN) is None
    for chat, number in ((ANN, 10), (BEN, 12), (-5, 13), (GROUP, 4)):
        numbers.saw(chat, number)
    assert (numbers.newest(ANN), numbers.newest(GROUP)) == (13, 4)
    assert numbers.unknown(ANN, after=10) == [11, 14, 15, 16, 17]
    assert numbers.unknown(GROUP, after=4) == [5, 6, 7, 8]


def test_numbers_of_many_groups_take_little_memory() -> None:
    """A bot that hears everything sees the numbers of everything."""
    numbers = Numbers()
    numbers.saw(ANN, 7)
    tracemalloc.start()
    for group in range(1_000):
        for number in range(1, 1_001):
            numbers.saw(GROUP - group, number)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 40_000_000
    assert (numbers.newest(GROUP), numbers.newest(GROUP - 999)) == (None, 1_000)
    assert numbers.newest(ANN) == 7
    assert numbers.unknown(GROUP, after=1_000) == [1_001, 1_002, 1_003, 1_004]


# Turns


async def test_chats_come_in_turn() -> None:
    second = Budget(count=2, seconds=0.05)
    many = Budget(count=100, seconds=0.01)
    turns = Turns(Limits(bot=second, private=many), patience=5.0)
    order: list[str] = []

    async def write(chat: str) -> None:
        await turns.take(chat)
        order.append(chat)
        turns.give_back(chat)

    await asyncio.gather(*(write(chat) for chat in "1111234"))
    assert order == list("1112341")  # two at once; then one of each chat


async def test_one_call_at_a_time_in_a_chat() -> None:
    turns = Turns(Limits(), patience=5.0)
    await turns.take("1")
    waiting = asyncio.create_task(turns.take("1"))
    await asyncio.sleep(0)
    for kind in Kind:
        with pytest.raises(Held):
            turns.take_now("1", kind)
    assert not waiting.done()
    turns.give_back("1")
    await waiting
    cancelled = asyncio.create_task(turns.take("1"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    turns.give_back("1")
    turns.take_now("1", Kind.PREVIEW)


async def test_who_waits_is_told_of_a_long_wait() -> None:
    turns = Turns(Limits(), patience=1.0)
    turns.take_now("1", Kind.DRAFT)
    waiting = asyncio.create_task(turns.take("1"))
    await asyncio.sleep(0)
    turns.hold("1", 60.0)
    turns.give_back("1")
    with pytest.raises(Held):
        await waiting
    with pytest.raises(Held):
        await turns.take("1")


# Against a Telegram that keeps its limits


@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_a_lost_answer_is_no_reason_to_say_it_twice(
    telegram: TelegramStandIn, messenger: TelegramMessenger, chat: int
) -> None:
    await messenger.send(place(chat), said("before"))
    for failure in (RESET_AFTER, RESET):
        telegram.fail("sendMessage", failure)
        asked = telegram.say("tell me", chat=chat)
        ids = await messenger.send(place(chat), said("**told**", "Go"), reply_to=str(asked))
        shown = telegram.shown(chat)[-1]
        assert (ids, shown.text, shown.labels) == ((str(shown.id),), "told", ("Go",))
    assert len(telegram.shown(chat)) == 3


async def test_a_lost_answer_under_way_with_others(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    await messenger.send(PRIVATE, said("before"))
    telegram.fail("sendMessage", RESET_AFTER, chat=ANN, times=2)
    await asyncio.gather(
        messenger.send(PRIVATE, said("mine")),
        *(messenger.send(OTHER, said(f"theirs {i}")) for i in range(3)),
    )
    await messenger.send(PRIVATE, said("once more"))
    assert [m.text for m in telegram.shown(ANN)] == ["before", "mine", "once more"]
    assert len(telegram.shown(BEN)) == 3


async def test_a_lost_answer_of_a_group_that_became_a_supergroup(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    """Its messages are numbered anew: what was seen before tells nothing."""
    group = replace(PRIVATE, chat=str(BEN))
    await messenger.send(group, said("before"))
    moved = Failure(status=400, description="?", moved_to=GROUP)
    telegram.fail("sendMessage", moved, chat=BEN)
    telegram.fail("sendMessage", RESET_AFTER, chat=GROUP)
    with pytest.raises(NotDelivered) as caught:
        await messenger.send(group, said("wah"))
    assert caught.value.perhaps
    assert [m.text for m in telegram.shown(GROUP)] == ["wah"]


async def test_a_lost_answer_behind_a_file(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    """What is looked for among the newest messages has a text; a file, or a voice, has none."""
    await messenger.send(PRIVATE, said("before"))
    await messenger.send_voice(PRIVATE, b"OggS")
    telegram.fail("sendMessage", RESET_AFTER)
    content = replace(said("**of** it", "Go"), file=File(name="a.txt", content=b"x"))
    ids = await messenger.send(PRIVATE, content)
    assert [m.text for m in telegram.shown()] == ["before", "", "", "of it"]
    assert ids == (str(telegram.shown()[-1].id),)
    assert len(telegram.called("editMessageText")) == 1  # it is known which numbers files have


async def test_a_file_that_is_not_known_of(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    await messenger.send(PRIVATE, said("before"))
    async with make.messenger(telegram) as other:  # another process
        await other.send_voice(PRIVATE, b"OggS")
    telegram.fail("sendMessage", RESET_AFTER)
    await messenger.send(PRIVATE, said("**behind**"))
    assert [m.text for m in telegram.shown()] == ["before", "", "behind"]


async def test_a_file_is_not_sent_again_for_its_text(
    telegram: TelegramStandIn, messenger: TelegramMessenger
) -> None:
    content = replace(said("what it is"), file=File(name="a.txt", content=b"x"))
    for method in ("sendDocument", "sendMessage"):
        telegram.fail(method, BAD_GATEWAY, times=4)
        with pytest.raises(NotDelivered):
            await messenger.send(PRIVATE, content)
    await messenger.send(PRIVATE, content)
    assert [(m.text, m.document) for m in telegram.shown()] == [("", b"x"), ("what it is", None)]


async def test_a_long_reply_goes_on_where_it_was_interrupted(telegram: TelegramStandIn) -> None:
    content = said(" ".join(f"word{i}" for i in range(1500)), "Go")
    async with make.messenger(telegram, pace=replace(QUICK, patience=0.2)) as messenger:
        await messenger.send(PRIVATE, said("before"))
        sent = asyncio.create_task(messenger.send(PRIVATE, content))
        await telegram.until(lambda: len(telegram.shown()) == 2)
        telegram.rates = Enforced(second=0.1)
        telegram.rates.hold(ANN, 0.4, asyncio.get_running_loop().time())
        with pytest.raises(NotDelivered):
            await sent
        await asyncio.sleep(0.4)
        ids = await messenger.send(PRIVATE, content)
    _, *shown = telegram.shown()
    assert "".join(m.text for m in shown) == content.text
    assert ids == tuple(str(m.id) for m in shown)


async def test_a_reply_that_is_shown_later_replaces_its_preview(telegram: TelegramStandIn) -> None:
    async with make.messenger(telegram, pace=replace(QUICK, patience=0.2)) as messenger:
        asked = str(telegram.say("hello", chat=GROUP))
        sight = messenger.open_sight(IN_GROUP, private=False, reply_to=asked, stop=STOP)
        sight.show("Hel")
        await telegram.until(lambda: bool(telegram.shown(GROUP)))
        telegram.fail("editMessageText", RESET, times=20)
        with pytest.raises(NotDelivered):
            await sight.finish(said("Hello."))
        await sight.close()
        telegram.mend()
        again = messenger.open_sight(IN_GROUP, private=False, reply_to=asked, stop=STOP)
        await again.finish(said("Hello."))
        await again.close()
    assert [m.text for m in telegram.shown(GROUP)] == ["Hello."]


async def reply(
    telegram: TelegramStandIn, messenger: TelegramMessenger, address: Address, text: str
) -> None:
    """A reply that streams, tried until it is delivered, as the dispatcher does."""
    chat = int(address.chat)
    asked = str(telegram.say(f"what about {text}?", chat=chat))
    messenger._wire.numbers.saw(chat, int(asked))
    words = [f"{text}-{i}" for i in range(8)]
    content = Content(text=" ".join(words))
    sight = messenger.open_sight(address, private=chat > 0, reply_to=asked, stop=STOP)
    for i in range(len(words)):
        sight.show(" ".join(words[: i + 1]))
        await asyncio.sleep(0.5 * SECOND)
    while True:
        try:
            await sight.finish(content)
        except NotDelivered as error:
            await sight.close()
            await asyncio.sleep(error.retry_after or SECOND)
            sight = messenger.open_sight(address, private=chat > 0, reply_to=asked, stop=STOP)
        else:
            await sight.close()
            return


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_bad_day_in_many_chats(seed: int) -> None:
    chats = [*range(1, 31), *(GROUP - i for i in range(4))]
    async with (
        TelegramStandIn(people=chats) as telegram,
        make.messenger(telegram, pace=PACE, limits=LIMITS) as messenger,
    ):
        for chat in (1, *chats[-4:]):  # something was seen before
            messenger._wire.numbers.saw(chat, telegram.say("hello", chat=chat))
        telegram.rates = Enforced(second=SECOND)
        telegram.have_a_bad_day(BadDay(seed=seed))

        async def replies(chat: int) -> None:
            for i in range(2):
                await reply(telegram, messenger, place(chat), f"{abs(chat)}x{i}")

        await asyncio.gather(*map(replies, chats))
        for chat in chats:
            texts = [m.text for m in telegram.shown(chat)]
            expected = [" ".join(f"{abs(chat)}x{i}-{j}" for j in range(8)) for i in range(2)]
            assert texts == expected
        statuses = Counter(call.status for call in telegram.calls)
        assert statuses[429] > 3 and statuses[502] > 0 and statuses[0] > 2
        assert telegram.rates.inside == []


async def test_more_replies_than_the_bot_may_send_at_once() -> None:
    chats = list(range(1, 101))
    async with (
        TelegramStandIn(people=chats) as telegram,
        make.messenger(telegram, pace=PACE, limits=LIMITS) as messenger,
    ):
        telegram.rates = Enforced(second=SECOND)
        await asyncio.gather(*(messenger.send(place(chat), said("hello")) for chat in chats))
        assert all(len(telegram.shown(chat)) == 1 for chat in chats)
        assert {call.status for call in telegram.calls} == {200}
