"""Delivers what the bot owes: each notice until it has arrived, or can never arrive."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from avatar import trace
from avatar.errors import NotDelivered, Unreachable
from avatar.meter import UNCOUNTED, Meter
from avatar.ports import Clock, Herald
from avatar.records import Address, Notice
from avatar.stores import Store

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # renewed while we work
CLAIMED = 50  # notices a pass
AT_ONCE = 8  # addresses served side by side: one slow chat holds up no other
FIRST_DELAY = timedelta(seconds=10)
MAX_DELAY = timedelta(hours=1)
GIVE_UP = timedelta(days=3)


class Deliverer:
    """Each call of `deliver_once` tries every notice that is due once.

    A notice that was brought when the process died before that was written is brought again,
    and says so: rather twice than never.
    """

    def __init__(
        self,
        store: Store,
        *,
        herald: Herald,
        owner: str,
        clock: Clock,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._herald = herald
        self._owner = owner
        self._clock = clock
        self._meter = meter

    async def deliver_once(self, now: datetime) -> int:
        """How many were due."""
        claimed = await self._store.claim_notices(
            owner=self._owner, now=now, lease=LEASE, limit=CLAIMED
        )
        if not claimed:
            return 0
        by_address: dict[Address, list[Notice]] = {}
        for notice in claimed:
            by_address.setdefault(notice.address, []).append(notice)
        slots = asyncio.Semaphore(AT_ONCE)
        held = {notice.id for notice in claimed}

        async def in_order(notices: Sequence[Notice]) -> None:
            async with slots:
                for notice in notices:
                    if notice.id in held:
                        await self._deliver(notice)

        heartbeat = asyncio.create_task(self._keep_leases(held))
        try:
            async with asyncio.TaskGroup() as group:
                for notices in by_address.values():
                    group.create_task(in_order(notices))
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        return len(claimed)

    async def _keep_leases(self, held: set[int]) -> None:
        """A chat that takes a message a second, or none for a while, holds up what is owed there
        for longer than a lease. What was lost nevertheless is somebody else's to bring.
        """
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                held &= await self._store.renew_notices(
                    owner=self._owner, now=self._clock(), lease=LEASE
                )
            except Exception:  # a locked database…: the next renewal may still be in time
                log.exception("the leases of notices could not be renewed")

    async def _deliver(self, notice: Notice) -> None:
        """No error of one notice reaches another."""
        try:
            with trace.about("n", notice.id):
                await self._bring(notice)
        except Exception:  # of the store: its lease will end, and it is claimed again
            log.exception("what became of notice %s could not be written", notice.id)

    async def _bring(self, notice: Notice) -> None:
        try:
            await self._herald.bring(notice)
        except Unreachable as error:
            log.info("notice %s will not be wanted: %s", notice.id, error.detail)
            self._meter.failed(error, where="notice")
            await self._failed(notice, None, error.detail or "unreachable")
        except NotDelivered as error:
            self._meter.failed(error, where="notice")
            wait = timedelta(seconds=error.retry_after) if error.retry_after else None
            await self._later(notice, wait, error.detail or "not delivered", perhaps=error.perhaps)
        except Exception as error:
            log.exception("notice %s could not be brought", notice.id)
            self._meter.failed(error, where="notice")
            await self._later(notice, None, type(error).__name__, perhaps=True)
        else:
            await self._store.notice_delivered(notice.id, now=self._clock())
            self._meter.delivered("delivered")

    async def _later(
        self, notice: Notice, wait: timedelta | None, error: str, *, perhaps: bool
    ) -> None:
        now = self._clock()
        if now - notice.created_at > GIVE_UP:
            log.error("notice %s (%s) was given up: %s", notice.id, notice.kind, error)
            await self._failed(notice, None, error)
            return
        delay = min(FIRST_DELAY * 2 ** min(notice.attempts - 1, 12), MAX_DELAY)
        await self._failed(
            notice, now + max(delay, wait or delay), error, perhaps=perhaps or notice.perhaps
        )

    async def _failed(
        self, notice: Notice, retry_at: datetime | None, error: str, *, perhaps: bool = False
    ) -> None:
        await self._store.notice_failed(
            notice.id, retry_at=retry_at, error=error, now=self._clock(), perhaps=perhaps
        )
        self._meter.delivered("given_up" if retry_at is None else "later")
