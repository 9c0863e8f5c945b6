"""Delivers what the bot owes: each notice until it has arrived, or can never arrive."""

import logging
from datetime import datetime, timedelta

from avatar.errors import NotDelivered, Unreachable
from avatar.ports import Clock, Herald, Store
from avatar.records import Notice

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
CLAIMED = 50  # notices a pass
FIRST_DELAY = timedelta(seconds=10)
MAX_DELAY = timedelta(hours=1)
GIVE_UP = timedelta(days=3)


class Deliverer:
    """Each call of `deliver_once` tries every notice that is due once."""

    def __init__(self, store: Store, *, herald: Herald, owner: str, clock: Clock) -> None:
        self._store = store
        self._herald = herald
        self._owner = owner
        self._clock = clock

    async def deliver_once(self, now: datetime) -> int:
        """How many were due."""
        claimed = await self._store.claim_notices(
            owner=self._owner, now=now, lease=LEASE, limit=CLAIMED
        )
        for notice in claimed:
            await self._deliver(notice)
        return len(claimed)

    async def _deliver(self, notice: Notice) -> None:
        try:
            await self._herald.bring(notice)
        except Unreachable as error:
            log.info("notice %s will not be wanted: %s", notice.id, error.detail)
            await self._failed(notice, None, error.detail or "unreachable")
        except NotDelivered as error:
            wait = timedelta(seconds=error.retry_after) if error.retry_after else None
            await self._later(notice, wait, error.detail or "not delivered")
        except Exception as error:
            log.exception("notice %s could not be brought", notice.id)
            await self._later(notice, None, type(error).__name__)
        else:
            await self._store.notice_delivered(notice.id, now=self._clock())

    async def _later(self, notice: Notice, wait: timedelta | None, error: str) -> None:
        now = self._clock()
        if now - notice.created_at > GIVE_UP:
            log.error("notice %s (%s) was given up: %s", notice.id, notice.kind, error)
            await self._failed(notice, None, error)
            return
        delay = min(FIRST_DELAY * 2 ** min(notice.attempts - 1, 12), MAX_DELAY)
        await self._failed(notice, now + max(delay, wait or delay), error)

    async def _failed(self, notice: Notice, retry_at: datetime | None, error: str) -> None:
        await self._store.notice_failed(
            notice.id, retry_at=retry_at, error=error, now=self._clock()
        )
