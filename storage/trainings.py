"""Jobs of Deep Training, and the examples of versions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from avatar.limits import budgets_of_training
from avatar.records import (
    Address,
    Example,
    Job,
    JobEvent,
    NewNotice,
    Spent,
    Status,
    TrainingType,
    Version,
)
from storage import rows
from storage.base import insert
from storage.budgets import settle
from storage.columns import Moment
from storage.drafts import DraftTables
from storage.inbox import add_notices
from storage.spending import add_spent
from storage.tables import (
    fine_tune_events,
    fine_tune_jobs,
    training_drafts,
    training_examples,
    versions,
)
from storage.versions import next_number

_BATCH = 500  # examples an INSERT
# Written by people while the follower works: saving a job must not put the old values back.
_NOT_SAVED = {
    "id",
    "version_id",
    "key",
    "provider",
    "created_at",
    "cancel_requested_at",
    "address",
    "progress_message_id",
}
_SAVED_JOB = [field.name for field in fields(Job) if field.name not in _NOT_SAVED]
_SAVED_VERSION = [
    "status",
    "fine_tuned_model_id",
    "trained_tokens",
    "epochs",
    "actual_cost",
    "started_at",
    "finished_at",
]


class TrainingTables(DraftTables):
    """Fulfils `avatar.training_stores.TrainingStore`."""

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
        """Turn a draft into a version in training, in one step."""
        async with self._db.writing() as write:
            found = await write.execute(
                sa.select(training_drafts)
                .where(training_drafts.c.id == draft_id, training_drafts.c.version_id.is_(None))
                .with_for_update()
            )
            row = found.mappings().one_or_none()
            if row is None:
                return None
            draft = rows.draft(row)
            made = await write.execute(
                sa.insert(versions)
                .values(
                    avatar_id=draft.avatar_id,
                    number=await next_number(write, draft.avatar_id),
                    training_type=TrainingType.FINE_TUNE.value,
                    status=Status.TRAINING.value,
                    note=note,
                    created_by=draft.person_id,
                    created_at=now,
                    provider=draft.provider,
                    base_model=draft.base_model,
                    method=draft.method.value,
                    source=draft.source,
                    origin_id=draft.origin_id,
                    example_count=draft.example_count,
                    estimated_tokens=estimated_tokens,
                    estimated_cost=estimated_cost,
                    epochs=draft.epochs,
                    started_at=now,
                )
                .returning(versions)
            )
            version = rows.version(made.mappings().one())
            await write.execute(
                sa.delete(training_examples).where(
                    training_examples.c.draft_id == draft_id,
                    training_examples.c.left_out.is_not(None),
                )
            )
            await write.execute(
                sa.update(training_examples)
                .where(training_examples.c.draft_id == draft_id)
                .values(version_id=version.id, draft_id=None)
            )
            await write.execute(
                sa.update(training_drafts)
                .where(training_drafts.c.id == draft_id)
                .values(version_id=version.id)
            )
            await write.execute(
                sa.insert(fine_tune_jobs).values(
                    version_id=version.id,
                    key=key,
                    provider=draft.provider,
                    hyperparameters={"n_epochs": draft.epochs},
                    created_at=now,
                    next_poll_at=now,
                    searches=0,
                    failures=0,
                    address=rows.address_json(address),
                )
            )
            return version

    async def stored_examples(
        self, version_id: int, *, after: int, limit: int, held_out: bool | None = None
    ) -> tuple[tuple[int, Example], ...]:
        """(position, example) of a version, in order."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(training_examples)
                .where(
                    training_examples.c.version_id == version_id,
                    training_examples.c.position > after,
                    *([] if held_out is None else [training_examples.c.held_out.is_(held_out)]),
                )
                .order_by(training_examples.c.position)
                .limit(limit)
            )
            return tuple((row["position"], rows.example(row)) for row in found.mappings())

    async def remove_examples(
        self, version_id: int, positions: Collection[int], *, now: datetime
    ) -> int:
        """Take examples out of a version's for good, and mark it. How many went."""
        wanted = sorted(positions)
        gone = trained = 0
        async with self._db.writing() as write:
            await write.execute(_held(version_id))
            for start in range(0, len(wanted), _BATCH):
                deleted = await write.execute(
                    sa.delete(training_examples)
                    .where(
                        training_examples.c.version_id == version_id,
                        training_examples.c.position.in_(wanted[start : start + _BATCH]),
                    )
                    .returning(training_examples.c.held_out)
                )
                held = list(deleted.scalars())
                gone += len(held)
                trained += held.count(False)
            await write.execute(
                sa.update(versions)
                .where(versions.c.id == version_id)
                .values(example_count=versions.c.example_count - trained, unlearnt_at=now)
            )
        return gone

    async def screened(
        self, version_id: int, positions: Collection[int], *, screening: Mapping[str, object]
    ) -> None:
        """Take out what the provider's moderation flags, and write down what it said."""
        wanted = sorted(positions)
        async with self._db.writing() as write:
            await write.execute(_held(version_id))
            for start in range(0, len(wanted), _BATCH):
                await write.execute(
                    sa.delete(training_examples).where(
                        training_examples.c.version_id == version_id,
                        training_examples.c.position.in_(wanted[start : start + _BATCH]),
                    )
                )
            await write.execute(
                sa.update(versions)
                .where(versions.c.id == version_id)
                .values(
                    example_count=versions.c.example_count - len(wanted),
                    screening=dict(screening),
                )
            )

    async def job_of(self, version_id: int) -> Job | None:
        row = await self._row(
            sa.select(fine_tune_jobs).where(fine_tune_jobs.c.version_id == version_id)
        )
        return None if row is None else rows.job(row)

    async def job_events(self, job_id: int, *, limit: int) -> tuple[JobEvent, ...]:
        """Newest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(fine_tune_events)
                .where(fine_tune_events.c.job_id == job_id)
                .order_by(fine_tune_events.c.id.desc())
                .limit(limit)
            )
            return tuple(rows.event(row) for row in found.mappings())

    async def request_cancel(self, version_id: int, *, now: datetime) -> bool:
        """Ask for the job's end; it is due at once. False: it has ended."""
        async with self._db.writing() as write:
            result = await write.execute(
                sa.update(fine_tune_jobs)
                .where(
                    fine_tune_jobs.c.version_id == version_id, fine_tune_jobs.c.ended_at.is_(None)
                )
                .values(
                    cancel_requested_at=sa.func.coalesce(
                        fine_tune_jobs.c.cancel_requested_at, sa.bindparam("at", now, Moment())
                    ),
                    next_poll_at=now,
                )
            )
            return result.rowcount == 1

    async def set_progress_message(
        self, version_id: int, *, address: Address, message_id: str
    ) -> None:
        async with self._db.writing() as write:
            await write.execute(
                sa.update(fine_tune_jobs)
                .where(fine_tune_jobs.c.version_id == version_id)
                .values(address=rows.address_json(address), progress_message_id=message_id)
            )

    async def claim_jobs(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[tuple[Job, Version], ...]:
        """Take jobs that are due and not leased, most overdue first."""
        due = (
            sa.select(fine_tune_jobs.c.id)
            .where(
                fine_tune_jobs.c.ended_at.is_(None),
                fine_tune_jobs.c.next_poll_at <= now,
                fine_tune_jobs.c.lease_until.is_(None) | (fine_tune_jobs.c.lease_until <= now),
            )
            .order_by(fine_tune_jobs.c.next_poll_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.writing() as write:
            claimed = await write.execute(
                sa.update(fine_tune_jobs)
                .where(fine_tune_jobs.c.id.in_(due))
                .values(lease_owner=owner, lease_until=now + lease)
                .returning(fine_tune_jobs)
            )
            jobs = [rows.job(row) for row in claimed.mappings()]
            found = await write.execute(
                sa.select(versions).where(versions.c.id.in_([job.version_id for job in jobs]))
            )
            by_id = {row["id"]: rows.version(row) for row in found.mappings()}
        jobs.sort(key=lambda job: job.next_poll_at)
        return tuple((job, by_id[job.version_id]) for job in jobs)

    async def renew_leases(self, *, owner: str, now: datetime, lease: timedelta) -> None:
        """Keep what `owner` has claimed and not lost for a `lease` from now on."""
        async with self._db.writing() as write:
            await write.execute(
                sa.update(fine_tune_jobs)
                .where(
                    fine_tune_jobs.c.ended_at.is_(None),
                    fine_tune_jobs.c.lease_owner == owner,
                    fine_tune_jobs.c.lease_until > now,
                )
                .values(lease_until=now + lease)
            )

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
        """Write what following learnt, all in one step. False: the lease is lost."""
        values: dict[str, Any] = {name: getattr(job, name) for name in _SAVED_JOB}
        values["hyperparameters"] = dict(job.hyperparameters)
        if release:
            values |= {"lease_owner": None, "lease_until": None}

        def saved(write: sa.Connection) -> bool:
            write.execute(_held(version.id))
            done = write.execute(
                sa.update(fine_tune_jobs)
                .where(
                    fine_tune_jobs.c.id == job.id,
                    fine_tune_jobs.c.lease_owner == owner,
                    fine_tune_jobs.c.lease_until > now,
                )
                .values(values)
            )
            if done.rowcount == 0:
                return False
            if release and job.ended_at is None:
                # Somebody asked to cancel while we worked: look again at once.
                write.execute(
                    sa.update(fine_tune_jobs)
                    .where(
                        fine_tune_jobs.c.id == job.id,
                        fine_tune_jobs.c.cancel_requested_at.is_not(None),
                        sa.literal(job.cancel_requested_at is None),
                    )
                    .values(next_poll_at=now)
                )
            self._save_version(write, version)
            for event in events:
                write.execute(
                    insert(self._db, fine_tune_events)
                    .values(
                        job_id=job.id,
                        remote_id=event.remote_id,
                        created_at=event.created_at,
                        level=event.level,
                        message=event.message,
                        data=dict(event.data),
                    )
                    .on_conflict_do_nothing()
                )
            add_notices(self._db, write, notices, now=now)
            for each in spent:
                add_spent(self._db, write, each)
            if job.ended_at is not None and version.estimated_cost:
                # Its estimate was counted when it began.
                began = budgets_of_training(version.avatar_id, version.created_at)
                change = (version.actual_cost or 0) - version.estimated_cost
                settle(self._db, write, began, change)
            if job.ended_at is not None and self._is_buried(write, version.id):
                write.execute(sa.delete(fine_tune_jobs).where(fine_tune_jobs.c.id == job.id))
            return True

        return await self._db.write(saved)

    @staticmethod
    def _save_version(write: sa.Connection, version: Version) -> None:
        values: dict[str, Any] = {name: getattr(version, name) for name in _SAVED_VERSION}
        write.execute(sa.update(versions).where(versions.c.id == version.id).values(values))
        # The provider's words are not written on a tombstone: it may have been deleted meanwhile.
        write.execute(
            sa.update(versions)
            .where(versions.c.id == version.id, versions.c.deleted_at.is_(None))
            .values(error=version.error, error_code=version.error_code)
        )

    @staticmethod
    def _is_buried(write: sa.Connection, version_id: int) -> bool:
        found = write.scalar(sa.select(versions.c.deleted_at).where(versions.c.id == version_id))
        return found is not None

    async def next_job_due(self) -> datetime | None:
        """When the earliest job that has not ended is due; None: no training runs."""
        async with self._db.reading() as read:
            return await read.scalar(
                sa.select(fine_tune_jobs.c.next_poll_at)
                .where(fine_tune_jobs.c.ended_at.is_(None))
                .order_by(fine_tune_jobs.c.next_poll_at)
                .limit(1)
            )


def _held(version_id: int) -> sa.Select[tuple[int]]:
    """Locks a version: before its job and its examples, as a deletion does. Two that lock crosswise
    would stop each other.
    """
    return (
        sa.select(versions.c.id).where(versions.c.id == version_id).with_for_update(key_share=True)
    )
