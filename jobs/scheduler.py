"""When what happens: the only place that knows APScheduler."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import Context
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from avatar.ports import Clock
from jobs.follower import Follower
from jobs.notices import Deliverer
from jobs.retention import Retention
from jobs.retirement import RetirementWatch
from jobs.timekeeping import Timekeeper

log = logging.getLogger(__name__)

# Often, so that there is never much to take away.
TIDY_EVERY = timedelta(minutes=10)
WATCH_EVERY = timedelta(days=1)
CLOCK_EVERY = 5.0  # seconds between looks whether the clock went back
STUCK = 600.0  # seconds beyond an interval: the upload of a large file takes its time
GRACE = 4.0  # seconds that passes in progress get at the end
LAST = 1.0  # and then the last look at what is owed


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
        self._failed = False
        self._turned = time.monotonic()  # when it last began or ended a run
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Run it now, or once more when the run in progress is done; nothing after `finish`."""
        self._wanted = not self._finished
        if self._wanted and self._task is None:
            # Without the context of whoever asks: what it does is not about their message.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    async def _run(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                self._turned = time.monotonic()
                try:
                    await self._step(self._clock())
                    self._failed = False
                except Exception:  # a locked database…: the next interval comes
                    log.exception("a scheduled step failed")
                    self._failed = True
                self._turned = time.monotonic()
                if self._then is not None:
                    self._then()
        finally:
            self._task = None  # here and not in a callback: a request in between would be lost

    def fault(self, patience: float) -> str | None:
        """What is wrong: the last run failed, or for `patience` seconds none began or ended."""
        if self._finished:
            return "ended"
        if self._failed:
            return "failed when it last ran"
        if time.monotonic() - self._turned > patience:
            return f"did nothing for more than {patience:.0f} seconds"
        return None

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
        retention: Retention,
        timekeeper: Timekeeper,
        poll: timedelta,
        clock: Clock,
    ) -> None:
        self._poll = poll
        self._clock = clock
        self._timekeeper = timekeeper
        # Side by side: notices are not held up by the upload of a large file.
        self._deliver = Pass(deliverer.deliver_once, clock=clock)
        self._follow = Pass(follower.follow_once, clock=clock, then=self._deliver.ask)
        self._watch = Pass(watch.watch_once, clock=clock, then=self._deliver.ask)
        self._tidy = Pass(retention.tidy_once, clock=clock)

    def nudge(self) -> None:
        """Follow and deliver now; what runs already is run once more after."""
        self._follow.ask()
        self._deliver.ask()

    def fault(self) -> str | None:
        """What is wrong with following and delivering; None: nothing."""
        patience = self._poll.total_seconds() + STUCK
        for name, each in (("following", self._follow), ("delivering", self._deliver)):
            if (said := each.fault(patience)) is not None:
                return f"{name} {said}"
        return None

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

        def ticking() -> None:
            for function, every in ((tick, self._poll), (tidy, TIDY_EVERY), (look, WATCH_EVERY)):
                scheduler.add_job(
                    function,
                    IntervalTrigger(seconds=every.total_seconds()),
                    id=function.__name__,
                    replace_existing=True,
                    coalesce=True,
                    max_instances=1,
                    misfire_grace_time=None,
                )

        async def keep_time() -> None:
            """APScheduler reckons by the clock: where it went back, nothing would run until it has
            been there again.
            """
            while True:
                try:
                    if await self._timekeeper.look(self._clock()):
                        ticking()
                        self.nudge()
                except Exception:  # a locked database…: the next look comes
                    log.exception("it was not found whether the clock went back")
                await asyncio.sleep(CLOCK_EVERY)

        ticking()
        scheduler.start()
        keeping = asyncio.create_task(keep_time())
        self.nudge()
        self._tidy.ask()
        self._watch.ask()
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            scheduler.shutdown(wait=False)
            await self.finish()

    async def finish(self) -> None:
        """No further pass; those in progress get some seconds. Can be called twice."""
        await asyncio.gather(
            *(each.finish(GRACE) for each in (self._tidy, self._watch, self._follow))
        )
        await self._deliver.finish(LAST)  # last: following may just have owed something
