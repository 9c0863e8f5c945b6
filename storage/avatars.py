"""Avatars, and the pointers that say what is active."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AlreadyDone, AvatarNotFound
from avatar.records import Activation, Avatar, Axis, Status, TrainingType, Why
from storage.rows import Part, insert, record
from storage.tables import activations, avatar_owners, avatars, versions

POINTER: dict[Axis, Column[Any]] = {
    Axis.PROMPT: avatars.c.active_prompt_id,
    Axis.MODEL: avatars.c.active_model_id,
}
_KIND = {Axis.PROMPT: TrainingType.PROMPT_UPDATE, Axis.MODEL: TrainingType.FINE_TUNE}


async def find_avatar(connection: AsyncConnection, avatar_id: int) -> Avatar:
    """Raises AvatarNotFound."""
    row = (await connection.execute(select(avatars).where(avatars.c.id == avatar_id))).one_or_none()
    if row is None:
        raise AvatarNotFound(slug=avatar_id)
    return record(Avatar, row)


async def lock_avatar(connection: AsyncConnection, avatar_id: int) -> Row[Any] | None:
    """The avatar's row, which nobody else changes until the transaction ends.

    Every change of a version or a pointer takes this lock first. On SQLite the transaction holds
    the lock of the whole database already, and FOR UPDATE is left out.
    """
    query = select(avatars).where(avatars.c.id == avatar_id).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def point(
    connection: AsyncConnection,
    *,
    avatar_id: int,
    axis: Axis,
    before: int | None,
    to: int | None,
    why: Why,
    person_id: int | None,
    now: datetime,
    cause: int | None = None,
) -> None:
    """Move a pointer of a locked avatar and log it."""
    await connection.execute(
        update(avatars).where(avatars.c.id == avatar_id).values({POINTER[axis]: to})
    )
    await connection.execute(
        insert(connection, activations).values(
            avatar_id=avatar_id,
            axis=axis,
            from_id=before,
            to_id=to,
            why=why,
            person_id=person_id,
            at=now,
            cause=cause,
        )
    )


async def caused(connection: AsyncConnection, cause: int | None) -> Row[Any] | None:
    """The change of a pointer that an incoming message has made already."""
    if cause is None:
        return None
    query = select(activations).where(activations.c.cause == cause)
    return (await connection.execute(query)).one_or_none()


class AvatarsPart(Part):
    """The store's methods about avatars and pointers."""

    async def add_avatar(
        self, *, slug: str, name: str, provider: str, base_model: str, owner_id: int, now: datetime
    ) -> Avatar:
        async with self._database.writing() as connection:
            made = await connection.execute(
                insert(connection, avatars)
                .values(
                    slug=slug, name=name, provider=provider, base_model=base_model, created_at=now
                )
                .on_conflict_do_nothing(index_elements=["slug"])
                .returning(*avatars.c)
            )
            row = made.one_or_none()
            if row is None:
                raise AlreadyDone(what=f'There is an avatar called "{slug}".')
            await connection.execute(
                insert(connection, avatar_owners).values(
                    avatar_id=row.id, person_id=owner_id, added_at=now
                )
            )
            return record(Avatar, row)

    async def avatar(self, avatar_id: int) -> Avatar:
        async with self._database.reading() as connection:
            return await find_avatar(connection, avatar_id)

    async def avatar_by_slug(self, slug: str) -> Avatar | None:
        query = select(avatars).where(avatars.c.slug == slug)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(Avatar, row)

    async def avatars(
        self, *, person_id: int | None, limit: int, offset: int = 0
    ) -> tuple[Avatar, ...]:
        query = select(avatars).order_by(avatars.c.id).limit(limit).offset(offset)
        if person_id is not None:
            owned = select(avatar_owners.c.avatar_id).where(avatar_owners.c.person_id == person_id)
            query = query.where(or_(avatars.c.visibility == "public", avatars.c.id.in_(owned)))
        async with self._database.reading() as connection:
            return tuple(record(Avatar, row) for row in await connection.execute(query))

    async def switch(
        self,
        *,
        avatar_id: int,
        axis: Axis,
        expected: int | None,
        to: int | None,
        why: Why,
        person_id: int | None,
        now: datetime,
        cause: int | None = None,
    ) -> bool:
        async with self._database.writing() as connection:
            avatar = await lock_avatar(connection, avatar_id)
            if await caused(connection, cause) is not None:
                return True
            if avatar is None or avatar._mapping[POINTER[axis].name] != expected:
                return False
            if to is not None and not await _can_be_active(connection, avatar_id, axis, to):
                return False
            await point(
                connection,
                avatar_id=avatar_id,
                axis=axis,
                before=expected,
                to=to,
                why=why,
                person_id=person_id,
                now=now,
                cause=cause,
            )
            return True

    async def last_activation(self, avatar_id: int) -> Activation | None:
        return next(iter(await self.activations(avatar_id, limit=1)), None)

    async def activations(self, avatar_id: int, *, limit: int) -> tuple[Activation, ...]:
        query = (
            select(activations)
            .where(activations.c.avatar_id == avatar_id)
            .order_by(activations.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows: Iterable[Row[Any]] = await connection.execute(query)
            return tuple(record(Activation, row) for row in rows)


async def _can_be_active(
    connection: AsyncConnection, avatar_id: int, axis: Axis, version_id: int
) -> bool:
    query = select(versions.c.id).where(
        versions.c.id == version_id,
        versions.c.avatar_id == avatar_id,
        versions.c.training_type == _KIND[axis],
        versions.c.status == Status.COMPLETED,
        versions.c.deleted_at.is_(None),
    )
    return (await connection.execute(query)).one_or_none() is not None
