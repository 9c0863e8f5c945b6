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
        self._news = Signal()  # there is something to paint
        self._over = Signal()  # no more painting
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
        await self._stop_painting()
        ids = await self._final(content)
        self._finished = True
        return ids

    async def _stop_painting(self) -> None:
        """Also wait for the call that it is in the middle of."""
        self._over.set()
        await asyncio.wait({self._painter})

    async def close(self) -> None:
        """Without `finish` before, what was shown stays, without its button."""
        self._over.set()
        await asyncio.wait({self._painter}, timeout=_CLOSING)
        self._painter.cancel()
        await asyncio.wait({self._painter})
        if not self._finished:
            self._finished = True
            await self._leave()


class Signal:
    """An event of which several can be waited for at once, by `first`, without a task for each: a
    reply waits a dozen times.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        for future in self._waiting:
            _wake(future)

    def clear(self) -> None:
        self._is_set = False

    def wakes(self, future: "asyncio.Future[None]") -> None:
        """Have it done when this is set."""
        self._waiting.append(future)

    def forget(self, future: "asyncio.Future[None]") -> None:
        """It waits no more."""
        self._waiting.remove(future)


async def first(seconds: float | None, *signals: Signal) -> float:
    """Wait for the first of the signals, or until the time is up; how many seconds later than that
    it is.
    """
    loop = asyncio.get_running_loop()
    if any(signal.is_set() for signal in signals):
        return 0.0
    due = None if seconds is None else loop.time() + seconds
    woken = loop.create_future()
    timer = None if due is None else loop.call_at(due, _wake, woken)
    for signal in signals:
        signal.wakes(woken)
    try:
        await woken
    finally:
        for signal in signals:
            signal.forget(woken)
        if timer is not None:
            timer.cancel()
    return 0.0 if due is None else max(0.0, loop.time() - due)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
