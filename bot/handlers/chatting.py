"""Talking with an avatar: replies, /retry, /stop, /new, /why, /compare."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from avatar.errors import BadText, NotActivatable
from avatar.records import Address, Message, Status, Version
from avatar.versions import parse_number
from bot.actions import Verb, code
from bot.cards import chatting as cards
from bot.cards import people, status
from bot.handlers.desk import Desk
from bot.handlers.replies import meant_reply
from bot.request import Answer, CommandHandler, PressHandler, Request
from bot.screen import Button


class Running:
    """The replies that are being written, so that they can be stopped."""

    def __init__(self) -> None:
        self._stops: dict[Address, asyncio.Event] = {}

    @contextmanager
    def reply(self, address: Address) -> Iterator[asyncio.Event]:
        """While a reply is written; the event is set when somebody stops it."""
        stop = self._stops[address] = asyncio.Event()
        try:
            yield stop
        finally:
            del self._stops[address]

    def stop(self, address: Address) -> bool:
        """Stop the reply at an address. False: there is none."""
        event = self._stops.get(address)
        if event is None:
            return False
        event.set()
        return True


class ChattingHandlers:
    """What is no command, and the commands around it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._running = Running()

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "new": self.new,
            "retry": self.retry,
            "stop": self.stop,
            "why": self.why,
            "compare": self.compare,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {Verb.STOP: self.press_stop}

    async def chat(self, request: Request) -> Answer:
        """A message to the avatar."""
        if request.about is None and not request.barred:
            return people.nobody(creates=request.creates)
        if not request.met:
            await self._desk.store.meet(request.avatar.id, request.person.id, now=request.now)
        if not request.incoming.text.strip() and request.incoming.attachments:
            return cards.only_text(manages=request.manages)
        return await self._reply(request, request.incoming.text)

    async def retry(self, request: Request) -> Answer:
        """The last message once more."""
        _ = request.avatar
        last = await self._desk.conversation.last_said(request.chat.id)
        return await self._reply(request, last.text, retry_of=last)

    async def _reply(
        self, request: Request, text: str, *, retry_of: Message | None = None
    ) -> Answer:
        incoming, store = request.incoming, self._desk.store
        sight = request.messenger.open_sight(
            incoming.address,
            reply_to=incoming.message_id,
            private=incoming.private,
            stop=Button(label="Stop", action=code(Verb.STOP)),
            speaker=request.avatar.name,
        )
        with self._running.reply(incoming.address) as stop:
            try:
                reply = await self._desk.conversation.reply(
                    chat_id=request.chat.id,
                    person=request.person,
                    text=text,
                    said_at=incoming.sent_at,
                    inbox_id=request.inbox_id,
                    again=request.again,
                    show=sight.show,
                    stop=stop,
                    retry_of=retry_of,
                )
                ids = await sight.finish(cards.reply(reply))
            finally:
                await sight.close()
        if reply.message is not None:
            await store.shown_as(reply.message.id, address=incoming.address, platform_ids=ids)
        return None

    async def stop(self, request: Request) -> Answer:
        return None if self._running.stop(request.incoming.address) else cards.nothing_to_stop()

    async def press_stop(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self.stop(request)

    async def new(self, request: Request) -> Answer:
        avatar = request.avatar
        await self._desk.store.new_conversation(request.chat.id, now=request.now)
        return cards.fresh(avatar)

    async def why(self, request: Request) -> Answer:
        found = await meant_reply(self._desk.store, request)
        message, pair = await self._desk.conversation.what_gave(found)
        return status.why(message, pair, request.avatar, now=request.now)

    async def compare(self, request: Request) -> Answer:
        words = request.rest.split(maxsplit=2)
        if len(words) < 3:
            raise BadText(
                reason="Name two versions (or base) and the message: /compare 2 base How are you?"
            )
        sides = [await self._side(request, word) for word in words[:2]]
        compared = await self._desk.conversation.compare(
            request.avatar, sides, words[2], person=request.person
        )
        return cards.comparison(request.avatar, words[2], compared)

    async def _side(self, request: Request, word: str) -> Version | None:
        if word.lower() == "base":
            return None
        version = await self._desk.learning_path.find(request.avatar.id, parse_number(word))
        if version.status is not Status.COMPLETED:
            raise NotActivatable(
                number=version.number, reason=f"it is {version.status}, so it cannot answer."
            )
        return version
