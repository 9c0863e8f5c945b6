"""Drafts and jobs: how a Deep Training is prepared and followed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.ports import Spent
from avatar.records import (
    Address,
    Draft,
    Example,
    Job,
    JobEvent,
    NewNotice,
    Status,
    TrainingType,
    Version,
)
from storage import plain
from storage.avatars import lock_avatar
from storage.inbox import write_notices
from storage.rows import Part, claim, insert, record
from storage.spending import add_up
from storage.tables import drafts, examples, job_events, jobs, versions
from storage.versions import cancel_job, next_number

_BATCH = 500  # examples written at once

# What following a job learns about its version and the job itself. Everything else is written
# by others meanwhile, and what was read when the job was claimed must not undo that.
_LEARNT_OF_VERSION = (
    "status",
    "fine_tuned_model_id",
    "trained_tokens",
    "epochs",
    "estimated_tokens",
    "estimated_cost",
    "actual_cost",
    "started_at",
    "finished_at",
    "error",
    "error_code",
)
_LEARNT_OF_JOB = (
    "hyperparameters",
    "next_poll_at",
    "remote_file_id",
    "create_attempted_at",
    "remote_job_id",
    "remote_status",
    "last_event_id",
    "step",
    "total_steps",
    "loss",
    "estimated_finish",
    "failures",
    "waiting_told_at",
    "ended_at",
)


class TrainingsPart(Part):
    """The store's methods about drafts and jobs."""

    async def add_draft(
        self,
        *,
        avatar_id: int,
        person_id: int,
        source: str,
        provider: str,
        base_model: str,
        tokens: int,
        epochs: int,
        warnings: Sequence[str],
        examples: Sequence[Example],
        now: datetime,
        expires_at: datetime,
        origin_id: int | None = None,
    ) -> Draft:
        async with self._database.writing() as connection:
            added = await connection.execute(
                insert(connection, drafts)
                .values(
                    avatar_id=avatar_id,
                    person_id=person_id,
                    source=source,
                    provider=provider,
                    base_model=base_model,
                    example_count=len(examples),
                    tokens=tokens,
                    epochs=epochs,
                    warnings=list(warnings),
                    created_at=now,
                    expires_at=expires_at,
                    origin_id=origin_id,
                )
                .returning(*drafts.c)
            )
            draft = _draft(added.one())
            await _add_examples(connection, draft.id, examples)
            return draft

    async def draft(self, draft_id: int) -> Draft | None:
        query = select(drafts).where(drafts.c.id == draft_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _draft(row)

    async def set_draft_epochs(self, draft_id: int, epochs: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(drafts)
                .where(drafts.c.id == draft_id, drafts.c.version_id.is_(None))
                .values(epochs=epochs)
            )

    async def drop_draft(self, draft_id: int) -> bool:
        async with self._database.writing() as connection:
            dropped = await connection.execute(
                delete(drafts).where(drafts.c.id == draft_id, drafts.c.version_id.is_(None))
            )
            return dropped.rowcount > 0

    async def start_draft(
        self,
        draft_id: int,
        *,
        note: str,
        key: str,
        estimated_tokens: int,
        estimated_cost: int | None,
        address: Address,
        now: datetime,
    ) -> Version | None:
        async with self._database.writing() as connection:
            query = select(drafts).where(drafts.c.id == draft_id, drafts.c.version_id.is_(None))
            draft = (await connection.execute(query)).one_or_none()
            if draft is None:
                return None
            await lock_avatar(connection, draft.avatar_id)
            # Again under a lock: on PostgreSQL somebody may have started it in between.
            draft = (await connection.execute(query.with_for_update())).one_or_none()
            if draft is None:
                return None
            added = await connection.execute(
                insert(connection, versions)
                .values(
                    avatar_id=draft.avatar_id,
                    number=await next_number(connection, draft.avatar_id),
                    training_type=TrainingType.FINE_TUNE,
                    status=Status.TRAINING,
                    note=note,
                    created_by=draft.person_id,
                    created_at=now,
                    provider=draft.provider,
                    base_model=draft.base_model,
                    source=draft.source,
                    origin_id=draft.origin_id,
                    example_count=draft.example_count,
                    estimated_tokens=estimated_tokens,
                    epochs=draft.epochs,
                    estimated_cost=estimated_cost,
                    started_at=now,
                )
                .returning(*versions.c)
            )
            version = record(Version, added.one())
            await connection.execute(
                update(drafts).where(drafts.c.id == draft_id).values(version_id=version.id)
            )
            await connection.execute(
                update(examples)
                .where(examples.c.draft_id == draft_id)
                .values(version_id=version.id, draft_id=None)
            )
            await connection.execute(
                insert(connection, jobs).values(
                    version_id=version.id,
                    key=key,
                    provider=draft.provider,
                    hyperparameters={"n_epochs": draft.epochs},
                    created_at=now,
                    next_poll_at=now,
                    address=address,
                )
            )
            return version

    async def job_of(self, version_id: int) -> Job | None:
        query = select(jobs).where(jobs.c.version_id == version_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(Job, row)

    async def job_events(self, job_id: int, *, limit: int) -> tuple[JobEvent, ...]:
        query = (
            select(job_events)
            .where(job_events.c.job_id == job_id)
            .order_by(job_events.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return tuple(record(JobEvent, row) for row in await connection.execute(query))

    async def request_cancel(self, version_id: int, *, now: datetime) -> bool:
        async with self._database.writing() as connection:
            return await cancel_job(connection, version_id, now=now)

    async def set_progress_message(
        self, version_id: int, *, address: Address, message_id: str
    ) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(jobs)
                .where(jobs.c.version_id == version_id)
                .values(address=address, progress_message_id=message_id)
            )

    async def claim_jobs(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[tuple[Job, Version], ...]:
        async with self._database.writing() as connection:
            rows = await claim(
                connection,
                jobs,
                jobs.c.next_poll_at,
                owed=jobs.c.ended_at.is_(None),
                owner=owner,
                now=now,
                lease=lease,
                limit=limit,
            )
            taken = [record(Job, row) for row in rows]
            found = await connection.execute(
                select(versions).where(versions.c.id.in_([job.version_id for job in taken]))
            )
            by_id = {row.id: record(Version, row) for row in found}
            return tuple((job, by_id[job.version_id]) for job in taken)

    async def save_job(
        self,
        job: Job,
        version: Version,
        *,
        owner: str,
        release: bool,
        now: datetime,
        events: Sequence[JobEvent] = (),
        notices: Sequence[NewNotice] = (),
        spent: Sequence[Spent] = (),
    ) -> bool:
        async with self._database.writing() as connection:
            # The version before the job: the order in which `delete_version` locks them too.
            of_version = select(versions.c.deleted_at).where(versions.c.id == job.version_id)
            buried_at = (
                await connection.execute(of_version.with_for_update())
            ).scalar_one_or_none()
            held = (
                await connection.execute(
                    select(jobs.c.cancel_requested_at, jobs.c.next_poll_at)
                    .where(
                        jobs.c.id == job.id, jobs.c.lease_owner == owner, jobs.c.lease_until > now
                    )
                    .with_for_update()
                )
            ).one_or_none()
            if held is None:
                return False
            if buried_at is not None and job.ended_at is not None:
                await connection.execute(delete(jobs).where(jobs.c.id == job.id))
            else:
                learnt = {name: getattr(job, name) for name in _LEARNT_OF_JOB}
                if held.cancel_requested_at is not None and job.cancel_requested_at is None:
                    # Asked for since the job was claimed: it stays due at once.
                    learnt["next_poll_at"] = min(held.next_poll_at, job.next_poll_at)
                if release:
                    learnt |= {"lease_owner": None, "lease_until": None}
                await connection.execute(update(jobs).where(jobs.c.id == job.id).values(learnt))
                await _add_events(connection, job.id, events)
            about = {name: getattr(version, name) for name in _LEARNT_OF_VERSION}
            if buried_at is not None:
                about |= {"error": None, "error_code": None}  # a tombstone keeps no words
            await connection.execute(
                update(versions).where(versions.c.id == job.version_id).values(about)
            )
            await write_notices(connection, notices, now=now)
            await add_up(connection, spent)
            return True

    async def next_job_due(self) -> datetime | None:
        query = select(func.min(jobs.c.next_poll_at)).where(jobs.c.ended_at.is_(None))
        async with self._database.reading() as connection:
            due: datetime | None = (await connection.execute(query)).scalar_one()
        return due


async def _add_examples(connection: AsyncConnection, draft_id: int, new: Sequence[Example]) -> None:
    for first in range(0, len(new), _BATCH):
        rows = await asyncio.to_thread(
            plain.example_rows, new[first : first + _BATCH], first=first, draft_id=draft_id
        )
        await connection.execute(insert(connection, examples), rows)


async def _add_events(connection: AsyncConnection, job_id: int, events: Sequence[JobEvent]) -> None:
    if events:
        await connection.execute(
            insert(connection, job_events).on_conflict_do_nothing(
                index_elements=["job_id", "remote_id"]
            ),
            [
                {
                    "job_id": job_id,
                    "remote_id": each.remote_id,
                    "created_at": each.created_at,
                    "level": each.level,
                    "message": each.message,
                    "data": dict(each.data),
                }
                for each in events
            ],
        )


def _draft(row: Row[Any]) -> Draft:
    return record(Draft, row, warnings=tuple(row.warnings))
