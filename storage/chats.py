"""Chats, the turns said in them, and what they cost."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.chat_stores import Context, Dropped
from avatar.errors import AvatarNotFound, Refused
from avatar.language import tr
from avatar.records import (
    Address,
    Chat,
    Message,
    Role,
    Turn,
    Version,
)
from avatar.versions import pair_of
from storage import rows
from storage.base import Base, insert_into
from storage.columns import Id
from storage.database import Database
from storage.people import is_of
from storage.prepared import Prepared
from storage.tables import (
    avatars,
    bots,
    chats,
    messages,
    people,
    versions,
)

_NEWEST = 1_000  # messages among which the newest one is that a person said


AT = sa.and_(
    *(chats.c[part] == sa.bindparam(part) for part in ("platform", "bot", "chat", "thread"))
)


def at(address: Address) -> sa.ColumnElement[bool]:
    """The chat at an address."""
    return sa.and_(
        chats.c.platform == address.platform,
        chats.c.bot == address.bot,
        chats.c.chat == address.chat,
        chats.c.thread == address.thread,
    )


_CHAT = sa.select(chats).where(AT)
# The names of columns are taken in an INSERT.
_HERE: dict[str, sa.BindParameter[str]] = {
    part: sa.bindparam(f"here_{part}") for part in ("platform", "bot", "chat")
}
_whole = chats.alias()
# A topic begins with the avatar of its group.
_GROUP = (*(_whole.c[part] == here for part, here in _HERE.items()), _whole.c.thread == "")
_OF_GROUP = sa.select(_whole.c.avatar_id).where(*_GROUP)
_BROUGHT = sa.select(_whole.c.brought).where(*_GROUP)
_OF_BOT = sa.select(bots.c.avatar_id).where(
    bots.c.external_id == _HERE["bot"], bots.c.platform == _HERE["platform"]
)
_OLDEST_PUBLIC = (
    sa.select(avatars.c.id).where(avatars.c.visibility == "public").order_by(avatars.c.id).limit(1)
)


@cache
def _making(is_sqlite: bool) -> Prepared:
    first = [each.scalar_subquery() for each in (_OF_GROUP, _OF_BOT, _OLDEST_PUBLIC)]
    statement = insert_into(chats, is_sqlite=is_sqlite).values(
        avatar_id=sa.func.coalesce(*first),
        brought=sa.func.coalesce(_BROUGHT.scalar_subquery(), sa.false()),
    )
    avatar_id = sa.func.coalesce(chats.c.avatar_id, statement.excluded.avatar_id)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["platform", "bot", "chat", "thread"], set_={"avatar_id": avatar_id}
        ).returning(chats)
    )


def add_chat(
    database: Database, write: sa.Connection, address: Address, *, now: datetime, language: str
) -> Chat:
    """The chat at an address; made as needed, with the avatar of its group, its bot, or the oldest
    public one, and in the language with this tag.
    """
    here = {f"here_{part}": getattr(address, part) for part in _HERE}
    new = {"conversation_began_at": now, "conversation_after": 0, "language": language}
    [made] = _making(database.is_sqlite).rows(write, rows.address_json(address) | new | here)
    return rows.chat(made)


_PLACE = Prepared(
    sa.select(avatars, *(column.label(f"chat_{column.name}") for column in chats.c))
    .select_from(chats)
    .join(avatars, avatars.c.id == chats.c.avatar_id)
    .where(chats.c.id == sa.bindparam("chat_id"))
)
_ACTIVE = Prepared(
    sa.select(versions).where(
        (versions.c.id == sa.bindparam("prompt", type_=Id))
        | (versions.c.id == sa.bindparam("model", type_=Id))
    )
)
# A long conversation is read for every reply: no more of it than a model is told.
_TURNS = Prepared(
    sa.select(messages.c.id, messages.c.role, messages.c.text, messages.c.answers)
    .where(
        messages.c.chat_id == sa.bindparam("chat_id"),
        messages.c.avatar_id == sa.bindparam("avatar_id"),
        messages.c.id > sa.bindparam("after", type_=Id),
        messages.c.id < sa.bindparam("before", type_=Id),
        messages.c.superseded_at.is_(None),
    )
    .order_by(messages.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_ENDLESS = 2**63 - 1  # above every id


class ChatTables(Base):
    """Fulfils `avatar.chat_stores.ChatStore`."""

    async def chat(self, address: Address, *, now: datetime, language: str = "") -> Chat:
        """The chat at an address; made as needed: see `add_chat`."""
        row = await self._row(_CHAT, rows.address_json(address))
        if row is not None and row["avatar_id"] is not None:
            return rows.chat(row)
        return await self._db.write(
            lambda write: add_chat(self._db, write, address, now=now, language=language)
        )

    async def talk_to(
        self, chat_id: int, avatar_id: int, *, now: datetime, brought: bool = False
    ) -> None:
        """The chat talks to that avatar from now on, in a new conversation; `brought`: an owner
        says so. Raises Refused.
        """
        bound = await self._row(
            sa.select(bots.c.avatar_id)
            .select_from(chats)
            .join(bots, (bots.c.external_id == chats.c.bot) & (bots.c.platform == chats.c.platform))
            .where(chats.c.id == chat_id)
        )
        if bound is not None and bound["avatar_id"] != avatar_id:
            raise Refused(
                reason=tr("this bot belongs to one avatar. Talk to others in the bot that made it.")
            )
        chosen = {"avatar_id": avatar_id, "brought": brought, "told_private": False}
        await self._begin(chat_id, now, chosen)

    async def new_conversation(self, chat_id: int, *, now: datetime) -> None:
        await self._begin(chat_id, now, {})

    async def _begin(self, chat_id: int, now: datetime, also: dict[str, Any]) -> None:
        newest = sa.select(sa.func.coalesce(sa.func.max(messages.c.id), 0)).where(
            messages.c.chat_id == chat_id
        )
        async with self._db.writing() as write:
            await write.execute(
                sa.update(chats)
                .where(chats.c.id == chat_id)
                .values(
                    conversation_began_at=now,
                    conversation_after=newest.scalar_subquery(),
                    **also,
                )
            )

    async def context(self, chat_id: int, *, limit: int, before: int | None = None) -> Context:
        """All that a reply needs, read at one moment. Raises AvatarNotFound."""

        def context(read: sa.Connection) -> Context:
            row = _PLACE.row(read, {"chat_id": chat_id})
            if row is None:
                raise AvatarNotFound(slug="")
            chat = rows.chat({column.name: row[f"chat_{column.name}"] for column in chats.c})
            avatar = rows.avatar({column.name: row[column.name] for column in avatars.c})
            by_id: dict[int | None, Version] = {}
            active = {"prompt": avatar.active_prompt_id, "model": avatar.active_model_id}
            if any(active.values()):
                by_id = {each["id"]: rows.version(each) for each in _ACTIVE.rows(read, active)}
            newest = _TURNS.tuples(
                read,
                {
                    "chat_id": chat_id,
                    "avatar_id": avatar.id,
                    "after": chat.conversation_after,
                    "before": before or _ENDLESS,
                    "most": limit,
                },
            )
            turns = sorted(
                (_place(id_, answers), role, text) for id_, role, text, answers in newest
            )
            answers = pair_of(
                avatar,
                prompt=by_id.get(avatar.active_prompt_id),
                model=by_id.get(avatar.active_model_id),
            )
            said = tuple(Turn(role=Role(role), text=text) for _, role, text in turns)
            return Context(chat=chat, avatar=avatar, pair=answers, turns=said)

        return await self._db.read(context)

    async def newest(self, chat_id: int, role: Role) -> Message | None:
        """The last turn of a person, or of the avatar, in the current conversation."""
        row = await self._row(
            sa.select(messages)
            .join(chats, chats.c.id == messages.c.chat_id)
            .where(
                messages.c.chat_id == chat_id,
                messages.c.avatar_id == chats.c.avatar_id,
                messages.c.id > chats.c.conversation_after,
                messages.c.role == role.value,
                messages.c.superseded_at.is_(None),
            )
            .order_by(messages.c.id.desc())
            .limit(1)
        )
        return None if row is None else rows.message(row)

    async def before(self, message_id: int, *, limit: int) -> tuple[Message, ...]:
        """A stored reply, its question and the turns before them, oldest first."""
        async with self._db.reading() as read:
            found = await read.execute(sa.select(messages).where(messages.c.id == message_id))
            row = found.mappings().one_or_none()
            if row is None:
                return ()
            reply = rows.message(row)
            earlier = await read.execute(
                sa.select(messages)
                .where(
                    messages.c.chat_id == reply.chat_id,
                    messages.c.avatar_id == reply.avatar_id,
                    messages.c.id < (reply.answers or reply.id),
                    messages.c.superseded_at.is_(None),
                )
                .order_by(messages.c.id.desc())
                .limit(limit)
            )
            turns = sorted(
                map(rows.message, earlier.mappings()),
                key=lambda turn: _place(turn.id, turn.answers),
            )
            asked = await read.execute(sa.select(messages).where(messages.c.id == reply.answers))
            question = [rows.message(each) for each in asked.mappings()]
        return (*turns, *question, reply)

    async def newest_said_at(self) -> datetime | None:
        """When the newest message was said that is kept; replies have their times from us."""
        end = sa.select(sa.func.max(messages.c.id)).scalar_subquery()
        async with self._db.reading() as read:
            newest: datetime | None = await read.scalar(
                sa.select(sa.func.max(messages.c.created_at)).where(
                    messages.c.id > end - _NEWEST, messages.c.role == Role.USER.value
                )
            )
            return newest

    async def drop_messages(self, *, before: datetime, after: int, limit: int) -> Dropped:
        """Delete those of the `limit` next messages that were said before a time. Ids grow with
        time, so that a look ends at the first page without an old one: no index is kept for it.
        """
        async with self._db.writing() as write:
            found = await write.execute(
                sa.select(messages.c.id, messages.c.created_at)
                .where(messages.c.id > after)
                .order_by(messages.c.id)
                .limit(limit)
            )
            page = found.all()
            old = [row.id for row in page if row.created_at < before]
            if not old:
                return Dropped(count=0, looked_to=None)
            await write.execute(sa.delete(messages).where(messages.c.id.in_(old)))
        return Dropped(count=len(old), looked_to=page[-1].id if len(page) == limit else None)

    async def count_messages(self, person_id: int) -> int:
        """How many messages of theirs and replies to them are stored: all that `forget` deletes."""
        # What was on its way when accounts were joined bears the id that it began with.
        known_as = sa.select(people.c.id).where(is_of(person_id))
        async with self._db.reading() as read:
            count = await read.scalar(
                sa.select(sa.func.count()).where(messages.c.person_id.in_(known_as))
            )
            return int(count or 0)


def _place(id_: int, answers: int | None) -> tuple[int, bool]:
    """Of a turn in its conversation: a reply that came by /retry stands behind its question."""
    return answers or id_, answers is not None
