"""Better answers that owners gave in the chat."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from avatar.records import Taught, Turn
from storage import rows
from storage.base import Base, insert
from storage.tables import taught, taught_people


class TaughtTables(Base):
    """Fulfils `avatar.training_stores.TaughtStore`."""

    async def teach(
        self,
        *,
        avatar_id: int,
        person_id: int,
        turns: Sequence[Turn],
        better: str,
        worse: str,
        now: datetime,
        cause: int,
        reply_id: int | None = None,
        liked: bool = False,
        people: Collection[int] = (),
    ) -> Taught:
        """A second call with the same cause, or liking the same reply, returns what the first
        made.
        """
        async with self._db.writing() as write:
            if liked:
                await self._lock_avatar(write, avatar_id)  # against another thumb at this moment
                there = await write.execute(
                    sa.select(taught).where(taught.c.reply_id == reply_id, taught.c.liked)
                )
                if (row := there.mappings().first()) is not None:
                    return rows.taught(row)
            made = await write.execute(
                insert(self._db, taught)
                .values(
                    avatar_id=avatar_id,
                    person_id=person_id,
                    turns=[[turn.role.value, turn.text] for turn in turns],
                    better=better,
                    worse=worse,
                    created_at=now,
                    cause=cause,
                    reply_id=reply_id,
                    liked=liked,
                )
                .on_conflict_do_nothing(index_elements=["cause"])
                .returning(taught.c.id)
            )
            new = made.scalar_one_or_none()
            if new is not None and people:
                whose = [{"taught_id": new, "person_id": each} for each in sorted(set(people))]
                await write.execute(sa.insert(taught_people), whose)
            found = await write.execute(sa.select(taught).where(taught.c.cause == cause))
            return rows.taught(found.mappings().one())

    async def unlike(self, reply_id: int, *, person_id: int) -> bool:
        """Delete what a person's thumbs-up made of a reply."""
        async with self._db.writing() as write:
            result = await write.execute(
                sa.delete(taught).where(
                    taught.c.reply_id == reply_id, taught.c.liked, taught.c.person_id == person_id
                )
            )
            return result.rowcount > 0

    async def taught(self, avatar_id: int, *, limit: int, offset: int) -> tuple[Taught, ...]:
        """Newest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(taught)
                .where(taught.c.avatar_id == avatar_id)
                .order_by(taught.c.id.desc())
                .limit(limit)
                .offset(offset)
            )
            return tuple(rows.taught(row) for row in found.mappings())

    async def count_taught(self, avatar_id: int) -> int:
        async with self._db.reading() as read:
            count = await read.scalar(
                sa.select(sa.func.count()).where(taught.c.avatar_id == avatar_id)
            )
            return int(count or 0)

    async def taught_one(self, taught_id: int) -> Taught | None:
        row = await self._row(sa.select(taught).where(taught.c.id == taught_id))
        return None if row is None else rows.taught(row)

    async def unteach(self, taught_id: int) -> bool:
        """False: it is gone already."""
        async with self._db.writing() as write:
            result = await write.execute(sa.delete(taught).where(taught.c.id == taught_id))
            return result.rowcount == 1
