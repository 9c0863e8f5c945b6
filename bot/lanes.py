"""A queue an address: what comes from one place is handled in order, different places at once.

A lane costs nothing while nothing waits in it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine

from avatar.errors import StoreFailed
from avatar.incoming import Incoming, Received
from avatar.ports import Clock
from avatar.records import Address
from avatar.stores import InboxStore
from avatar.work import Handle

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
_PAGE = 1_000  # messages read at a time at the start
_PAUSE = 5.0  # seconds until what broke off is tried again, at first
_LONGEST = 60.0


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
        if self._closed:
            return

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
        await _ended(set(self._running.values()), grace=grace)

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


class LaneQueue:
    """Fulfils `avatar.work.WorkQueue` for an installation of one process."""

    def __init__(
        self, store: InboxStore, *, passes: Callable[[Incoming], bool], clock: Clock
    ) -> None:
        self._store = store
        self._passes = passes  # whether a message waits for nothing
        self._clock = clock
        self._lanes = Lanes()
        self._handles: dict[str, Handle] = {}
        self._passing: set[asyncio.Task[None]] = set()
        self._follow: Callable[[], None] = _nobody

    async def put(self, *incoming: Incoming) -> None:
        """Into the inbox, and into its lane."""
        for received in await self._store.receive(*incoming, now=self._clock()):
            if received.incoming.address.platform not in self._handles:
                continue  # it is queued when its platform is served
            if self._passes(received.incoming):
                task = asyncio.create_task(self._handle(received, tries=0, broke=0))
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)
            else:
                self._queue(received, tries=0, broke=0)

    async def serve(self, platforms: Collection[str], handle: Handle) -> None:
        """What was not answered when the last process ended comes first."""
        waiting: list[Received] = []
        after = 0
        # All of them: what is left out would wait for the next start, behind what comes now. And a
        # platform that is not served any more may have left many.
        while page := await self._store.unanswered(limit=_PAGE, after=after):
            waiting += (each for each in page if each.incoming.address.platform in platforms)
            after = page[-1].id
        self._handles |= dict.fromkeys(platforms, handle)
        for received in waiting:
            self._again(received, broke=0)
        if waiting:
            log.info("%s messages were not answered when the last process ended", len(waiting))

    def stops_by(self, stop: Callable[[Address], bool]) -> None:
        """Not needed: whoever stops a reply is in the process that writes it."""

    async def stop(self, address: Address) -> bool:
        """There is no other process."""
        return False

    async def settled(self, address: Address) -> None:
        """Wait until everything that came from an address is answered."""
        await self._lanes.settled(address)
        await self._passed()

    async def quiet(self) -> None:
        """Wait until everything is answered."""
        await self._lanes.quiet()
        await self._passed()

    async def _passed(self) -> None:
        while self._passing:
            await asyncio.wait(set(self._passing))

    async def close(self, *, grace: float) -> None:
        """End within `grace` seconds; what is not answered by then stays in the inbox."""
        await asyncio.gather(
            self._lanes.close(grace=grace), _ended(set(self._passing), grace=grace)
        )

    def nudge(self) -> None:
        """Follow and deliver now."""
        self._follow()

    async def nudges(self, follow: Callable[[], None]) -> None:
        """Who follows is in this process, too."""
        self._follow = follow

    async def alone(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """There is no other process."""
        await work()

    def _queue(self, received: Received, *, tries: int, broke: int, delay: float = 0.0) -> None:
        async def work() -> None:
            await self._handle(received, tries=tries, broke=broke)

        self._line_up(received, work, delay=delay)

    def _again(self, received: Received, *, broke: int, delay: float = 0.0) -> None:
        """What was begun and did not end: as it lies in the inbox now."""

        async def work() -> None:
            try:
                begun = await self._store.begin(received.id)
            except Exception as error:
                self._broke_off(received, error, broke=broke)
            else:
                if begun is not None:
                    await self._handle(begun, tries=0, broke=broke)

        self._line_up(received, work, delay=delay)

    def _line_up(self, received: Received, work: Work, *, delay: float) -> None:
        if delay:
            self._lanes.put_later(delay, received.incoming.address, work)
        else:
            self._lanes.put(received.incoming.address, work)

    async def _handle(self, received: Received, *, tries: int, broke: int) -> None:
        handle = self._handles[received.incoming.address.platform]
        try:
            delay = await handle(received, tries)
        except Exception as error:
            self._broke_off(received, error, broke=broke)
        else:
            if delay is not None:
                self._queue(received, tries=tries + 1, broke=0, delay=delay)

    def _broke_off(self, received: Received, error: Exception, *, broke: int) -> None:
        """The store cannot be written, or the like: nothing is known of how far it came."""
        delay = min(_PAUSE * 2 ** min(broke, 10), _LONGEST)
        if isinstance(error, StoreFailed):
            log.debug("message %s: %s", received.id, error.detail)  # told by the store itself
        else:
            log.error("message %s broke off; again in %.0f s", received.id, delay, exc_info=error)
        self._again(received, broke=broke + 1, delay=delay)


async def _ended(tasks: Collection[asyncio.Task[None]], *, grace: float) -> None:
    """Give them `grace` seconds, then cancel what still runs, and wait for that."""
    if tasks:
        _, pending = await asyncio.wait(tasks, timeout=grace)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _nobody() -> None:
    """Nothing is followed yet: what is due is seen at the start."""
