"""Messages that are one turn, through the dispatcher and a real inbox: also after a kill."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar.chat_stores import Exchange
from avatar.incoming import Incoming, Received
from avatar.records import Address, Author, Finish, Pair, Usage
from bot.dispatcher import Dispatcher, Permissions, passes
from bot.joining import LONG, Windows
from bot.lanes import LaneQueue
from bot.request import Answer, CommandHandler, Request
from bot.screen import Content
from bot.telegram.messenger import TelegramMessenger
from storage.store import SqlStore, open_store

HOME = Address(platform="telegram", chat="1", bot="9")
ANN = Author(platform="telegram", external_id="1", name="Ann")
START = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Outbox(TelegramMessenger):
    """What was answered."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        self.sent.append(content.text)
        return ()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/avatar.db") as opened:
        ann = await opened.person(ANN)
        await opened.add_avatar(
            slug="ani",
            name="Ani",
            provider="embedded",
            base_model="imitator-1",
            owner_id=ann.id,
            now=START,
        )
        yield opened


def said(text: str, number: int, sent: float = 0.0) -> Incoming:
    return Incoming(
        update_id=str(number),
        address=HOME,
        author=ANN,
        message_id=str(number),
        sent_at=START + timedelta(seconds=sent),
        text=text,
    )


def dispatcher(
    store: SqlStore, outbox: Outbox, chat: CommandHandler, time: Time | None = None
) -> Dispatcher:
    async def react(*_: object) -> Answer:
        return None

    queue = LaneQueue(store, passes=passes, clock=time or Time())
    made = Dispatcher(
        store,
        queue=queue,
        messengers={"telegram": outbox},
        commands={},
        presses={},
        chat=chat,
        reactions=react,
        ways={},
        permissions=Permissions(operators=frozenset(), anyone_creates=False),
        clock=time or Time(),
        windows=Windows(quiet=0.05, most=0.2),
    )
    queue._handles["telegram"] = made._handle  # as `resume` does, with nothing that waits
    return made


def texts(request: Request) -> str:
    return "+".join(part.text for part in request.parts)


async def echo(request: Request) -> Answer:
    return Content(text=texts(request))


async def test_order_and_turns(store: SqlStore) -> None:
    outbox = Outbox()
    one = dispatcher(store, outbox, echo)
    for number, text in enumerate(["a", "b", "/nosuch", "c", "d"]):
        await one.receive(said(text, number))
    await one.quiet()
    assert [*outbox.sent[:1], *outbox.sent[2:]] == ["a+b", "c+d"]
    assert "no command" in outbox.sent[1]
    assert await store.unanswered(limit=9) == ()
    await one.receive(said("a", 0), said("e", 9))  # the first is told again
    await one.quiet()
    assert outbox.sent[3:] == ["e"]


async def test_killed_while_it_was_answered(store: SqlStore) -> None:
    begun = asyncio.Event()

    async def hang(_: Request) -> Answer:
        begun.set()
        await asyncio.Event().wait()
        return None

    killed = dispatcher(store, Outbox(), hang)
    await killed.receive(said("a", 1), said("b", 2), said("c", 3, sent=60))
    await begun.wait()
    await killed.close(grace=0)
    outbox = Outbox()
    second = dispatcher(store, outbox, echo)
    await second.resume({"telegram"})
    await second.quiet()
    assert outbox.sent == ["a+b", "c"]
    assert await store.unanswered(limit=9) == ()


async def test_killed_when_the_reply_was_stored(store: SqlStore) -> None:
    """What came in the meantime, quickly enough to be of that turn, is not lost with it."""
    begun = asyncio.Event()

    async def store_and_hang(request: Request) -> Answer:
        exchange = Exchange(
            chat_id=request.chat.id,
            avatar_id=1,
            person_id=request.person.id,
            said=texts(request),
            said_at=START,
            reply="re",
            pair=Pair(prompt=None, model=None, provider="embedded", model_name="imitator-1"),
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            cost=0,
            finish=Finish.STOP,
            inbox_id=request.inbox_id,
        )
        await store.add_exchange(exchange, now=START)
        begun.set()
        await asyncio.Event().wait()
        return None

    killed = dispatcher(store, Outbox(), store_and_hang)
    await killed.receive(said("a", 1), said("b", 2))
    await begun.wait()
    await killed.receive(said("late", 3))
    await killed.close(grace=0)
    outbox = Outbox()
    second = dispatcher(store, outbox, echo)
    await second.resume({"telegram"})
    await second.quiet()
    assert outbox.sent == ["a+b", "late"]
    assert await store.unanswered(limit=9) == ()


async def test_a_clock_that_stands_holds_nothing_up(store: SqlStore) -> None:
    outbox, time = Outbox(), Time()
    one = dispatcher(store, outbox, echo, time)
    async with asyncio.timeout(5):
        await one.receive(said("a" * LONG, 1))
        await one.quiet()
        time.now -= timedelta(days=1)
        await one.receive(said("b", 2))
        await one.quiet()
    assert outbox.sent == ["a" * LONG, "b"]


async def test_what_cannot_be_looked_up_is_answered_alone(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> tuple[Received, ...]:
        raise OSError("the disk is full")

    outbox = Outbox()
    one = dispatcher(store, outbox, echo)
    monkeypatch.setattr(store, "waiting", broken)
    await one.receive(said("a", 1), said("b", 2))
    await one.quiet()
    assert outbox.sent == ["a", "b"]
