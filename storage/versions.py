"""Versions: the Learning Path."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AvatarNotFound
from avatar.records import Axis, Example, Job, Status, TrainingType, Version, Why
from storage import plain
from storage.avatars import POINTER, caused, lock_avatar, point
from storage.rows import Part, insert, record
from storage.tables import avatars, examples, jobs, versions


async def next_number(connection: AsyncConnection, avatar_id: int) -> int:
    """The avatar's next number, which is given only once. Raises AvatarNotFound."""
    counted = await connection.execute(
        update(avatars)
        .where(avatars.c.id == avatar_id)
        .values(versions_made=avatars.c.versions_made + 1)
        .returning(avatars.c.versions_made)
    )
    number = counted.scalar_one_or_none()
    if number is None:
        raise AvatarNotFound(slug=avatar_id)
    return int(number)


async def find_version(connection: AsyncConnection, version_id: int | None) -> Version | None:
    """A version by its id, also a tombstone."""
    if version_id is None:
        return None
    row = (
        await connection.execute(select(versions).where(versions.c.id == version_id))
    ).one_or_none()
    return None if row is None else record(Version, row)


class VersionsPart(Part):
    """The store's methods about versions."""

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
        async with self._database.writing() as connection:
            avatar = await lock_avatar(connection, avatar_id)
            if avatar is None:
                raise AvatarNotFound(slug=avatar_id)
            before = await caused(connection, cause)
            if before is not None:
                made = await find_version(connection, before.to_id)
                if made is not None:
                    return made
            number = await next_number(connection, avatar_id)
            added = await connection.execute(
                insert(connection, versions)
                .values(
                    avatar_id=avatar_id,
                    number=number,
                    training_type=TrainingType.PROMPT_UPDATE,
                    status=Status.COMPLETED,
                    note=note,
                    created_by=person_id,
                    created_at=now,
                    prompt=prompt,
                    finished_at=now,
                )
                .returning(*versions.c)
            )
            version = record(Version, added.one())
            await point(
                connection,
                avatar_id=avatar_id,
                axis=Axis.PROMPT,
                before=avatar.active_prompt_id,
                to=version.id,
                why=Why.TRAINED,
                person_id=person_id,
                now=now,
                cause=cause,
            )
            return version

    async def version(self, version_id: int) -> Version | None:
        async with self._database.reading() as connection:
            return await find_version(connection, version_id)

    async def version_by_number(self, avatar_id: int, number: int) -> Version | None:
        query = select(versions).where(
            versions.c.avatar_id == avatar_id, versions.c.number == number
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(Version, row)

    async def history(self, avatar_id: int, *, limit: int, offset: int) -> tuple[Version, ...]:
        query = (
            select(versions)
            .where(versions.c.avatar_id == avatar_id, versions.c.deleted_at.is_(None))
            .order_by(versions.c.number.desc())
            .limit(limit)
            .offset(offset)
        )
        async with self._database.reading() as connection:
            return tuple(record(Version, row) for row in await connection.execute(query))

    async def trainings(self, avatar_id: int, *, limit: int) -> tuple[tuple[Version, Job], ...]:
        query = (
            select(versions)
            .where(
                versions.c.avatar_id == avatar_id,
                versions.c.status == Status.TRAINING,
                versions.c.deleted_at.is_(None),
            )
            .order_by(versions.c.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            found = [record(Version, row) for row in await connection.execute(query)]
            their_jobs = await connection.execute(
                select(jobs).where(jobs.c.version_id.in_([version.id for version in found]))
            )
            by_version = {row.version_id: record(Job, row) for row in their_jobs}
        return tuple((each, by_version[each.id]) for each in found if each.id in by_version)

    async def set_note(self, version_id: int, note: str) -> bool:
        async with self._database.writing() as connection:
            written = await connection.execute(
                update(versions)
                .where(versions.c.id == version_id, versions.c.deleted_at.is_(None))
                .values(note=note)
            )
            return written.rowcount > 0

    async def delete_version(
        self, version_id: int, *, person_id: int | None, now: datetime
    ) -> bool:
        async with self._database.writing() as connection:
            found = await find_version(connection, version_id)
            if found is None:
                return False
            avatar = await lock_avatar(connection, found.avatar_id)
            buried = await connection.execute(
                update(versions)
                .where(versions.c.id == version_id, versions.c.deleted_at.is_(None))
                .values(deleted_at=now, prompt=None, note="", error=None, error_code=None)
            )
            if avatar is None or buried.rowcount == 0:
                return False
            await _point_away(connection, avatar, version_id, person_id=person_id, now=now)
            await connection.execute(delete(examples).where(examples.c.version_id == version_id))
            await connection.execute(
                delete(jobs).where(jobs.c.version_id == version_id, jobs.c.ended_at.is_not(None))
            )
            await cancel_job(connection, version_id, now=now)
            return True

    async def model_deleted(self, version_id: int, *, now: datetime) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(versions).where(versions.c.id == version_id).values(model_deleted_at=now)
            )

    async def examples(
        self, version_id: int, *, limit: int, offset: int = 0
    ) -> tuple[Example, ...]:
        # Positions have no gaps, so a page is found by them instead of by counting rows.
        query = (
            select(examples.c.content, examples.c.tokens, examples.c.source)
            .where(
                examples.c.version_id == version_id,
                examples.c.position >= offset,
                examples.c.position < offset + limit,
            )
            .order_by(examples.c.position)
        )
        async with self._database.reading() as connection:
            rows = [
                (row.content, row.tokens, row.source) for row in await connection.execute(query)
            ]
        return await asyncio.to_thread(plain.to_examples, rows)


async def cancel_job(connection: AsyncConnection, version_id: int, *, now: datetime) -> bool:
    """Ask for the end of a version's job, due at once. False: it has ended, or there is none."""
    asked = await connection.execute(
        update(jobs)
        .where(jobs.c.version_id == version_id, jobs.c.ended_at.is_(None))
        .values(
            cancel_requested_at=func.coalesce(jobs.c.cancel_requested_at, now), next_poll_at=now
        )
    )
    return asked.rowcount > 0


async def _point_away(
    connection: AsyncConnection,
    avatar: Row[Any],
    version_id: int,
    *,
    person_id: int | None,
    now: datetime,
) -> None:
    for axis, pointer in POINTER.items():
        if avatar._mapping[pointer.name] == version_id:
            await point(
                connection,
                avatar_id=avatar.id,
                axis=axis,
                before=version_id,
                to=None,
                why=Why.DELETED,
                person_id=person_id,
                now=now,
            )
