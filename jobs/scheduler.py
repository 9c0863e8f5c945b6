"""When what happens: the only place that knows APScheduler."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from avatar.ports import Clock, Store
from jobs.follower import Follower
from jobs.notices import Deliverer

log = logging.getLogger(__name__)

TIDY_EVERY = timedelta(hours=6)
GRACE = 5.0  # seconds that a pass in progress gets at the end


class Scheduler:
    """Follows, delivers and tidies at intervals, and at once when nudged."""

    def __init__(
        self,
        *,
        follower: Follower,
        deliverer: Deliverer,
        store: Store,
        poll: timedelta,
        clock: Clock,
    ) -> None:
        self._follower = follower
        self._deliverer = deliverer
        self._store = store
        self._poll = poll
        self._clock = clock
        self._running: asyncio.Task[None] | None = None
        self._again = False

    def nudge(self) -> None:
        """Follow and deliver now; while a pass runs, once more after it."""
        self._again = True
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._passes())
            self._running.add_done_callback(self._ended)

    async def _tick(self) -> None:
        """A coroutine, so that APScheduler runs it in the loop; the pass itself outlives it."""
        self.nudge()

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def _passes(self) -> None:
        while self._again:
            self._again = False
            await self.follow()

    async def follow(self) -> None:
        """One pass: follow what is due, then deliver what is owed."""
        await self._safely(self._follower.follow_once)
        await self._safely(self._deliverer.deliver_once)

    async def tidy(self) -> None:
        """Clear away what is long past use."""

        async def tidy_once(now: datetime) -> int:
            await self._store.tidy(now=now)
            return 0

        await self._safely(tidy_once)

    async def _safely(self, step: Callable[[datetime], Awaitable[int]]) -> None:
        """A pass that fails (a locked database…) is logged; the next one comes."""
        try:
            await step(self._clock())
        except Exception:
            log.exception("a scheduled step failed")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While inside, the intervals run. At the end a pass in progress gets some seconds."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            self._tick,
            IntervalTrigger(seconds=self._poll.total_seconds()),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        scheduler.add_job(
            self.tidy, IntervalTrigger(seconds=TIDY_EVERY.total_seconds()), coalesce=True
        )
        scheduler.start()
        self.nudge()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            await self._finish()

    async def _finish(self) -> None:
        self._again = False
        if (running := self._running) is not None:
            await asyncio.wait({running}, timeout=GRACE)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
