"""What came in, what is owed, and what waits for a yes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.records import Confirmation, Incoming, NewNotice, Notice, Received
from storage import plain
from storage.rows import Part, claim, insert, record
from storage.tables import confirmations, drafts, notices
from storage.tables import incoming as inbox

# How long things are kept after their use. Telegram repeats an update for a day at most.
_KEEP_QUESTIONS = timedelta(days=1)
_KEEP_INBOX_IDS = timedelta(days=30)
_KEEP_NOTICES = timedelta(days=365)  # their keys keep a notice from being given twice


async def write_notices(
    connection: AsyncConnection, new: Sequence[NewNotice], *, now: datetime
) -> int:
    """Write notices that are not there yet; returns how many those were."""
    written = 0
    for notice in new:
        added = await connection.execute(
            insert(connection, notices)
            .values(
                kind=notice.kind,
                key=notice.key,
                address=notice.address,
                avatar_id=notice.avatar_id,
                version_id=notice.version_id,
                data=dict(notice.data),
                created_at=now,
                due_at=now,
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(notices.c.id)
        )
        written += added.one_or_none() is not None
    return written


class InboxPart(Part):
    """The store's methods about incoming messages, notices and confirmations."""

    async def receive(self, incoming: Incoming, *, now: datetime) -> int | None:
        async with self._database.writing() as connection:
            added = await connection.execute(
                insert(connection, inbox)
                .values(
                    platform=incoming.address.platform,
                    bot=incoming.address.bot,
                    update_id=incoming.update_id,
                    author=incoming.author.external_id,
                    payload=plain.from_incoming(incoming),
                    received_at=now,
                )
                .on_conflict_do_nothing(index_elements=["platform", "bot", "update_id"])
                .returning(inbox.c.id)
            )
            inbox_id: int | None = added.scalar_one_or_none()
            return inbox_id

    async def begin(self, inbox_id: int) -> Received | None:
        async with self._database.writing() as connection:
            begun = await connection.execute(
                update(inbox)
                .where(inbox.c.id == inbox_id, inbox.c.payload.is_not(None))
                .values(attempts=inbox.c.attempts + 1)
                .returning(*inbox.c)
            )
            row = begun.one_or_none()
        return None if row is None else _received(row, attempts=row.attempts - 1)

    async def done(self, inbox_id: int, *, now: datetime) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(inbox)
                .where(inbox.c.id == inbox_id, inbox.c.done_at.is_(None))
                .values(done_at=now, payload=None, author=None)
            )

    async def unanswered(self, *, limit: int) -> tuple[Received, ...]:
        query = select(inbox).where(inbox.c.payload.is_not(None)).order_by(inbox.c.id).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(_received(row, attempts=row.attempts) for row in rows)

    async def add_notices(self, notices: Sequence[NewNotice], *, now: datetime) -> int:
        if not notices:
            return 0
        async with self._database.writing() as connection:
            return await write_notices(connection, notices, now=now)

    async def claim_notices(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[Notice, ...]:
        async with self._database.writing() as connection:
            rows = await claim(
                connection,
                notices,
                notices.c.due_at,
                owed=notices.c.due_at.is_not(None),
                owner=owner,
                now=now,
                lease=lease,
                limit=limit,
                # Counted here, so that a notice whose delivery kills the process is counted too.
                attempts=notices.c.attempts + 1,
            )
        return tuple(record(Notice, row, attempts=row.attempts - 1) for row in rows)

    async def notice_delivered(self, notice_id: int, *, now: datetime) -> None:
        await self._finish(notice_id, due_at=None, finished_at=now, error=None)

    async def notice_failed(
        self, notice_id: int, *, retry_at: datetime | None, error: str, now: datetime
    ) -> None:
        finished_at = now if retry_at is None else None
        await self._finish(notice_id, due_at=retry_at, finished_at=finished_at, error=error)

    async def _finish(self, notice_id: int, **values: object) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(notices)
                .where(notices.c.id == notice_id, notices.c.due_at.is_not(None))
                .values(lease_owner=None, lease_until=None, **values)
            )

    async def next_notice_due(self) -> datetime | None:
        query = select(func.min(notices.c.due_at)).where(notices.c.due_at.is_not(None))
        async with self._database.reading() as connection:
            due: datetime | None = (await connection.execute(query)).scalar_one()
        return due

    async def add_confirmation(
        self, *, action: str, person_id: int, now: datetime, expires_at: datetime
    ) -> Confirmation:
        async with self._database.writing() as connection:
            added = await connection.execute(
                insert(connection, confirmations)
                .values(action=action, person_id=person_id, created_at=now, expires_at=expires_at)
                .returning(*confirmations.c)
            )
            return record(Confirmation, added.one())

    async def confirmation(self, confirmation_id: int) -> Confirmation | None:
        query = select(confirmations).where(confirmations.c.id == confirmation_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(Confirmation, row)

    async def use_confirmation(
        self, confirmation_id: int, *, person_id: int, now: datetime
    ) -> bool:
        async with self._database.writing() as connection:
            used = await connection.execute(
                update(confirmations)
                .where(
                    confirmations.c.id == confirmation_id,
                    confirmations.c.person_id == person_id,
                    confirmations.c.used_at.is_(None),
                    confirmations.c.expires_at > now,
                )
                .values(used_at=now)
            )
            return used.rowcount > 0

    async def tidy(self, *, now: datetime) -> None:
        async with self._database.writing() as connection:
            for statement in (
                delete(drafts).where(drafts.c.expires_at < now - _KEEP_QUESTIONS),
                delete(confirmations).where(confirmations.c.expires_at < now - _KEEP_QUESTIONS),
                delete(notices).where(notices.c.finished_at < now - _KEEP_NOTICES),
                delete(inbox).where(
                    inbox.c.received_at < now - _KEEP_INBOX_IDS, inbox.c.payload.is_(None)
                ),
            ):
                await connection.execute(statement)


def _received(row: Row[Any], *, attempts: int) -> Received:
    return Received(id=row.id, incoming=plain.to_incoming(row.payload), attempts=attempts)
