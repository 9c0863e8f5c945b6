"""Whose turn it is to write.

In one chat there is one call at a time: so a second one is never made while the first is refused.
What must arrive waits in a queue; when the whole bot may not write as fast as it wants to, the
chats come in turn, one call each. Previews never wait: they are made at once, or left out.
"""

import asyncio
from collections import deque

from bot.telegram.rates import Counted, Kind, Limits, Rates


class Held(Exception):
    """The chat waits for a flood limit: this is no time for previews."""


class Turns:
    """The queue of one bot, in the loop's time."""

    def __init__(self, limits: Limits, *, patience: float) -> None:
        self._rates = Rates(limits)
        self._patience = patience
        self._busy: dict[str, Counted] = {}  # chats in which a call is being made
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # in the order of their turns
        self._timer: asyncio.TimerHandle | None = None

    def held(self, chat: str) -> float:
        """How many seconds Telegram wants nothing in a chat."""
        return self._rates.held(chat, _now())

    def wait(self, chat: str, kind: Kind) -> float:
        """How many seconds a preview had better wait."""
        return self._rates.wait(chat, kind, _now())

    def take_now(self, chat: str, kind: Kind) -> None:
        """The turn of a preview. Raises Held: not now."""
        now = _now()
        if (
            chat in self._busy
            or chat in self._waiting
            or (self._waiting and self._rates.short(now) > 0)
            or self._rates.wait(chat, kind, now) > 0
        ):
            raise Held
        self._begin(chat, kind, now)

    async def take(self, chat: str) -> None:
        """Wait for the turn of what must arrive. Raises Held when Telegram wants nothing in the
        chat for longer than patience lasts.
        """
        if self.held(chat) > self._patience:
            raise Held
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(chat, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back(chat)
            else:
                self._leave(chat, turn)
            raise

    def give_back(self, chat: str) -> None:
        """The call was answered."""
        self._rates.end(self._busy.pop(chat), _now())
        if self._waiting:
            self._serve()

    def _begin(self, chat: str, kind: Kind, now: float) -> None:
        self._busy[chat] = self._rates.begin(chat, kind, now)

    def hold(self, chat: str, seconds: float) -> bool:
        """Telegram refused: nothing in the chat for so many seconds; True: nothing anywhere."""
        everywhere = self._rates.hold(chat, seconds, _now())
        if seconds > self._patience:
            for each in list(self._waiting) if everywhere else [chat]:
                for turn in self._waiting.pop(each, ()):
                    if not turn.done():
                        turn.set_exception(Held())
        return everywhere

    def _leave(self, chat: str, turn: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(chat)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[chat]

    def _serve(self) -> None:
        """Give turns to those who may have them, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = _now()
        soonest: float | None = None
        for chat in list(self._waiting):
            if (short := self._rates.short(now)) > 0:
                soonest = short if soonest is None else min(soonest, short)
                break
            if chat in self._busy:
                continue
            if (wait := self._rates.wait(chat, Kind.FINAL, now)) > 0:
                soonest = wait if soonest is None else min(soonest, wait)
                continue
            queue = self._waiting.pop(chat)
            turn = queue.popleft()
            if queue:
                self._waiting[chat] = queue  # behind all others
            self._begin(chat, Kind.FINAL, now)
            turn.set_result(None)
        if soonest is not None:
            self._timer = asyncio.get_running_loop().call_later(soonest, self._serve)


def _now() -> float:
    return asyncio.get_running_loop().time()
