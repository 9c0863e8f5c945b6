"""People, and which avatars they own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.records import Address, Author, Person
from avatar.text import storable
from storage import rows
from storage.base import Base, insert, insert_into
from storage.database import Database
from storage.door_tables import acquaintances, guesses, links
from storage.inbox import WIPED
from storage.prepared import Prepared
from storage.tables import (
    account_chats,
    accounts,
    avatar_owners,
    confirmations,
    imports,
    incoming,
    message_refs,
    messages,
    people,
    taught,
    taught_people,
    training_drafts,
    training_examples,
)

MAX_NAME = 128


def shown_name(author: Author) -> str:
    """A name as it is stored."""
    return storable(author.name)[:MAX_NAME]


def is_of(person_id: int) -> sa.ColumnElement[bool]:
    """Whether an account is one of a person's."""
    return (people.c.id == person_id) | (people.c.same_as == person_id)


_PERSON = sa.select(people).where(
    people.c.platform == sa.bindparam("platform"),
    people.c.external_id == sa.bindparam("external_id"),
)


@cache
def _making(is_sqlite: bool, *, with_home: bool) -> Prepared:
    statement = insert_into(people, is_sqlite=is_sqlite)
    names = ("name", "home") if with_home else ("name",)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["platform", "external_id"],
            set_={name: statement.excluded[name] for name in names},
        ).returning(people)
    )


def add_person(
    database: Database, write: sa.Connection, author: Author, home: Address | None
) -> Person:
    """The person behind an author; made or renamed as needed."""
    values: dict[str, Any] = {
        "platform": author.platform,
        "external_id": author.external_id,
        "name": shown_name(author),
    }
    if home is not None:
        values["home"] = rows.address_json(home)
    [made] = _making(database.is_sqlite, with_home=home is not None).rows(write, values)
    return rows.person(made)


class PeopleTables(Base):
    """Fulfils `avatar.stores.PeopleStore`."""

    async def person(self, author: Author, *, home: Address | None = None) -> Person:
        """The person behind an author; made or renamed as needed."""
        where = None if home is None else rows.address_json(home)
        row = await self._row(
            _PERSON, {"platform": author.platform, "external_id": author.external_id}
        )
        known = row is not None and row["name"] == shown_name(author)
        if row is not None and known and (where is None or row["home"] == where):
            return rows.person(row)
        return await self._db.write(lambda write: add_person(self._db, write, author, home))

    async def homes(self, ids: Sequence[int]) -> Mapping[int, Address]:
        """Where people can be written to alone."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(people.c.id, people.c.same_as, people.c.home)
                .where(people.c.id.in_(ids) | people.c.same_as.in_(ids), people.c.home.is_not(None))
                # Of several accounts the first one counts: it is the last to be written here.
                .order_by(people.c.id.desc())
            )
            return {row.same_as or row.id: rows.address(row.home) for row in found}

    async def find_person(self, platform: str, external_id: str) -> Person | None:
        row = await self._row(
            sa.select(people).where(
                people.c.platform == platform, people.c.external_id == external_id
            )
        )
        return None if row is None else rows.person(row)

    async def people(self, ids: Sequence[int]) -> Mapping[int, Person]:
        """By id; unknown ids are left out."""
        async with self._db.reading() as read:
            found = await read.execute(sa.select(people).where(people.c.id.in_(ids)))
            return {row["id"]: rows.person(row) for row in found.mappings()}

    async def owners(self, avatar_id: int) -> tuple[Person, ...]:
        """In the order they were added."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(people)
                .join(avatar_owners, avatar_owners.c.person_id == people.c.id)
                .where(avatar_owners.c.avatar_id == avatar_id)
                .order_by(avatar_owners.c.id)
            )
            return tuple(rows.person(row) for row in found.mappings())

    async def is_owner(self, avatar_id: int, person_id: int) -> bool:
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(avatar_owners.c.id).where(
                    avatar_owners.c.avatar_id == avatar_id,
                    avatar_owners.c.person_id == person_id,
                )
            )
            return found.first() is not None

    async def add_owner(
        self, avatar_id: int, person_id: int, *, by: int | None, now: datetime
    ) -> bool:
        """False: they were one already."""
        async with self._db.writing() as write:
            result = await write.execute(
                insert(self._db, avatar_owners)
                .values(avatar_id=avatar_id, person_id=person_id, added_by=by, added_at=now)
                .on_conflict_do_nothing()
                .returning(avatar_owners.c.id)
            )
            return result.first() is not None

    async def remove_owner(self, avatar_id: int, person_id: int) -> bool:
        """False: they were none, or they are the last one (who stays)."""
        async with self._db.writing() as write:
            await self._lock_avatar(write, avatar_id)
            owners = sa.select(sa.func.count()).where(avatar_owners.c.avatar_id == avatar_id)
            if await write.scalar(owners) == 1:
                return False
            result = await write.execute(
                sa.delete(avatar_owners).where(
                    avatar_owners.c.avatar_id == avatar_id,
                    avatar_owners.c.person_id == person_id,
                )
            )
            return result.rowcount == 1

    async def forget(self, person_id: int, *, now: datetime, cause: int | None = None) -> int:
        """Delete what the person said and the replies to it. What was spent stays counted."""
        async with self._db.writing() as write:
            known = await write.execute(
                sa.select(people.c.id, people.c.platform, people.c.external_id).where(
                    is_of(person_id)
                )
            )
            if not (known_as := known.all()):
                return 0
            # What was on its way when accounts were joined bears the id that it began with.
            ids = [who.id for who in known_as]
            # First what is not answered: who writes the answer to it has it locked, or will find
            # that nothing is to be remembered.
            for who in known_as:
                await write.execute(
                    sa.update(incoming)
                    .where(
                        incoming.c.platform == who.platform,
                        incoming.c.author_id == who.external_id,
                        incoming.c.done_at.is_(None),
                        # This wish itself is wiped when it is answered.
                        incoming.c.id != (cause or 0),
                    )
                    .values(done_at=now, **WIPED)
                )
            said = sa.select(messages.c.id).where(messages.c.person_id.in_(ids))
            await write.execute(sa.delete(message_refs).where(message_refs.c.message_id.in_(said)))
            # What an owner kept of a conversation with them; their own lessons are the avatar's.
            held = sa.select(taught_people.c.taught_id).where(taught_people.c.person_id.in_(ids))
            await write.execute(
                sa.delete(taught).where(
                    taught.c.id.in_(held),
                    taught.c.person_id.is_(None) | taught.c.person_id.not_in(ids),
                )
            )
            # Replies carry the id of the person who asked, so they go with what they answer.
            replies = await write.execute(
                sa.delete(messages).where(
                    messages.c.person_id.in_(ids), messages.c.answers.is_not(None)
                )
            )
            turns = await write.execute(sa.delete(messages).where(messages.c.person_id.in_(ids)))
            open_ = await write.execute(
                sa.select(training_drafts.c.id)
                .where(training_drafts.c.person_id.in_(ids), training_drafts.c.version_id.is_(None))
                .with_for_update()  # before their examples, as who starts one does
            )
            for draft_id in open_.scalars().all():
                await write.execute(
                    sa.delete(training_examples).where(training_examples.c.draft_id == draft_id)
                )
                await write.execute(
                    sa.delete(training_drafts).where(training_drafts.c.id == draft_id)
                )
            # That somebody who let an avatar answer for them wrote to this person.
            for who in known_as:
                await write.execute(
                    sa.delete(account_chats).where(
                        account_chats.c.chat == who.external_id,
                        sa.exists().where(
                            accounts.c.id == account_chats.c.account_id,
                            accounts.c.platform == who.platform,
                        ),
                    )
                )
            for table in (imports, confirmations, links, guesses):
                await write.execute(sa.delete(table).where(table.c.person_id.in_(ids)))
            # Whom they met, but for what an owner decided: a block or an invitation.
            await write.execute(
                sa.delete(acquaintances).where(
                    acquaintances.c.person_id.in_(ids),
                    acquaintances.c.invited_at.is_(None),
                    acquaintances.c.blocked_at.is_(None),
                )
            )
            return replies.rowcount + turns.rowcount
