"""The blocks of answers that are streamed.

To read one wakes the reply that waits for it, which takes longer than the words in it are worth:
with hundreds of replies at once the process did little else. So the more of them there are, the
longer each rests between two blocks, and all that rest are woken together.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

_EACH = 0.0002  # seconds of rest for each stream: reading them takes a third of the time, then
_LEAST, _MOST = 0.005, 0.3  # seconds; what is shorter costs more than it saves


class Beat:
    """Wakes all streams of one host that rest."""

    def __init__(self) -> None:
        self.streams = 0
        self._resting: list[asyncio.Future[None]] = []

    @property
    def seconds(self) -> float:
        """How long a stream rests; 0: not at all."""
        rest = min(self.streams * _EACH, _MOST)
        return rest if rest >= _LEAST else 0.0

    async def rest(self) -> None:
        """Until the next beat."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        if not self._resting:
            loop.call_later(self.seconds, self._wake)
        self._resting.append(woken)
        await woken

    def _wake(self) -> None:
        resting, self._resting = self._resting, []
        for woken in resting:
            if not woken.done():
                woken.set_result(None)


class Blocks:
    """The blocks of one answer, to be read in a `with`. Raises what aiohttp raises."""

    def __init__(self, response: "aiohttp.ClientResponse", beat: Beat) -> None:
        self._response = response
        self._beat = beat
        self._begun = False

    def __enter__(self) -> "Blocks":
        self._beat.streams += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._beat.streams -= 1

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next block, or more of them in one."""
        if self._begun and self._beat.seconds:
            await self._rest()
        self._begun = True
        if block := await self._response.content.readany():
            return block
        raise StopAsyncIteration

    async def read_out(self) -> None:
        """Read what is left, so that the connection can serve the next answer."""
        while await self._response.content.readany():
            pass

    async def _rest(self) -> None:
        """What comes meanwhile waits in the socket."""
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if transport is None or transport.is_closing():  # all has come
            return
        transport.pause_reading()
        try:
            await self._beat.rest()
        finally:
            if not transport.is_closing():
                transport.resume_reading()
