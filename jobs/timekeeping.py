"""The clock of a machine may go back: it is set right, or wrong. What waits for a time that was
reckoned before is pulled back then, so that nothing waits for as long as the clock went back.
"""

import logging
from datetime import datetime, timedelta

from avatar import following
from avatar.stores import Store
from jobs import follower, notices

log = logging.getLogger(__name__)

SLACK = timedelta(seconds=2)  # clocks are set right by less all the time, and that is no news


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
