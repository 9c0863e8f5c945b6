"""The replies that are being written, so that they can be stopped, here or in another process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from avatar.records import Address
from avatar.work import WorkQueue


class Running:
    """Replies by address."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self._stops: dict[Address, asyncio.Event] = {}
        queue.stops_by(self.stop_here)

    @contextmanager
    def reply(self, address: Address) -> Iterator[asyncio.Event]:
        """While a reply is written; the event is set when somebody stops it."""
        stop = self._stops[address] = asyncio.Event()
        try:
            yield stop
        finally:
            del self._stops[address]

    def stop_here(self, address: Address) -> bool:
        """Stop the reply that this process writes at an address. False: there is none."""
        event = self._stops.get(address)
        if event is None:
            return False
        event.set()
        return True

    async def stop(self, address: Address) -> bool:
        """Stop the reply at an address, whoever writes it. False: there is none."""
        return self.stop_here(address) or await self._queue.stop(address)
