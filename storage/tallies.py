"""What waits, counted for who watches over the installation."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.meter import Tallies
from storage.base import Base
from storage.tables import fine_tune_jobs, incoming, notices

MOST = 100_000  # a count goes no further: it is read every few seconds


class TallyTables(Base):
    """Fulfils `avatar.meter.TallyStore`."""

    async def alive(self) -> bool:
        """True. Raises whatever the database raises."""
        async with self._db.reading() as read:
            return await read.scalar(sa.select(1)) == 1

    async def tallies(self, *, now: datetime) -> Tallies:
        """Counted along the indexes of what is not done yet."""
        async with self._db.reading() as read:
            inbox, oldest = await _waiting(
                read, incoming.c.done_at, incoming.c.id, incoming.c.received_at
            )
            owed, since = await _waiting(
                read, notices.c.ended_at, notices.c.next_try_at, notices.c.created_at
            )
            open_ = (
                sa.select(fine_tune_jobs.c.remote_status.label("status"))
                .where(fine_tune_jobs.c.ended_at.is_(None))
                .limit(MOST)
                .subquery()
            )
            found = await read.execute(
                sa.select(open_.c.status, sa.func.count()).group_by(open_.c.status)
            )
            jobs = {status or "not_created": count for status, count in found}
        return Tallies(
            inbox_waiting=inbox,
            inbox_oldest=_age(oldest, now),
            notices_owed=owed,
            notices_oldest=_age(since, now),
            jobs=jobs,
        )


async def _waiting(
    read: AsyncConnection,
    ended: sa.Column[datetime],
    order: sa.Column[int] | sa.Column[datetime],
    came: sa.Column[datetime],
) -> tuple[int, datetime | None]:
    """How many have not ended, and when the one came that is first in `order`."""
    waiting = sa.select(order).where(ended.is_(None)).limit(MOST).subquery()
    count = await read.scalar(sa.select(sa.func.count()).select_from(waiting))
    first = await read.scalar(sa.select(came).where(ended.is_(None)).order_by(order).limit(1))
    return int(count or 0), first


def _age(came: datetime | None, now: datetime) -> float | None:
    return None if came is None else max(0.0, (now - came).total_seconds())
