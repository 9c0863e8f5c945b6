"""What the sights of all platforms have in common: a task paints beside the reply."""

import asyncio
from abc import ABC, abstractmethod

from bot.screen import Content

_CLOSING = 5.0  # seconds that a call in progress is given, to know which message it made


class PaintedSight(ABC):
    """Fulfils `bot.screen.Sight`. A task paints; `finish` waits for the call that it is in the
    middle of, so that no preview comes behind the reply and none is left beside it.
    """

    def __init__(self) -> None:
        """To be called when everything that painting needs is there: it begins."""
        self._text = ""
        self._news = asyncio.Event()  # there is something to paint
        self._over = asyncio.Event()  # no more painting
        self._finished = False
        self._painter = asyncio.create_task(self._paint())

    @abstractmethod
    async def _paint(self) -> None:
        """Until it is over. Raises nothing."""

    @abstractmethod
    async def _final(self, content: Content) -> tuple[str, ...]:
        """Send the reply, or put it in place of the message that grew; the ids of its messages."""

    @abstractmethod
    async def _leave(self) -> None:
        """What was shown stays, without its button. Raises nothing."""

    def show(self, text: str) -> None:
        """The whole text so far."""
        self._text = text
        self._news.set()

    async def finish(self, content: Content) -> tuple[str, ...]:
        """Send the reply, or put it in place of the message that grew."""
        self._over.set()
        await asyncio.wait({self._painter})
        ids = await self._final(content)
        self._finished = True
        return ids

    async def close(self) -> None:
        """Without `finish` before, what was shown stays, without its button."""
        self._over.set()
        await asyncio.wait({self._painter}, timeout=_CLOSING)
        self._painter.cancel()
        await asyncio.wait({self._painter})
        if not self._finished:
            self._finished = True
            await self._leave()


async def first(seconds: float | None, *events: asyncio.Event) -> float:
    """Wait for the first of the events, or until the time is up; how many seconds later than that
    it is.
    """
    clock = asyncio.get_running_loop().time
    due = None if seconds is None else clock() + seconds
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return 0.0 if due is None else max(0.0, clock() - due)
