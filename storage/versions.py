"""The Learning Path."""

import asyncio
import json
from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AvatarNotFound
from avatar.records import Axis, Example, Job, Status, TrainingType, Version, Why
from storage import rows
from storage.avatars import move_pointer, pointer_column
from storage.base import Base
from storage.columns import Moment
from storage.tables import avatar_owners, avatars, fine_tune_jobs, training_examples, versions

_ASKED = 500  # models a query


async def next_number(write: AsyncConnection, avatar_id: int) -> int:
    """The next number of an avatar's versions. Its row is locked; numbers are never reused."""
    made = await write.execute(
        sa.update(avatars)
        .where(avatars.c.id == avatar_id)
        .values(versions_made=avatars.c.versions_made + 1)
        .returning(avatars.c.versions_made)
    )
    return int(made.scalar_one())


class VersionTables(Base):
    """Fulfils `avatar.stores.VersionStore`."""

    async def add_prompt(
        self,
        *,
        avatar_id: int,
        prompt: str,
        note: str,
        person_id: int | None,
        now: datetime,
        cause: int | None = None,
    ) -> Version:
        """The next number, completed, and active at once."""
        async with self._db.writing() as write:
            avatar = await self._lock_avatar(write, avatar_id)
            if avatar is None:
                raise AvatarNotFound(slug=str(avatar_id))
            if cause is not None:
                found = await write.execute(sa.select(versions).where(versions.c.cause == cause))
                if (made := found.mappings().one_or_none()) is not None:
                    return rows.version(made)
            row = (
                (
                    await write.execute(
                        sa.insert(versions)
                        .values(
                            avatar_id=avatar_id,
                            number=await next_number(write, avatar_id),
                            training_type=TrainingType.PROMPT_UPDATE.value,
                            status=Status.COMPLETED.value,
                            note=note,
                            created_by=person_id,
                            created_at=now,
                            prompt=prompt,
                            example_count=0,
                            cause=cause,
                        )
                        .returning(versions)
                    )
                )
                .mappings()
                .one()
            )
            await move_pointer(
                write,
                avatar,
                Axis.PROMPT,
                to=row["id"],
                why=Why.TRAINED,
                person_id=person_id,
                now=now,
            )
            return rows.version(row)

    async def add_adopted(
        self,
        *,
        avatar_id: int,
        provider: str,
        base_model: str,
        model: str,
        person_id: int | None,
        now: datetime,
    ) -> Version | None:
        """A completed version of a model that was made elsewhere."""
        async with self._db.writing() as write:
            if await self._lock_avatar(write, avatar_id) is None:
                raise AvatarNotFound(slug=str(avatar_id))
            known = await write.execute(
                sa.select(versions.c.id).where(
                    _tuned(avatar_id),
                    versions.c.provider == provider,
                    versions.c.fine_tuned_model_id == model,
                )
            )
            if known.first() is not None:
                return None
            made = await write.execute(
                sa.insert(versions)
                .values(
                    avatar_id=avatar_id,
                    number=await next_number(write, avatar_id),
                    training_type=TrainingType.FINE_TUNE.value,
                    status=Status.COMPLETED.value,
                    note="adopted",
                    created_by=person_id,
                    created_at=now,
                    provider=provider,
                    base_model=base_model,
                    fine_tuned_model_id=model,
                    example_count=0,
                )
                .returning(versions)
            )
            return rows.version(made.mappings().one())

    async def models_of(self, avatar_id: int) -> frozenset[tuple[str, str]]:
        """(provider, model) of every living fine-tuned version."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(versions.c.provider, versions.c.fine_tuned_model_id).where(
                    _tuned(avatar_id)
                )
            )
            return frozenset((row.provider or "", row.fine_tuned_model_id) for row in found)

    async def has_living(self, provider: str, model: str) -> bool:
        """Whether a living version of any avatar has that model."""
        row = await self._row(
            sa.select(versions.c.id)
            .where(
                _LIVING_MODEL,
                versions.c.provider == provider,
                versions.c.fine_tuned_model_id == model,
            )
            .limit(1)
        )
        return row is not None

    async def of_others(
        self, person_id: int, models: Collection[tuple[str, str]]
    ) -> frozenset[tuple[str, str]]:
        """Those that were made for avatars, or taken by some, of which the person owns none.
        Deleted versions count: their models are at the provider still.
        """
        asked = list(models)
        owned = sa.exists().where(
            avatar_owners.c.avatar_id == versions.c.avatar_id,
            avatar_owners.c.person_id == person_id,
        )
        held: set[tuple[str, str]] = set()
        own: set[tuple[str, str]] = set()
        async with self._db.reading() as read:
            for start in range(0, len(asked), _ASKED):
                names = {model for _, model in asked[start : start + _ASKED]}
                found = await read.execute(
                    sa.select(
                        versions.c.provider, versions.c.fine_tuned_model_id, owned.label("owned")
                    ).where(versions.c.fine_tuned_model_id.in_(names))
                )
                for row in found:
                    (own if row.owned else held).add((row.provider or "", row.fine_tuned_model_id))
        return frozenset((held - own) & set(asked))

    async def fine_tunes(self, *, after: int, limit: int) -> tuple[Version, ...]:
        """Living versions with a model, of all avatars, by id."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(versions)
                .where(versions.c.id > after, _LIVING_MODEL)
                .order_by(versions.c.id)
                .limit(limit)
            )
            return tuple(rows.version(row) for row in found.mappings())

    async def version(self, version_id: int | None) -> Version | None:
        """Also a tombstone; None: never existed."""
        return None if version_id is None else await self._one(versions.c.id == version_id)

    async def version_by_number(self, avatar_id: int, number: int) -> Version | None:
        """Also a tombstone; None: never existed."""
        return await self._one((versions.c.avatar_id == avatar_id) & (versions.c.number == number))

    async def _one(self, where: sa.ColumnElement[bool]) -> Version | None:
        row = await self._row(sa.select(versions).where(where))
        return None if row is None else rows.version(row)

    async def history(self, avatar_id: int, *, limit: int, offset: int) -> tuple[Version, ...]:
        """Newest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(versions)
                .where(versions.c.avatar_id == avatar_id, versions.c.deleted_at.is_(None))
                .order_by(versions.c.number.desc())
                .limit(limit)
                .offset(offset)
            )
            return tuple(rows.version(row) for row in found.mappings())

    async def trainings(self, avatar_id: int, *, limit: int) -> tuple[tuple[Version, Job], ...]:
        """Those in progress, oldest first."""
        living = sa.text(
            "avatar_training_data.status = 'training' AND avatar_training_data.deleted_at IS NULL"
        )
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(versions)
                .where(versions.c.avatar_id == avatar_id, living)
                .order_by(versions.c.number)
                .limit(limit)
            )
            training = [rows.version(row) for row in found.mappings()]
            jobs = await read.execute(
                sa.select(fine_tune_jobs).where(
                    fine_tune_jobs.c.version_id.in_([version.id for version in training])
                )
            )
            by_version = {row["version_id"]: rows.job(row) for row in jobs.mappings()}
        return tuple((v, by_version[v.id]) for v in training if v.id in by_version)

    async def set_note(self, version_id: int, note: str) -> bool:
        """False: it is deleted or never existed."""
        async with self._db.writing() as write:
            result = await write.execute(
                sa.update(versions)
                .where(versions.c.id == version_id, versions.c.deleted_at.is_(None))
                .values(note=note)
            )
            return result.rowcount == 1

    async def delete_version(
        self, version_id: int, *, person_id: int | None, now: datetime
    ) -> bool:
        """Make it a tombstone; see the port."""
        async with self._db.writing() as write:
            avatar_id = await write.scalar(
                sa.select(versions.c.avatar_id).where(versions.c.id == version_id)
            )
            if avatar_id is None:
                return False
            avatar = await self._lock_avatar(write, avatar_id)
            buried = await write.execute(
                sa.update(versions)
                .where(versions.c.id == version_id, versions.c.deleted_at.is_(None))
                .values(deleted_at=now, prompt=None, note="", error=None, source=None)
            )
            if buried.rowcount == 0 or avatar is None:
                return False
            for axis in Axis:
                if avatar[pointer_column(axis).name] == version_id:
                    await move_pointer(
                        write,
                        avatar,
                        axis,
                        to=None,
                        why=Why.DELETED,
                        person_id=person_id,
                        now=now,
                    )
            await write.execute(
                sa.delete(training_examples).where(training_examples.c.version_id == version_id)
            )
            job = fine_tune_jobs.c.version_id == version_id
            await write.execute(
                sa.delete(fine_tune_jobs).where(job, fine_tune_jobs.c.ended_at.is_not(None))
            )
            # One that runs stays until the follower has seen its end: what is paid is counted.
            await write.execute(
                sa.update(fine_tune_jobs)
                .where(job)
                .values(
                    cancel_requested_at=sa.func.coalesce(
                        fine_tune_jobs.c.cancel_requested_at, sa.bindparam("at", now, Moment())
                    ),
                    next_poll_at=now,
                    progress_message_id=None,
                )
            )
            return True

    async def model_deleted(self, version_id: int, *, now: datetime) -> None:
        """Remember that the provider's model of this version is gone by our wish."""
        async with self._db.writing() as write:
            await write.execute(
                sa.update(versions).where(versions.c.id == version_id).values(model_deleted_at=now)
            )

    async def examples(
        self, version_id: int, *, limit: int, offset: int = 0
    ) -> tuple[Example, ...]:
        """In order."""
        async with self._db.reading() as read:
            found = await read.execute(
                # As text: thousands of examples are decoded off the loop.
                sa.select(
                    sa.cast(training_examples.c.turns, sa.Text).label("turns"),
                    training_examples.c.tokens,
                    training_examples.c.source,
                    training_examples.c.rejected,
                    training_examples.c.messages,
                    training_examples.c.people,
                )
                .where(
                    training_examples.c.version_id == version_id,
                    training_examples.c.held_out.is_(False),
                )
                .order_by(training_examples.c.position)
                .limit(limit)
                .offset(offset)
            )
            stored = found.mappings().all()
        return await asyncio.to_thread(_decoded, stored)


_LIVING_MODEL = sa.text(
    "avatar_training_data.fine_tuned_model_id IS NOT NULL AND "
    "avatar_training_data.deleted_at IS NULL"
)


def _tuned(avatar_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(versions.c.avatar_id == avatar_id, _LIVING_MODEL)


def _decoded(stored: Sequence[rows.Row]) -> tuple[Example, ...]:
    return tuple(rows.example({**row, "turns": json.loads(row["turns"])}) for row in stored)
