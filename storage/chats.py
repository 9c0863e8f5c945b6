"""Chats, and the turns said in them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AvatarNotFound
from avatar.ports import Context, Spent
from avatar.records import Address, Chat, Finish, Message, Pair, Role, Usage
from storage.avatars import find_avatar
from storage.people import of_person
from storage.rows import Part, at, insert, place, record
from storage.spending import add_up
from storage.tables import avatars, chats, message_refs, messages
from storage.versions import find_version


class ChatsPart(Part):
    """The store's methods about chats and messages."""

    async def chat(self, address: Address, *, now: datetime) -> Chat:
        query = select(chats).where(at(chats, address))
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is not None:
            return _chat(row)
        oldest = (
            select(avatars.c.id)
            .where(avatars.c.visibility == "public")
            .order_by(avatars.c.id)
            .limit(1)
            .scalar_subquery()
        )
        async with self._database.writing() as connection:
            await connection.execute(
                insert(connection, chats)
                .values(
                    **place(address),
                    avatar_id=oldest,
                    conversation_began_at=now,
                    conversation_after=0,
                )
                .on_conflict_do_nothing(index_elements=["platform", "bot", "chat", "thread"])
            )
            return _chat((await connection.execute(query)).one())

    async def talk_to(self, chat_id: int, avatar_id: int, *, now: datetime) -> None:
        await self._begin_anew(chat_id, {"avatar_id": avatar_id}, now=now)

    async def new_conversation(self, chat_id: int, *, now: datetime) -> None:
        await self._begin_anew(chat_id, {}, now=now)

    async def _begin_anew(self, chat_id: int, values: Mapping[str, Any], *, now: datetime) -> None:
        last = (
            select(func.coalesce(func.max(messages.c.id), 0))
            .where(messages.c.chat_id == chat_id)
            .scalar_subquery()
        )
        async with self._database.writing() as connection:
            await connection.execute(
                update(chats)
                .where(chats.c.id == chat_id)
                .values(conversation_began_at=now, conversation_after=last, **values)
            )

    async def context(self, chat_id: int, *, limit: int) -> Context:
        async with self._database.reading() as connection:
            row = (
                await connection.execute(select(chats).where(chats.c.id == chat_id))
            ).one_or_none()
            if row is None or row.avatar_id is None:
                raise AvatarNotFound(slug="none")
            avatar = await find_avatar(connection, row.avatar_id)
            model = await find_version(connection, avatar.active_model_id)
            pair = Pair(
                prompt=await find_version(connection, avatar.active_prompt_id),
                model=model,
                provider=(model and model.provider) or avatar.provider,
                model_name=(model and model.fine_tuned_model_id) or avatar.base_model,
            )
            turns = await connection.execute(
                select(messages)
                .where(_in_conversation(row))
                .order_by(messages.c.id.desc())
                .limit(limit)
            )
            said = sorted(map(_message, turns), key=lambda each: (each.answers or each.id, each.id))
        return Context(chat=_chat(row), avatar=avatar, pair=pair, turns=tuple(said))

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
    ) -> Message:
        both = {
            "chat_id": chat_id,
            "avatar_id": avatar_id,
            "person_id": person_id,
            "incoming_id": inbox_id,
        }
        async with self._database.writing() as connection:
            # One exchange of a chat at a time, so that the same one is found and not repeated.
            await connection.execute(
                select(chats.c.id).where(chats.c.id == chat_id).with_for_update()
            )
            stored = await _reply_to(connection, inbox_id)
            if stored is not None:
                return stored
            asked = await _supersede(connection, retry_of, now=now)
            if asked is None:
                turn = insert(connection, messages).values(
                    **both, role=Role.USER, text=said, created_at=said_at
                )
                asked = (await connection.execute(turn.returning(messages.c.id))).scalar_one()
            model_id = pair.model.id if pair.model else None
            answer = insert(connection, messages).values(
                **both,
                role=Role.ASSISTANT,
                text=reply,
                created_at=now,
                answers=asked,
                prompt_version_id=pair.prompt.id if pair.prompt else None,
                model_version_id=model_id,
                provider=pair.provider,
                model=pair.model_name,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                cached_tokens=usage.cached_tokens,
                estimated=usage.estimated,
                cost=cost,
                finish=finish,
            )
            added = await connection.execute(answer.returning(*messages.c))
            spent = Spent(
                avatar_id=avatar_id,
                month=f"{now.astimezone(UTC):%Y-%m}",
                kind="chat",
                version_id=model_id,
                model=pair.model_name,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                cost=cost,
            )
            await add_up(connection, [spent])
            return _message(added.one())

    async def reply_to_inbox(self, inbox_id: int) -> Message | None:
        async with self._database.reading() as connection:
            return await _reply_to(connection, inbox_id)

    async def shown_as(
        self, message_id: int, *, address: Address, platform_ids: Sequence[str]
    ) -> None:
        if not platform_ids:
            return
        # A platform's message that is edited to show another reply is that reply from then on.
        async with self._database.writing() as connection:
            await connection.execute(
                insert(connection, message_refs).on_conflict_do_update(
                    index_elements=["platform", "bot", "chat", "thread", "platform_id"],
                    set_={"message_id": message_id},
                ),
                [
                    {**place(address), "platform_id": each, "message_id": message_id}
                    for each in platform_ids
                ],
            )

    async def find_message(self, address: Address, platform_id: str) -> Message | None:
        query = (
            select(messages)
            .join(message_refs, message_refs.c.message_id == messages.c.id)
            .where(at(message_refs, address), message_refs.c.platform_id == platform_id)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _message(row)

    async def last_said(self, chat_id: int) -> Message | None:
        async with self._database.reading() as connection:
            chat = (
                await connection.execute(select(chats).where(chats.c.id == chat_id))
            ).one_or_none()
            if chat is None:
                return None
            turn = await connection.execute(
                select(messages)
                .where(_in_conversation(chat), messages.c.role == Role.USER)
                .order_by(messages.c.id.desc())
                .limit(1)
            )
            row = turn.one_or_none()
        return None if row is None else _message(row)

    async def count_messages(self, person_id: int) -> int:
        query = select(func.count()).select_from(messages).where(of_person(person_id))
        async with self._database.reading() as connection:
            return int((await connection.execute(query)).scalar_one())


def _in_conversation(chat: Row[Any]) -> ColumnElement[bool]:
    """The condition that a turn belongs to a chat's current conversation.

    A reply that was still being said when the conversation began anew belongs to none.
    """
    return and_(
        messages.c.chat_id == chat.id,
        messages.c.id > chat.conversation_after,
        or_(messages.c.answers.is_(None), messages.c.answers > chat.conversation_after),
        messages.c.avatar_id == chat.avatar_id,
        messages.c.superseded_at.is_(None),
    )


async def _reply_to(connection: AsyncConnection, inbox_id: int) -> Message | None:
    query = select(messages).where(
        messages.c.incoming_id == inbox_id, messages.c.role == Role.ASSISTANT
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _message(row)


async def _supersede(
    connection: AsyncConnection, turn_id: int | None, *, now: datetime
) -> int | None:
    """Take the replies to a turn out of the conversation. None: there is no such turn (it may
    have been forgotten while the new reply was being said).
    """
    if turn_id is None:
        return None
    turn = await connection.execute(
        select(messages.c.id).where(messages.c.id == turn_id, messages.c.role == Role.USER)
    )
    if turn.one_or_none() is None:
        return None
    await connection.execute(
        update(messages)
        .where(messages.c.answers == turn_id, messages.c.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    return turn_id


def _chat(row: Row[Any]) -> Chat:
    address = Address(platform=row.platform, chat=row.chat, thread=row.thread, bot=row.bot)
    return record(Chat, row, address=address)


def _message(row: Row[Any]) -> Message:
    usage = None
    if row.prompt_tokens is not None:
        usage = record(Usage, row)
    return record(Message, row, usage=usage)
