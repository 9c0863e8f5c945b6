"""When what happens: the only place that knows APScheduler."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from avatar.ports import Clock
from avatar.stores import Store
from jobs.follower import Follower
from jobs.notices import Deliverer
from jobs.retirement import RetirementWatch

log = logging.getLogger(__name__)

# Each tidying takes away a bounded number of rows, so it comes often.
TIDY_EVERY = timedelta(minutes=10)
WATCH_EVERY = timedelta(days=1)
GRACE = 5.0  # seconds that passes in progress get at the end


class Pass:
    """A step that never runs beside itself: asked for while it runs, it runs once more after."""

    def __init__(
        self,
        step: Callable[[datetime], Awaitable[object]],
        *,
        clock: Clock,
        then: Callable[[], None] | None = None,
    ) -> None:
        self._step = step
        self._clock = clock
        self._then = then
        self._wanted = False
        self._finished = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Run it now, or once more when the run in progress is done; nothing after `finish`."""
        self._wanted = not self._finished
        if self._wanted and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                try:
                    await self._step(self._clock())
                except Exception:  # a locked database…: the next interval comes
                    log.exception("a scheduled step failed")
                if self._then is not None:
                    self._then()
        finally:
            self._task = None  # here and not in a callback: a request in between would be lost

    async def finish(self, grace: float) -> None:
        """No further run; the one in progress gets `grace` seconds, then it is cancelled."""
        self._wanted, self._finished = False, True
        if (task := self._task) is not None:
            await asyncio.wait({task}, timeout=grace)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Scheduler:
    """Follows, delivers, watches and tidies at intervals, and at once when nudged."""

    def __init__(
        self,
        *,
        follower: Follower,
        deliverer: Deliverer,
        watch: RetirementWatch,
        store: Store,
        poll: timedelta,
        clock: Clock,
    ) -> None:
        self._poll = poll
        # Side by side: notices are not held up by the upload of a large file.
        self._deliver = Pass(deliverer.deliver_once, clock=clock)
        self._follow = Pass(follower.follow_once, clock=clock, then=self._deliver.ask)
        self._watch = Pass(watch.watch_once, clock=clock, then=self._deliver.ask)
        self._tidy = Pass(lambda now: store.tidy(now=now), clock=clock)

    def nudge(self) -> None:
        """Follow and deliver now; what runs already is run once more after."""
        self._follow.ask()
        self._deliver.ask()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While inside, the intervals run. At the end passes in progress get some seconds."""

        # Coroutines, so that APScheduler runs them in the loop. They only ask: a pass that takes
        # longer than its interval would make APScheduler warn, and its shutdown would cut it off.
        async def tick() -> None:
            self.nudge()

        async def tidy() -> None:
            self._tidy.ask()

        async def look() -> None:
            self._watch.ask()

        scheduler = AsyncIOScheduler(timezone="UTC")
        for function, every in ((tick, self._poll), (tidy, TIDY_EVERY), (look, WATCH_EVERY)):
            scheduler.add_job(
                function,
                IntervalTrigger(seconds=every.total_seconds()),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        scheduler.start()
        self.nudge()
        self._tidy.ask()
        self._watch.ask()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            await asyncio.gather(
                *(each.finish(GRACE) for each in (self._tidy, self._watch, self._follow))
            )
            await self._deliver.finish(GRACE)  # last: following may just have owed something
