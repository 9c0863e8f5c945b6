"""A queue an address: what comes from one place is handled in order, different places at once.

A lane costs nothing while nothing waits in it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from avatar.records import Address

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class Lanes:
    """Runs work in order within an address. Work is expected to handle its own errors; what it
    does not is logged and never stops the lane.
    """

    def __init__(self) -> None:
        self._waiting: dict[Address, deque[Work]] = {}
        self._running: dict[Address, asyncio.Task[None]] = {}
        self._later: set[asyncio.TimerHandle] = set()
        self._closed = False

    def put(self, address: Address, work: Work) -> None:
        """Run `work` when everything before it at this address is done. Nothing after `close`."""
        if self._closed:
            return
        self._waiting.setdefault(address, deque()).append(work)
        if address not in self._running:
            self._running[address] = asyncio.create_task(self._drain(address))

    def put_later(self, delay: float, address: Address, work: Work) -> None:
        """Put it in the lane after a delay in seconds."""

        def due() -> None:
            self._later.discard(handle)
            self.put(address, work)

        handle = asyncio.get_running_loop().call_later(delay, due)
        self._later.add(handle)

    async def settled(self, address: Address) -> None:
        """Wait until nothing runs or waits at an address."""
        while (task := self._running.get(address)) is not None:
            await asyncio.wait({task})

    async def quiet(self) -> None:
        """Wait until nothing runs or waits anywhere."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self, *, grace: float) -> None:
        """Take nothing more; give what runs `grace` seconds, then cancel it."""
        self._closed = True
        self._waiting.clear()
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        if tasks := set(self._running.values()):
            _, pending = await asyncio.wait(tasks, timeout=grace)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _drain(self, address: Address) -> None:
        try:
            while waiting := self._waiting.get(address):
                work = waiting.popleft()
                try:
                    await work()
                except Exception:
                    log.exception("work in the lane of %s failed", address.platform)
        finally:
            # No await between the last look and this: nothing can be put in between.
            self._waiting.pop(address, None)
            self._running.pop(address, None)
