"""Who met which avatar: invitations and blocks."""

from datetime import datetime
from functools import cache

import sqlalchemy as sa

from avatar.access import Standing
from avatar.records import Acquaintance, Invitation, Role
from storage import rows
from storage.base import Base, insert, insert_into
from storage.door_tables import acquaintances, invitations
from storage.prepared import Prepared
from storage.tables import (
    avatar_owners,
    messages,
    people,
)


@cache
def _meeting(is_sqlite: bool) -> Prepared:
    return Prepared(insert_into(acquaintances, is_sqlite=is_sqlite).on_conflict_do_nothing())


class AcquaintanceTables(Base):
    """Fulfils `avatar.door_stores.AcquaintanceStore`."""

    async def standing(self, avatar_id: int, person_id: int) -> Standing:
        """What a person is to an avatar."""
        async with self._db.reading() as read:
            owned = await read.scalar(
                sa.select(avatar_owners.c.id).where(
                    avatar_owners.c.avatar_id == avatar_id, avatar_owners.c.person_id == person_id
                )
            )
            found = await read.execute(
                sa.select(acquaintances).where(
                    acquaintances.c.avatar_id == avatar_id, acquaintances.c.person_id == person_id
                )
            )
            row = found.mappings().one_or_none()
        return Standing(
            owns=owned is not None,
            met=row is not None,
            invited=row is not None and row["invited_at"] is not None,
            blocked=row is not None and row["blocked_at"] is not None,
        )

    async def meet(self, avatar_id: int, person_id: int, *, now: datetime) -> None:
        """Remember that they talked."""

        def met(write: sa.Connection) -> None:
            met = {"avatar_id": avatar_id, "person_id": person_id, "met_at": now}
            _meeting(self._db.is_sqlite).tuples(write, met)

        await self._db.write(met)

    async def acquaintances(
        self, avatar_id: int, *, limit: int, offset: int
    ) -> tuple[Acquaintance, ...]:
        """Those whom an avatar met last come first."""
        replies = (
            sa.select(sa.func.count())
            .where(
                messages.c.person_id == acquaintances.c.person_id,
                messages.c.avatar_id == avatar_id,
                messages.c.role == Role.ASSISTANT.value,
            )
            .scalar_subquery()
        )
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(
                    people,
                    acquaintances.c.met_at,
                    acquaintances.c.invited_at,
                    acquaintances.c.blocked_at,
                    replies.label("replies"),
                )
                .select_from(acquaintances)
                .join(people, people.c.id == acquaintances.c.person_id)
                .where(acquaintances.c.avatar_id == avatar_id)
                .order_by(acquaintances.c.id.desc())
                .limit(limit)
                .offset(offset)
            )
            return tuple(
                Acquaintance(
                    person=rows.person(row),
                    met_at=row["met_at"],
                    replies=row["replies"],
                    invited=row["invited_at"] is not None,
                    blocked=row["blocked_at"] is not None,
                )
                for row in found.mappings()
            )

    async def block(self, avatar_id: int, person_id: int, *, now: datetime) -> bool:
        """False: they were blocked already."""
        async with self._db.writing() as write:
            statement = insert(self._db, acquaintances).values(
                avatar_id=avatar_id, person_id=person_id, met_at=now, blocked_at=now
            )
            done = await write.execute(
                statement.on_conflict_do_update(
                    index_elements=["avatar_id", "person_id"],
                    set_={"blocked_at": now},
                    where=acquaintances.c.blocked_at.is_(None),
                ).returning(acquaintances.c.id)
            )
            return done.first() is not None

    async def unblock(self, avatar_id: int, person_id: int) -> bool:
        """False: they were not blocked."""
        async with self._db.writing() as write:
            done = await write.execute(
                sa.update(acquaintances)
                .where(
                    acquaintances.c.avatar_id == avatar_id,
                    acquaintances.c.person_id == person_id,
                    acquaintances.c.blocked_at.is_not(None),
                )
                .values(blocked_at=None)
            )
            return done.rowcount == 1

    # --- invitations

    async def add_invitation(
        self,
        avatar_id: int,
        *,
        by: int,
        code_hash: str,
        most_uses: int,
        now: datetime,
        expires_at: datetime,
    ) -> Invitation:
        async with self._db.writing() as write:
            made = await write.execute(
                sa.insert(invitations)
                .values(
                    avatar_id=avatar_id,
                    made_by=by,
                    code_hash=code_hash,
                    made_at=now,
                    expires_at=expires_at,
                    uses=0,
                    most_uses=most_uses,
                )
                .returning(invitations)
            )
            return _invitation(made.mappings().one())

    async def invitations(
        self, avatar_id: int, *, now: datetime, limit: int
    ) -> tuple[Invitation, ...]:
        """Those that can still be used, newest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(invitations)
                .where(invitations.c.avatar_id == avatar_id, _open(now))
                .order_by(invitations.c.id.desc())
                .limit(limit)
            )
            return tuple(_invitation(row) for row in found.mappings())

    async def invitation(self, invitation_id: int) -> Invitation | None:
        row = await self._row(sa.select(invitations).where(invitations.c.id == invitation_id))
        return None if row is None else _invitation(row)

    async def revoke_invitation(self, invitation_id: int, *, now: datetime) -> bool:
        """False: it could not be used any more."""
        async with self._db.writing() as write:
            done = await write.execute(
                sa.update(invitations)
                .where(invitations.c.id == invitation_id, _open(now))
                .values(expires_at=now)
            )
            return done.rowcount == 1

    async def use_invitation(self, code_hash: str, person_id: int, *, now: datetime) -> int | None:
        """Let a person in, in one step: the avatar's id."""
        async with self._db.writing() as write:
            # Locked, so that two who are the last ones cannot both be it.
            found = await write.execute(
                sa.select(invitations.c.id, invitations.c.avatar_id)
                .where(invitations.c.code_hash == code_hash, _open(now))
                .with_for_update()
            )
            if (invitation := found.one_or_none()) is None:
                return None
            avatar_id: int = invitation.avatar_id
            owned = await write.scalar(
                sa.select(avatar_owners.c.id).where(
                    avatar_owners.c.avatar_id == avatar_id, avatar_owners.c.person_id == person_id
                )
            )
            known = await write.execute(
                sa.select(acquaintances).where(
                    acquaintances.c.avatar_id == avatar_id, acquaintances.c.person_id == person_id
                )
            )
            row = known.mappings().one_or_none()
            if row is not None and row["blocked_at"] is not None:
                return None
            if owned is not None or (row is not None and row["invited_at"] is not None):
                return avatar_id
            statement = insert(self._db, acquaintances).values(
                avatar_id=avatar_id, person_id=person_id, met_at=now, invited_at=now
            )
            await write.execute(
                statement.on_conflict_do_update(
                    index_elements=["avatar_id", "person_id"], set_={"invited_at": now}
                )
            )
            await write.execute(
                sa.update(invitations)
                .where(invitations.c.id == invitation.id)
                .values(uses=invitations.c.uses + 1)
            )
            return avatar_id


def _open(now: datetime) -> sa.ColumnElement[bool]:
    return (invitations.c.expires_at > now) & (invitations.c.uses < invitations.c.most_uses)


def _invitation(row: rows.Row) -> Invitation:
    return Invitation(
        id=row["id"],
        avatar_id=row["avatar_id"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        uses=row["uses"],
        most_uses=row["most_uses"],
    )
