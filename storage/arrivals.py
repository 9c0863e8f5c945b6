"""Who said something where: what has to be known before it is decided what to do, in one read."""

from datetime import datetime

import sqlalchemy as sa

from avatar.access import STRANGER, Standing
from avatar.records import Address, Author
from avatar.stores import Arrival
from storage import rows
from storage.chats import AT, ChatTables, add_chat
from storage.door_tables import acquaintances
from storage.people import PeopleTables, add_person, shown_name
from storage.prepared import Prepared
from storage.tables import (
    avatar_owners,
    avatars,
    chats,
    people,
)

_COLUMNS = {"person": people.c, "chat": chats.c, "avatar": avatars.c}
_LABELLED = [
    column.label(f"{part}_{column.name}")
    for part, columns in _COLUMNS.items()
    for column in columns
]

# Whoever has linked accounts is one person, by the id of the first.
_PERSON = sa.func.coalesce(people.c.same_as, people.c.id)
_ARRIVAL = Prepared(
    sa.select(
        *_LABELLED,
        avatar_owners.c.id.label("owned"),
        acquaintances.c.id.label("met"),
        acquaintances.c.invited_at,
        acquaintances.c.blocked_at,
    )
    .select_from(people)
    .join(chats, AT)
    .outerjoin(avatars, avatars.c.id == chats.c.avatar_id)
    .outerjoin(
        avatar_owners,
        (avatar_owners.c.avatar_id == avatars.c.id) & (avatar_owners.c.person_id == _PERSON),
    )
    .outerjoin(
        acquaintances,
        (acquaintances.c.avatar_id == avatars.c.id) & (acquaintances.c.person_id == _PERSON),
    )
    .where(
        people.c.platform == sa.bindparam("author_platform"),
        people.c.external_id == sa.bindparam("author"),
    )
)


class ArrivalTables(PeopleTables, ChatTables):
    """Fulfils `avatar.stores.PeopleStore` and `ChatStore`."""

    async def arrival(
        self,
        author: Author,
        address: Address,
        *,
        home: Address | None,
        now: datetime,
        language: str = "",
    ) -> Arrival:
        """One read; what is not known yet is made, as `person` and `chat` do."""
        asked = {
            "author_platform": author.platform,
            "author": author.external_id,
            **rows.address_json(address),
        }
        row = await self._db.read(lambda read: _ARRIVAL.row(read, asked))
        if row is not None and _still(row, author, home):
            return _of(row)

        def made(write: sa.Connection) -> Arrival:
            person = add_person(self._db, write, author, home)
            chat = add_chat(self._db, write, address, now=now, language=language)
            if chat.avatar_id is None:
                return Arrival(person=person, chat=chat, avatar=None, standing=STRANGER)
            [known] = _ARRIVAL.rows(write, asked)
            return _of(known)

        return await self._db.write(made)


def _still(row: rows.Row, author: Author, home: Address | None) -> bool:
    """Whether what is known of a person and a chat is what came in just now."""
    renamed = row["person_name"] != shown_name(author)
    moved = home is not None and row["person_home"] != rows.address_json(home)
    return not (renamed or moved or row["chat_avatar_id"] is None)


def _of(row: rows.Row) -> Arrival:
    """Of a chat that talks to an avatar."""
    who, where, about = (
        {column.name: row[f"{part}_{column.name}"] for column in columns}
        for part, columns in _COLUMNS.items()
    )
    return Arrival(
        person=rows.person(who),
        chat=rows.chat(where),
        avatar=rows.avatar(about),
        standing=Standing(
            owns=row["owned"] is not None,
            met=row["met"] is not None,
            invited=row["invited_at"] is not None,
            blocked=row["blocked_at"] is not None,
        ),
    )
