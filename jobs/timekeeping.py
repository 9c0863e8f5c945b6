"""The clock of a machine may jump: it is set right, or wrong. What waits for a time that was
reckoned before it went back is pulled back then, so that nothing waits for as long as it went back.
And nothing is deleted because of its age by a clock that went ahead, before it is believed.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from avatar import following
from avatar.stores import Store
from jobs import follower, notices

log = logging.getLogger(__name__)

SLACK = timedelta(seconds=2)  # clocks are set right by less all the time, and that is no news
AHEAD = timedelta(days=1)  # further than that, a clock is not believed at once
# Longer than until somebody sees it and sets it right; shorter than a day, so that it is also
# believed where all is begun anew every night.
BELIEVED = timedelta(hours=12)


class Timekeeper:
    """Notices that the clock went back: while this process runs by the time of the last look, and
    at the start by what waits for longer than anything is ever told to wait.
    """

    def __init__(self, store: Store, *, poll: timedelta) -> None:
        self._store = store
        self._poll = poll
        self._last: datetime | None = None

    async def look(self, now: datetime) -> bool:
        """Whether it went back since the last look. What could not be written is tried with the
        next one.
        """
        if self._last is None:
            longest = max(self._poll, following.MAX_DELAY)
            if count := await self._rewind(now, jobs=longest, others=notices.MAX_DELAY):
                log.warning(
                    "the clock went back while nothing ran here: %s trainings and notices waited "
                    "for a time further ahead than any should, and are looked at now",
                    count,
                )
            self._last = now
            return False
        back = self._last - now
        if back > SLACK:
            count = await self._rewind(now, jobs=timedelta(), others=timedelta())
            log.warning(
                "the clock went back by %s, to %s: %s trainings and notices that waited for a "
                "later time are looked at now",
                timedelta(seconds=round(back.total_seconds())),
                f"{now:%Y-%m-%d %H:%M:%S}",
                count,
            )
        self._last = now
        return back > SLACK

    async def _rewind(self, now: datetime, *, jobs: timedelta, others: timedelta) -> int:
        return await self._store.rewind(
            now=now,
            jobs_ahead=jobs,
            notices_ahead=others,
            job_lease=follower.LEASE,
            notice_lease=notices.LEASE,
        )


class Trust:
    """Whether the clock may be believed by those who delete what is old. One that went ahead by
    more than `AHEAD` is when it has stayed there for `BELIEVED`: while this process runs, as told
    by how long it runs. At the start it is compared with when somebody last said something; where
    all is quiet for longer than `AHEAD`, that makes a deletion as much later as it takes.
    """

    def __init__(self, *, running: Callable[[], float] = time.monotonic) -> None:
        self._running = running
        self._began: float | None = None  # the clock's seconds less the running ones, as believed
        self._doubted: float | None = None  # running seconds

    @property
    def is_new(self) -> bool:
        """Nothing was compared yet."""
        return self._began is None

    def begin(self, now: datetime, newest: datetime | None) -> None:
        """`newest`: when something was said last; None: nothing is there that could be lost."""
        known = now if newest is None else min(now, newest)
        self._began = known.timestamp() - self._running()

    def holds(self, now: datetime) -> bool:
        """Whether to go by the clock."""
        running = self._running()
        began = now.timestamp() - running
        ahead = timedelta(seconds=began - (began if self._began is None else self._began))
        if ahead > AHEAD:
            if self._doubted is None:
                self._doubted = running
                log.warning(
                    "it is %s, %s later than was to be expected: nothing is deleted because of its "
                    "age until that has been so for %s",
                    f"{now:%Y-%m-%d %H:%M}",
                    timedelta(seconds=round(ahead.total_seconds())),
                    BELIEVED,
                )
            if running - self._doubted < BELIEVED.total_seconds():
                return False
        self._began, self._doubted = began, None
        return True
