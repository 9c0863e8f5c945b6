"""Takes away what is kept no longer: what nobody needs any more, and messages by their age."""

import asyncio
import logging
from datetime import datetime, timedelta

from avatar.stores import Store
from jobs.timekeeping import Trust

log = logging.getLogger(__name__)

BATCH = 500  # messages in one transaction
PAUSE = 0.05  # seconds between two of them, for everybody else who writes
ROUNDS = 10_000  # at most in one pass


class Retention:
    """Each call of `tidy_once` goes on until nothing is left that should go. `keep`: how long what
    was said is remembered; None: for ever.
    """

    def __init__(
        self,
        store: Store,
        *,
        keep: timedelta | None,
        pause: float = PAUSE,
        trust: Trust | None = None,
    ) -> None:
        self._store = store
        self._keep = keep
        self._pause = pause
        self._trust = trust or Trust()

    async def tidy_once(self, now: datetime) -> int:
        """How many messages went: none while the clock is not to be believed."""
        if self._trust.is_new:
            self._trust.begin(now, await self._store.newest_said_at())
        if not self._trust.holds(now):
            return 0
        for _ in range(ROUNDS):
            if not await self._store.tidy(now=now):
                break
            await asyncio.sleep(self._pause)
        return 0 if self._keep is None else await self._drop(now - self._keep)

    async def _drop(self, before: datetime) -> int:
        gone, after = 0, 0
        for _ in range(ROUNDS):
            dropped = await self._store.drop_messages(before=before, after=after, limit=BATCH)
            gone += dropped.count
            if dropped.looked_to is None:
                break
            after = dropped.looked_to
            await asyncio.sleep(self._pause)
        if gone:
            log.info("%s messages from before %s were deleted", gone, f"{before:%Y-%m-%d %H:%M}")
        return gone
