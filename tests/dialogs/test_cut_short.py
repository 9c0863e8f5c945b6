"""A reply in its owner's own chats that is cut short: what stands there is what is remembered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest

from avatar.chat_stores import Exchange
from avatar.ports import ChatRequest
from tests.dialogs.stage import TelegramStage
from tests.dialogs.test_away import Clock, connected, remembered, same_time, stood
from tests.standins.telegram_api import ANN, flood

Interrupt = Callable[[TelegramStage], Awaitable[object]]


class Speech:
    """What the model says, piece by piece: it goes on when the test lets it."""

    def __init__(self, stage: TelegramStage, *pieces: str) -> None:
        self.go_on = asyncio.Event()
        self._pieces = pieces
        (model,) = stage.desk.conversation._models.values()
        model.stream = self._stream  # type: ignore[method-assign]

    async def _stream(self, request: ChatRequest) -> AsyncIterator[str]:
        first, *rest = self._pieces
        yield first
        for piece in rest:
            await self.go_on.wait()
            yield piece


async def begun(ann: TelegramStage, text: str) -> int:
    """Ben asks, and stands before the beginning of the answer; the number of his message."""
    same_time(ann)
    before = len(stood(ann))
    number = ann.standin.say_to_owner("Hello Ann")
    await ann.standin.until(lambda: len(stood(ann)) > before and stood(ann)[-1] == text)
    return number


async def ann_writes(ann: TelegramStage) -> None:
    ann.standin.say_to_owner("I am here myself.", by=ANN)


async def away_off(ann: TelegramStage) -> None:
    ann.standin.say("/away off", user=ANN)


async def away_later(ann: TelegramStage) -> None:
    """Hours that do not hold now."""
    hour = (ann.desk.clock().hour + 2) % 24
    ann.standin.say(f"/away {hour:02}:00-{(hour + 1) % 24:02}:00", user=ANN)


@pytest.mark.parametrize("interrupt", [ann_writes, away_off, away_later])
@pytest.mark.parametrize(
    ("says", "stays"),
    [
        ("I am her assistant. She is at the", ["I am her assistant."]),
        ("She is at the", []),
    ],
)
async def test_whole_sentences_stay_and_others_go(
    tmp_path: Path, interrupt: Interrupt, says: str, stays: list[str]
) -> None:
    async with connected(tmp_path, Clock()) as ann:
        Speech(ann, says, " market. And this is never said.")
        await begun(ann, says)
        await interrupt(ann)
        async with asyncio.timeout(10):  # the model says no word more, and it ends all the same
            await ann.settled()
        assert stood(ann) == stays
        assert await remembered(ann) == ["Hello Ann", *stays]


async def test_where_nothing_may_be_deleted_it_looks_ended(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        ann.standin.accounts["conn-1"].can_delete = False
        Speech(ann, "She is at the ma", "rket.")
        await begun(ann, "She is at the ma")
        await ann_writes(ann)
        await ann.settled()
        assert stood(ann) == ["She is at the …"]
        assert await remembered(ann) == ["Hello Ann", "She is at the …"]


async def test_where_nothing_may_be_written_any_more_it_stays(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        Speech(ann, "I am here. She is at the", " market.")
        await begun(ann, "I am here. She is at the")
        ann.standin.connect(can_reply=False)
        await ann.settled()
        assert stood(ann) == ["I am here. She is at the"]
        assert await remembered(ann) == ["Hello Ann", "I am here. She is at the"]


async def test_it_was_whole_and_not_shown_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She writes while what was said is written down: it comes no more."""
    async with connected(tmp_path, Clock()) as ann:
        store = ann.desk.store
        add = store.add_exchange

        async def and_then_ann_writes(exchange: Exchange, *, now: datetime) -> object:
            added = await add(exchange, now=now)
            await ann_writes(ann)
            (stop,) = ann.desk.running._stops.values()
            async with asyncio.timeout(10):
                await stop.wait()
            return added

        monkeypatch.setattr(store, "add_exchange", and_then_ann_writes)
        speech = Speech(ann, "I am her assistant. She", " is at the market. Call her.")
        await begun(ann, "I am her assistant. She")
        speech.go_on.set()
        await ann.settled()
        assert stood(ann) == ["I am her assistant."]
        assert (await remembered(ann))[1:] == stood(ann)


async def test_a_changed_question_is_not_answered_anew(tmp_path: Path) -> None:
    """Before a word of the new answer was shown: the one it had stands, and is remembered."""
    async with connected(tmp_path, Clock()) as ann:
        Speech(ann, "We do.")
        number = await begun(ann, "We do.")
        await ann.settled()
        speech = Speech(ann, " ", "We do not.")
        ann.standin.edit_to_owner(number, "Hello Ben")
        running = ann.desk.running
        await ann.standin.until(lambda: bool(running._stops))
        await asyncio.sleep(0.1)
        await ann_writes(ann)
        await ann.settled()
        assert not speech.go_on.is_set()
        assert stood(ann) == ["We do."]
        assert (await remembered(ann))[1:] == ["We do."]


async def test_a_reply_that_waits_for_a_flood_limit(tmp_path: Path) -> None:
    """She writes before its end is taken: its beginning is ended cleanly when that can be done."""
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        speech = Speech(ann, "I am her assistant. She", " is at the market.")
        await begun(ann, "I am her assistant. She")
        ann.standin.fail("editMessageText", flood(3), times=2)
        speech.go_on.set()
        await ann.standin.until(lambda: not ann.desk.running._stops)
        await ann_writes(ann)
        await ann.standin.until(lambda: stood(ann) == ["I am her assistant."], within=20)
        await ann.settled()
        assert await remembered(ann) == ["Hello Ann", "I am her assistant."]


async def test_a_wish_that_is_told_while_it_is_looked_who_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(tmp_path, Clock()) as ann:
        store = ann.desk.store
        account = store.account

        async def and_then_away(platform: str, bot: str, connection: str) -> object:
            found = await account(platform, bot, connection)
            monkeypatch.undo()
            assert found is not None
            await store.set_away(found.id, away=False, hours=None, strangers_only=False)
            return found

        monkeypatch.setattr(store, "account", and_then_away)
        same_time(ann)
        ann.standin.say_to_owner("Hello Ann")
        await ann.settled()
        assert not stood(ann)


async def test_what_is_still_wished_goes_on(tmp_path: Path) -> None:
    """Ben is a stranger: she never wrote to him."""
    async with connected(tmp_path, Clock()) as ann:
        speech = Speech(ann, "I am her assistant. She", " is at the market.")
        await begun(ann, "I am her assistant. She")
        ann.standin.say("/away strangers", user=ANN)
        await ann.standin.until(lambda: "never wrote to" in ann.standin.shown(ANN)[-1].text)
        speech.go_on.set()
        await ann.settled()
        assert stood(ann) == ["I am her assistant. She is at the market."]
