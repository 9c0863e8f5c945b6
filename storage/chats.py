"""Chats, the turns said in them, and what they cost."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.errors import AvatarNotFound, Refused
from avatar.language import tr
from avatar.pricing import month_of
from avatar.records import (
    Address,
    Chat,
    Finish,
    Message,
    Pair,
    Role,
    Spent,
    Turn,
    Usage,
    Version,
)
from avatar.stores import Context, Dropped, Found, Part
from avatar.text import storable
from avatar.versions import pair_of
from storage import rows
from storage.base import Base, insert_into
from storage.columns import Id
from storage.database import Database
from storage.prepared import Prepared
from storage.spending import add_spent
from storage.tables import (
    avatars,
    bots,
    chats,
    incoming,
    message_refs,
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
_REPLY = Prepared(sa.insert(messages).returning(messages.c.id))


class ChatTables(Base):
    """Fulfils `avatar.stores.ChatStore`."""

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

    async def add_exchange(
        self,
        *,
        chat_id: int,
        avatar_id: int,
        person_id: int,
        said: str,
        said_at: datetime,
        reply: str,
        pair: Pair,
        usage: Usage,
        cost: int | None,
        finish: Finish,
        inbox_id: int,
        now: datetime,
        retry_of: int | None = None,
        parts: Sequence[Part] = (),
    ) -> Message | None:
        """Both turns of an exchange and what it cost, in one write; returns the reply."""
        spent = Spent(
            avatar_id=avatar_id,
            month=month_of(now),
            kind="chat",
            version_id=pair.model.id if pair.model else None,
            model=pair.model_name,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=cost,
        )

        def add(write: sa.Connection) -> Message | None:
            common = {"chat_id": chat_id, "avatar_id": avatar_id, "person_id": person_id}
            question = None
            done = _DONE_AT.scalar(write, {"inbox_id": inbox_id})
            looked = done is not None or retry_of is not None
            if looked and (stored := _reply_to(write, inbox_id)) is not None:
                return stored
            if done is not None:
                add_spent(self._db, write, spent)
                return None
            if retry_of is not None:
                # It may have been forgotten while its answer was written.
                question = write.scalar(sa.select(messages.c.id).where(messages.c.id == retry_of))
            if question is not None:
                write.execute(
                    sa.update(messages)
                    .where(messages.c.answers == question, messages.c.superseded_at.is_(None))
                    .values(superseded_at=now)
                )
                write.execute(
                    sa.update(messages).where(messages.c.id == question).values(text=said)
                )
            else:
                question = _asking(self._db.is_sqlite).scalar(
                    write,
                    {
                        "role": Role.USER.value,
                        "text": said,
                        "created_at": said_at,
                        "incoming_id": inbox_id,
                        **common,
                    },
                )
                if question is None and (stored := _reply_to(write, inbox_id)) is not None:
                    return stored
                # Its reply was deleted, where it stood, before all was written down.
                question = question or write.scalar(_QUESTION, {"inbox_id": inbox_id})
            for part in parts:
                _showing(self._db.is_sqlite).tuples(
                    write,
                    {
                        "chat_id": chat_id,
                        "platform_id": part.platform_id,
                        "message_id": question,
                        "part": part.text,
                        "asks": False,
                    },
                )
            answer = {
                "role": Role.ASSISTANT.value,
                "text": storable(reply),
                "created_at": now,
                "answers": question,
                "prompt_version_id": pair.prompt.id if pair.prompt else None,
                "model_version_id": pair.model.id if pair.model else None,
                "provider": pair.provider,
                "model": pair.model_name,
                "prompt_tokens": usage.prompt_tokens,
                "cached_tokens": usage.cached_tokens,
                "completion_tokens": usage.completion_tokens,
                "tokens_estimated": usage.estimated,
                "cost": cost,
                "finish": finish.value,
                "incoming_id": inbox_id,
                **common,
            }
            answer_id = _REPLY.scalar(write, answer)
            add_spent(self._db, write, spent)
            return rows.message({**answer, "id": answer_id})

        return await self._db.write(add)

    async def reply_to_inbox(self, inbox_id: int) -> Message | None:
        """The reply that was stored for this incoming message."""
        return await self._db.read(lambda read: _reply_to(read, inbox_id))

    async def shown_as(
        self, message_id: int, *, address: Address, platform_ids: Sequence[str]
    ) -> None:
        """Remember as which of the platform's messages a reply was shown."""
        await self._refer(message_id, address, platform_ids, asks=False)

    async def asked_as(
        self, message_id: int, *, address: Address, platform_ids: Sequence[str]
    ) -> None:
        """Remember as which messages it was asked what a reply should have said."""
        await self._refer(message_id, address, platform_ids, asks=True)

    async def _refer(
        self, message_id: int, address: Address, platform_ids: Sequence[str], *, asks: bool
    ) -> None:
        def refer(write: sa.Connection) -> None:
            shown = {"message_id": message_id, **rows.address_json(address)}
            if (chat_id := _SHOWN_IN.scalar(write, shown)) is None:
                return  # it was forgotten meanwhile
            for platform_id in platform_ids:
                _showing(self._db.is_sqlite).tuples(
                    write,
                    {
                        "chat_id": chat_id,
                        "platform_id": platform_id,
                        "message_id": message_id,
                        "part": None,
                        "asks": asks,
                    },
                )

        await self._db.write(refer)

    async def find_message(self, address: Address, platform_id: str) -> Message | None:
        """The turn that a message is, or asks about, in any thread of the chat."""
        found = await self.found(address, platform_id)
        return None if found is None else found.message

    async def found(self, address: Address, platform_id: str) -> Found | None:
        """The same, with where it stands."""
        row = await self._row(
            _FOUND,
            {
                "platform": address.platform,
                "bot": address.bot,
                "chat": address.chat,
                "platform_id": platform_id,
            },
        )
        if row is None:
            return None
        return Found(
            message=rows.message(row),
            address=Address(
                platform=address.platform,
                bot=address.bot,
                chat=address.chat,
                thread=row["found_in"],
            ),
            asks=row["asks"],
        )

    async def parts(self, message_id: int) -> tuple[Part, ...]:
        """The platform's messages that a turn was sent in or is shown as, oldest first."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(message_refs)
                .where(message_refs.c.message_id == message_id, message_refs.c.asks.is_(False))
                .order_by(message_refs.c.id)
            )
            return tuple(
                Part(platform_id=row["platform_id"], text=row["part"]) for row in found.mappings()
            )

    async def was_asked(self, message_id: int) -> bool:
        """Whether it was asked what a reply should have said."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(message_refs.c.id)
                .where(message_refs.c.message_id == message_id, message_refs.c.asks)
                .limit(1)
            )
            return found.first() is not None

    async def shown_answer(self, question_id: int) -> tuple[Part, ...]:
        """The platform's messages that show the newest reply to a person's turn."""
        newest = (
            sa.select(sa.func.max(messages.c.id))
            .join(message_refs, message_refs.c.message_id == messages.c.id)
            .where(messages.c.answers == question_id, message_refs.c.asks.is_(False))
        )
        async with self._db.reading() as read:
            found = await read.scalar(newest)
        return () if found is None else await self.parts(found)

    async def was_shown(self, message_id: int) -> bool:
        """Whether it is known as which of the platform's messages a reply was shown."""
        query = sa.select(message_refs).where(message_refs.c.message_id == message_id).limit(1)
        return await self._row(query) is not None

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
        known_as = sa.select(people.c.id).where(
            (people.c.id == person_id) | (people.c.same_as == person_id)
        )
        async with self._db.reading() as read:
            count = await read.scalar(
                sa.select(sa.func.count()).where(messages.c.person_id.in_(known_as))
            )
            return int(count or 0)


# A platform's messages are numbered for a whole chat, and not for each of its threads.
_FOUND = (
    sa.select(messages, chats.c.thread.label("found_in"), message_refs.c.asks)
    .select_from(chats)
    .join(message_refs, message_refs.c.chat_id == chats.c.id)
    .join(messages, messages.c.id == message_refs.c.message_id)
    .where(
        chats.c.platform == sa.bindparam("platform"),
        chats.c.bot == sa.bindparam("bot"),
        chats.c.chat == sa.bindparam("chat"),
        message_refs.c.platform_id == sa.bindparam("platform_id"),
    )
    .limit(1)
)
# The message is held: a deletion waits, or came first.
_SHOWN_IN = Prepared(
    sa.select(chats.c.id)
    .join(messages, messages.c.id == sa.bindparam("message_id", type_=Id))
    .where(AT)
    .with_for_update(of=messages, read=True, key_share=True)
)
# What somebody said is held likewise: see `PeopleTables.forget`.
_DONE_AT = Prepared(
    sa.select(incoming.c.done_at)
    .where(incoming.c.id == sa.bindparam("inbox_id", type_=Id))
    .with_for_update(key_share=True)
)
_REPLY_TO = sa.select(messages).where(
    messages.c.incoming_id == sa.bindparam("inbox_id"), messages.c.role == Role.ASSISTANT.value
)
_QUESTION = sa.select(messages.c.id).where(
    messages.c.incoming_id == sa.bindparam("inbox_id"), messages.c.role == Role.USER.value
)


def _reply_to(read: sa.Connection, inbox_id: int) -> Message | None:
    row = read.execute(_REPLY_TO, {"inbox_id": inbox_id}).mappings().one_or_none()
    return None if row is None else rows.message(row)


@cache
def _asking(is_sqlite: bool) -> Prepared:
    return Prepared(
        insert_into(messages, is_sqlite=is_sqlite)
        .on_conflict_do_nothing(index_elements=["incoming_id", "role"])
        .returning(messages.c.id)
    )


@cache
def _showing(is_sqlite: bool) -> Prepared:
    statement = insert_into(message_refs, is_sqlite=is_sqlite)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["chat_id", "platform_id"],
            set_={name: statement.excluded[name] for name in ("message_id", "part", "asks")},
        )
    )


def _place(id_: int, answers: int | None) -> tuple[int, bool]:
    """Of a turn in its conversation: a reply that came by /retry stands behind its question."""
    return answers or id_, answers is not None
