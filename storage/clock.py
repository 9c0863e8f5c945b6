"""What waits for a time, when the clock that it was set by went back."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.base import Base
from storage.tables import fine_tune_jobs, notices


class ClockTables(Base):
    """Fulfils `avatar.training_stores.ClockStore`."""

    async def rewind(
        self,
        *,
        now: datetime,
        jobs_ahead: timedelta,
        notices_ahead: timedelta,
        job_lease: timedelta,
        notice_lease: timedelta,
    ) -> int:
        """Let nothing wait, or be leased, for longer than it would have been set to from now on.
        Said by several processes it is the same as said by one.
        """

        def rewound(write: sa.Connection) -> int:
            count = 0
            for table, due, ahead, lease in (
                (fine_tune_jobs, fine_tune_jobs.c.next_poll_at, jobs_ahead, job_lease),
                (notices, notices.c.next_try_at, notices_ahead, notice_lease),
            ):
                is_open = table.c.ended_at.is_(None)
                waiting = sa.update(table).where(is_open, due > now + ahead).values({due: now})
                count += write.execute(waiting).rowcount
                # Shortened, and not taken away: whoever works under it renews it.
                last = now + lease
                held = sa.update(table).where(is_open, table.c.lease_until > last)
                count += write.execute(held.values(lease_until=last)).rowcount
            return count

        return await self._db.write(rewound)
