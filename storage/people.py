"""People, and who owns which avatar."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from avatar.records import Address, Author, Person
from storage.avatars import lock_avatar
from storage.rows import Part, insert, record
from storage.tables import avatar_owners, confirmations, drafts, incoming, messages, people

_PERSON = (people.c.id, people.c.platform, people.c.external_id, people.c.name)


def of_person(person_id: int) -> ColumnElement[bool]:
    """The condition that a message was said or asked for by a person, or answers them."""
    theirs = select(messages.c.id).where(messages.c.person_id == person_id)
    return or_(messages.c.person_id == person_id, messages.c.answers.in_(theirs))


class PeoplePart(Part):
    """The store's methods about people."""

    async def person(self, author: Author, *, home: Address | None = None) -> Person:
        query = select(*_PERSON, people.c.home).where(
            people.c.platform == author.platform, people.c.external_id == author.external_id
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is not None and row.name == author.name and home in {None, row.home}:
            return record(Person, row)
        values = {"name": author.name} if home is None else {"name": author.name, "home": home}
        async with self._database.writing() as connection:
            made = await connection.execute(
                insert(connection, people)
                .values(platform=author.platform, external_id=author.external_id, **values)
                .on_conflict_do_update(index_elements=["platform", "external_id"], set_=values)
                .returning(*_PERSON)
            )
            return record(Person, made.one())

    async def homes(self, ids: Sequence[int]) -> Mapping[int, Address]:
        query = select(people.c.id, people.c.home).where(
            people.c.id.in_(ids), people.c.home.is_not(None)
        )
        async with self._database.reading() as connection:
            return {row.id: row.home for row in await connection.execute(query)}

    async def find_person(self, platform: str, external_id: str) -> Person | None:
        query = select(*_PERSON).where(
            people.c.platform == platform, people.c.external_id == external_id
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(Person, row)

    async def people(self, ids: Sequence[int]) -> Mapping[int, Person]:
        query = select(*_PERSON).where(people.c.id.in_(ids))
        async with self._database.reading() as connection:
            return {row.id: record(Person, row) for row in await connection.execute(query)}

    async def owners(self, avatar_id: int) -> tuple[Person, ...]:
        query = (
            select(*_PERSON)
            .join(avatar_owners, avatar_owners.c.person_id == people.c.id)
            .where(avatar_owners.c.avatar_id == avatar_id)
            .order_by(avatar_owners.c.id)
        )
        async with self._database.reading() as connection:
            return tuple(record(Person, row) for row in await connection.execute(query))

    async def is_owner(self, avatar_id: int, person_id: int) -> bool:
        query = select(avatar_owners.c.id).where(
            avatar_owners.c.avatar_id == avatar_id, avatar_owners.c.person_id == person_id
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).one_or_none() is not None

    async def add_owner(
        self, avatar_id: int, person_id: int, *, by: int | None, now: datetime
    ) -> bool:
        async with self._database.writing() as connection:
            added = await connection.execute(
                insert(connection, avatar_owners)
                .values(avatar_id=avatar_id, person_id=person_id, added_by=by, added_at=now)
                .on_conflict_do_nothing(index_elements=["avatar_id", "person_id"])
                .returning(avatar_owners.c.id)
            )
            return added.one_or_none() is not None

    async def remove_owner(self, avatar_id: int, person_id: int) -> bool:
        async with self._database.writing() as connection:
            await lock_avatar(connection, avatar_id)
            others = (
                select(avatar_owners.c.id)
                .where(
                    avatar_owners.c.avatar_id == avatar_id, avatar_owners.c.person_id != person_id
                )
                .limit(1)
            )
            if (await connection.execute(others)).one_or_none() is None:
                return False
            removed = await connection.execute(
                delete(avatar_owners).where(
                    avatar_owners.c.avatar_id == avatar_id, avatar_owners.c.person_id == person_id
                )
            )
            return removed.rowcount > 0

    async def forget(self, person_id: int) -> int:
        async with self._database.writing() as connection:
            who = (
                await connection.execute(
                    select(people.c.platform, people.c.external_id).where(people.c.id == person_id)
                )
            ).one_or_none()
            if who is None:
                return 0
            await connection.execute(
                update(incoming)
                .where(incoming.c.platform == who.platform, incoming.c.author == who.external_id)
                .values(payload=None, author=None)
            )
            await connection.execute(
                delete(drafts).where(drafts.c.person_id == person_id, drafts.c.version_id.is_(None))
            )
            await connection.execute(
                delete(confirmations).where(confirmations.c.person_id == person_id)
            )
            # Replies that go because what they answer goes would not be in the row count.
            count = select(func.count()).select_from(messages).where(of_person(person_id))
            gone = (await connection.execute(count)).scalar_one()
            await connection.execute(delete(messages).where(of_person(person_id)))
            return int(gone)
