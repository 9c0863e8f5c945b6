"""What can be stopped: the replies that are being written and the files that are being read, here
or in another process.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from avatar.records import Address
from avatar.work import WorkQueue


class Running:
    """By address: in each, one thing at a time is done."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self._stops: dict[Address, asyncio.Event] = {}
        queue.stops_by(self.stop_here)

    @contextmanager
    def stoppable(self, address: Address) -> Iterator[asyncio.Event]:
        """While a reply is written or a file read; the event is set when somebody stops it."""
        stop = self._stops[address] = asyncio.Event()
        try:
            yield stop
        finally:
            del self._stops[address]

    def stop_here(self, address: Address) -> bool:
        """Stop what this process does at an address. False: there is nothing."""
        event = self._stops.get(address)
        if event is None:
            return False
        event.set()
        return True

    async def stop(self, address: Address) -> bool:
        """Stop what is done at an address, by whichever process. False: there is nothing."""
        return self.stop_here(address) or await self._queue.stop(address)
