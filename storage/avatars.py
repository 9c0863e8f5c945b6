"""Avatars, and the pointers that say what is active."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AlreadyDone, AvatarNotFound
from avatar.language import tr
from avatar.records import Activation, Avatar, Axis, TrainingType, Why
from storage import rows
from storage.base import Base
from storage.door_tables import acquaintances
from storage.tables import (
    activations,
    avatar_owners,
    avatars,
    pictures,
    versions,
)

_KIND = {Axis.MODEL: TrainingType.FINE_TUNE, Axis.PROMPT: TrainingType.PROMPT_UPDATE}


def pointer_column(axis: Axis) -> sa.Column[Any]:
    """The column of `avatars` that says which version is active on an axis."""
    return avatars.c.active_prompt_id if axis is Axis.PROMPT else avatars.c.active_model_id


async def move_pointer(
    write: AsyncConnection,
    avatar: sa.RowMapping,
    axis: Axis,
    *,
    to: int | None,
    why: Why,
    person_id: int | None,
    now: datetime,
    cause: int | None = None,
) -> None:
    """Set a pointer of an avatar whose row is locked, and log it: no pointer moves otherwise."""
    column = pointer_column(axis)
    await write.execute(sa.update(avatars).where(avatars.c.id == avatar["id"]).values({column: to}))
    await write.execute(
        sa.insert(activations).values(
            avatar_id=avatar["id"],
            axis=axis.value,
            from_id=avatar[column.name],
            to_id=to,
            why=why.value,
            person_id=person_id,
            at=now,
            cause=cause,
        )
    )


class AvatarTables(Base):
    """Fulfils `avatar.stores.AvatarStore`."""

    async def add_avatar(
        self,
        *,
        slug: str,
        name: str,
        provider: str,
        base_model: str,
        owner_id: int,
        now: datetime,
        cause: int | None = None,
    ) -> Avatar:
        """Make one with its first owner. Raises AlreadyDone when the slug is taken."""
        try:
            async with self._db.writing() as write:
                made = await write.execute(
                    sa.insert(avatars)
                    .values(
                        slug=slug,
                        name=name,
                        provider=provider,
                        base_model=base_model,
                        visibility="public",
                        versions_made=0,
                        created_at=now,
                        cause=cause,
                    )
                    .returning(avatars)
                )
                row = made.mappings().one()
                await write.execute(
                    sa.insert(avatar_owners).values(
                        avatar_id=row["id"], person_id=owner_id, added_by=owner_id, added_at=now
                    )
                )
                return rows.avatar(row)
        except IntegrityError as error:
            if cause is not None:
                row = await self._row(sa.select(avatars).where(avatars.c.cause == cause))
                if row is not None:
                    return rows.avatar(row)
            if await self.avatar_by_slug(slug) is None:
                raise  # something else than the slug
            raise AlreadyDone(what=tr("There is an avatar called {slug}.", slug=slug)) from error

    async def avatar(self, avatar_id: int) -> Avatar:
        """Raises AvatarNotFound."""
        row = await self._row(sa.select(avatars).where(avatars.c.id == avatar_id))
        if row is None:
            raise AvatarNotFound(slug=str(avatar_id))
        return rows.avatar(row)

    async def avatar_by_slug(self, slug: str) -> Avatar | None:
        row = await self._row(sa.select(avatars).where(avatars.c.slug == slug))
        return None if row is None else rows.avatar(row)

    async def avatars(
        self, *, person_id: int | None, limit: int, offset: int = 0
    ) -> tuple[Avatar, ...]:
        """Those a person may see, oldest first; None: all."""
        query = sa.select(avatars).order_by(avatars.c.id).limit(limit).offset(offset)
        if person_id is not None:
            own = sa.select(avatar_owners.c.avatar_id).where(avatar_owners.c.person_id == person_id)
            met = sa.select(acquaintances.c.avatar_id).where(acquaintances.c.person_id == person_id)
            invited = met.where(
                acquaintances.c.invited_at.is_not(None), acquaintances.c.blocked_at.is_(None)
            )
            blocked = met.where(acquaintances.c.blocked_at.is_not(None))
            query = query.where(
                avatars.c.id.in_(own)
                | avatars.c.id.in_(invited)
                | ((avatars.c.visibility == "public") & avatars.c.id.not_in(blocked))
            )
        async with self._db.reading() as read:
            return tuple(rows.avatar(row) for row in (await read.execute(query)).mappings())

    async def set_visibility(self, avatar_id: int, visibility: str) -> bool:
        """False: it was so already."""
        async with self._db.writing() as write:
            result = await write.execute(
                sa.update(avatars)
                .where(avatars.c.id == avatar_id, avatars.c.visibility != visibility)
                .values(visibility=visibility)
            )
            return result.rowcount == 1

    async def set_base(
        self, avatar_id: int, *, expected: tuple[str, str], provider: str, base_model: str
    ) -> bool:
        """Another base model. False, and nothing changed: it is not `expected` any more."""
        async with self._db.writing() as write:
            result = await write.execute(
                sa.update(avatars)
                .where(
                    avatars.c.id == avatar_id,
                    avatars.c.provider == expected[0],
                    avatars.c.base_model == expected[1],
                )
                .values(provider=provider, base_model=base_model)
            )
            return result.rowcount == 1

    async def set_picture(self, avatar_id: int, *, mark: str | None, url: str | None) -> None:
        """What it looks like, as a data: URL; `mark` tells one picture from another."""
        async with self._db.writing() as write:
            await self._lock_avatar(write, avatar_id)
            await write.execute(sa.delete(pictures).where(pictures.c.avatar_id == avatar_id))
            await write.execute(
                sa.update(avatars).where(avatars.c.id == avatar_id).values(picture=mark)
            )
            if url is not None:
                await write.execute(sa.insert(pictures).values(avatar_id=avatar_id, url=url))

    async def picture(self, avatar_id: int) -> str | None:
        """A data: URL; None: it has none."""
        row = await self._row(sa.select(pictures.c.url).where(pictures.c.avatar_id == avatar_id))
        return None if row is None else str(row["url"])

    async def set_voice(self, avatar_id: int, voice: str | None) -> None:
        """With whose voice it answers voice messages; None: in writing only."""
        async with self._db.writing() as write:
            await write.execute(
                sa.update(avatars).where(avatars.c.id == avatar_id).values(voice=voice)
            )

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
        """Move a pointer from `expected` to `to` and log it, in one step."""
        column = pointer_column(axis)
        async with self._db.writing() as write:
            avatar = await self._lock_avatar(write, avatar_id)
            if cause is not None and await self._caused(write, cause):
                return True
            if avatar is None or avatar[column.name] != expected:
                return False
            if to is not None and not await self._can_be_active(write, avatar_id, axis, to):
                return False
            await move_pointer(
                write, avatar, axis, to=to, why=why, person_id=person_id, now=now, cause=cause
            )
            return True

    @staticmethod
    async def _caused(write: AsyncConnection, cause: int) -> bool:
        found = await write.execute(sa.select(activations.c.id).where(activations.c.cause == cause))
        return found.first() is not None

    @staticmethod
    async def _can_be_active(
        write: AsyncConnection, avatar_id: int, axis: Axis, version_id: int
    ) -> bool:
        found = await write.execute(
            sa.select(versions.c.id).where(
                versions.c.id == version_id,
                versions.c.avatar_id == avatar_id,
                versions.c.training_type == _KIND[axis].value,
                versions.c.status == "completed",
                versions.c.deleted_at.is_(None),
            )
        )
        return found.first() is not None

    async def last_activation(self, avatar_id: int) -> Activation | None:
        newest = await self.activations(avatar_id, limit=1)
        return newest[0] if newest else None

    async def activation_of(self, cause: int) -> Activation | None:
        """The one that this inbox id asked for, if it was carried out."""
        row = await self._row(sa.select(activations).where(activations.c.cause == cause))
        return None if row is None else rows.activation(row)

    async def activations(self, avatar_id: int, *, limit: int) -> tuple[Activation, ...]:
        """Newest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(activations)
                .where(activations.c.avatar_id == avatar_id)
                .order_by(activations.c.id.desc())
                .limit(limit)
            )
            return tuple(rows.activation(row) for row in found.mappings())
