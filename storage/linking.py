"""One person on several platforms: one row an account, all of which name the first one."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.door_stores import LinkGuess
from avatar.records import Person
from storage import rows
from storage.base import Base, insert
from storage.door_tables import acquaintances, budgets, guesses, links
from storage.people import is_of
from storage.tables import (
    accounts,
    avatar_owners,
    bots,
    confirmations,
    imports,
    messages,
    people,
    taught_people,
    training_drafts,
)

# What follows a person who is joined with another. Each has an index by the person.
MOVED = (
    messages,
    training_drafts,
    imports,
    confirmations,
    links,
    guesses,
    bots,
    accounts,  # one a platform, and joined accounts are on different ones
    taught_people,
)
# Likewise, but both may have one of the same avatar.
MERGED = (avatar_owners, acquaintances)
# Who once did something: their row stays, with its name, and is read as the account it was.
KEPT_AS_WRITTEN = (
    "activations.person_id",
    "avatar_owners.added_by",
    "avatar_training_data.created_by",
    "invitations.made_by",
    "taught.person_id",
)


class LinkTables(Base):
    """Fulfils `avatar.door_stores.LinkStore`."""

    async def add_link(self, person_id: int, *, code_hash: str, expires_at: datetime) -> None:
        """A code that joins somebody's accounts; earlier ones of this person are void."""
        async with self._db.writing() as write:
            await write.execute(sa.delete(links).where(links.c.person_id == person_id))
            await write.execute(
                sa.insert(links).values(
                    person_id=person_id, code_hash=code_hash, expires_at=expires_at
                )
            )

    async def guess_link(
        self,
        code_hash: str,
        person_id: int,
        *,
        now: datetime,
        since: datetime,
        most_own: int,
        most_all: int,
    ) -> tuple[LinkGuess, int | None]:
        """Use a code up, in one step; with RIGHT, whose it was."""
        async with self._db.writing() as write:
            if not self._db.is_sqlite:  # there a writing transaction is alone
                await write.execute(sa.text("LOCK TABLE guesses IN SHARE ROW EXCLUSIVE MODE"))
            recent = (guesses.c.at > since) & (guesses.c.at <= now)  # the clock may have gone back
            own = sa.select(sa.func.count()).where(guesses.c.person_id == person_id, recent)
            every = sa.select(sa.func.count()).where(recent)
            if (await write.scalar(own) or 0) >= most_own:
                return LinkGuess.TOO_MANY, None
            if (await write.scalar(every) or 0) >= most_all:
                return LinkGuess.TOO_MANY, None
            is_open = (
                (links.c.code_hash == code_hash)
                & (links.c.expires_at > now)
                & links.c.used_at.is_(None)
            )
            found = await write.execute(
                sa.select(links.c.id, links.c.person_id).where(is_open).with_for_update()
            )
            link = found.one_or_none()
            if link is None:
                await write.execute(sa.insert(guesses).values(person_id=person_id, at=now))
                return LinkGuess.WRONG, None
            maker = await _first(write, link.person_id)
            if maker == person_id:
                return LinkGuess.OWN, None
            await write.execute(sa.update(links).where(links.c.id == link.id).values(used_at=now))
            return LinkGuess.RIGHT, maker

    async def unite(self, first: int, second: int) -> int:
        """Make two people one; their id."""
        async with self._db.writing() as write:
            # Locked in the order of their ids, so that two joins never wait for each other.
            both = sorted({await _first(write, first), await _first(write, second)})
            for id_ in both:
                await write.execute(
                    sa.select(people.c.id).where(people.c.id == id_).with_for_update()
                )
            both = sorted({await _first(write, first), await _first(write, second)})
            if len(both) == 1:
                return both[0]
            kept, gone = both
            for table in MOVED:
                await write.execute(
                    sa.update(table).where(table.c.person_id == gone).values(person_id=kept)
                )
            await self._merge(write, kept, gone)
            await write.execute(sa.update(people).where(is_of(gone)).values(same_as=kept))
            return kept

    async def part(self, platform: str, external_id: str) -> Mapping[str, str]:
        """Make an account a person of its own again."""
        async with self._db.writing() as write:
            found = await write.execute(
                sa.select(people)
                .where(people.c.platform == platform, people.c.external_id == external_id)
                .with_for_update()
            )
            row = found.mappings().one_or_none()
            if row is None:
                return {}
            parted = people.c.id == row["id"] if row["same_as"] else people.c.same_as == row["id"]
            done = await write.execute(
                sa.update(people)
                .where(parted)
                .values(same_as=None)
                .returning(people.c.platform, people.c.external_id)
            )
            return {each.platform: each.external_id for each in done}

    async def known_as(self, person_id: int) -> tuple[Person, ...]:
        """All of a person's accounts, the first first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(people).where(is_of(person_id)).order_by(people.c.id)
            )
            return tuple(rows.person(row) for row in found.mappings())

    async def _merge(self, write: AsyncConnection, kept: int, gone: int) -> None:
        """What both may have: to own or to be invited once is enough, and so is to be blocked once.
        What both spent is one sum.
        """
        for table in MERGED:
            has = sa.select(table.c.avatar_id).where(table.c.person_id == kept)
            await write.execute(
                sa.update(table)
                .where(table.c.person_id == gone, table.c.avatar_id.not_in(has))
                .values(person_id=kept)
            )
        twice = await write.execute(
            sa.select(acquaintances).where(acquaintances.c.person_id == gone)
        )
        for row in twice.mappings().all():
            mine = (acquaintances.c.person_id == kept) & (
                acquaintances.c.avatar_id == row["avatar_id"]
            )
            for name in ("invited_at", "blocked_at"):
                column = acquaintances.c[name]
                if row[name] is not None:
                    await write.execute(
                        sa.update(acquaintances)
                        .where(mine, column.is_(None))
                        .values({name: row[name]})
                    )
        for table in MERGED:
            await write.execute(sa.delete(table).where(table.c.person_id == gone))
        spent = await write.execute(
            sa.delete(budgets)
            .where(budgets.c.scope == "person", budgets.c.scope_id == gone)
            .returning(budgets.c.period, budgets.c.cost)
        )
        for each in spent.all():
            statement = insert(self._db, budgets).values(
                scope="person", scope_id=kept, period=each.period, cost=each.cost
            )
            await write.execute(
                statement.on_conflict_do_update(
                    index_elements=["scope", "scope_id", "period"],
                    set_={"cost": budgets.c.cost + statement.excluded.cost},
                )
            )


async def _first(write: AsyncConnection, person_id: int) -> int:
    """The id by which a person is known, from that of any of their accounts."""
    same_as = await write.scalar(sa.select(people.c.same_as).where(people.c.id == person_id))
    return int(same_as or person_id)
