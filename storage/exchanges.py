"""What a person said and what was answered, written together."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.chat_stores import Exchange
from avatar.pricing import month_of
from avatar.records import Message, Role, Spent
from avatar.text import storable
from storage import rows
from storage.base import Base, insert_into
from storage.columns import Id
from storage.prepared import Prepared
from storage.references import refer
from storage.spending import add_spent
from storage.tables import incoming, messages

# What somebody said is held: see `PeopleTables.forget`.
_DONE_AT = Prepared(
    sa.select(incoming.c.done_at)
    .where(incoming.c.id == sa.bindparam("inbox_id", type_=Id))
    .with_for_update(key_share=True)
)
_QUESTION = sa.select(messages.c.id).where(
    messages.c.incoming_id == sa.bindparam("inbox_id"), messages.c.role == Role.USER.value
)
_REPLY = Prepared(sa.insert(messages).returning(messages.c.id))
_REPLY_TO = sa.select(messages).where(
    messages.c.incoming_id == sa.bindparam("inbox_id"), messages.c.role == Role.ASSISTANT.value
)


@cache
def _asking(is_sqlite: bool) -> Prepared:
    return Prepared(
        insert_into(messages, is_sqlite=is_sqlite)
        .on_conflict_do_nothing(index_elements=["incoming_id", "role"])
        .returning(messages.c.id)
    )


class ExchangeTables(Base):
    """Fulfils `avatar.chat_stores.ChatStore`."""

    async def add_exchange(self, exchange: Exchange, *, now: datetime) -> Message | None:
        """Both turns of an exchange and what it cost, in one write; returns the reply."""

        def add(write: sa.Connection) -> Message | None:
            done = _DONE_AT.scalar(write, {"inbox_id": exchange.inbox_id})
            looked = done is not None or exchange.retry_of is not None
            if looked and (stored := _reply_to(write, exchange.inbox_id)) is not None:
                return stored
            if done is not None:
                add_spent(self._db, write, _spent(exchange, now))
                return None
            question = _anew(write, exchange, now)
            if question is None:
                question = self._asked(write, exchange)
                if question is None and (stored := _reply_to(write, exchange.inbox_id)) is not None:
                    return stored
                # Its reply was deleted, where it stood, before all was written down.
                question = question or write.scalar(_QUESTION, {"inbox_id": exchange.inbox_id})
            refer(self._db, write, exchange.parts, chat_id=exchange.chat_id, message_id=question)
            answer = _answer(exchange, question, now)
            answer_id = _REPLY.scalar(write, answer)
            add_spent(self._db, write, _spent(exchange, now))
            return rows.message({**answer, "id": answer_id})

        return await self._db.write(add)

    def _asked(self, write: sa.Connection, exchange: Exchange) -> int | None:
        """The person's turn, written; None: it was written before."""
        question: int | None = _asking(self._db.is_sqlite).scalar(
            write,
            {
                "role": Role.USER.value,
                "text": exchange.said,
                "created_at": exchange.said_at,
                **_common(exchange),
            },
        )
        return question

    async def reply_to_inbox(self, inbox_id: int) -> Message | None:
        """The reply that was stored for this incoming message."""
        return await self._db.read(lambda read: _reply_to(read, inbox_id))


def _reply_to(read: sa.Connection, inbox_id: int) -> Message | None:
    row = read.execute(_REPLY_TO, {"inbox_id": inbox_id}).mappings().one_or_none()
    return None if row is None else rows.message(row)


def _anew(write: sa.Connection, exchange: Exchange, now: datetime) -> int | None:
    """The turn that is answered anew, as it says now; None: there is none, or it was forgotten
    while its answer was written.
    """
    if exchange.retry_of is None:
        return None
    known = sa.select(messages.c.id).where(messages.c.id == exchange.retry_of)
    question: int | None = write.scalar(known)
    if question is not None:
        write.execute(
            sa.update(messages)
            .where(messages.c.answers == question, messages.c.superseded_at.is_(None))
            .values(superseded_at=now)
        )
        write.execute(
            sa.update(messages).where(messages.c.id == question).values(text=exchange.said)
        )
    return question


def _common(exchange: Exchange) -> dict[str, int]:
    """What both turns say."""
    return {
        "chat_id": exchange.chat_id,
        "avatar_id": exchange.avatar_id,
        "person_id": exchange.person_id,
        "incoming_id": exchange.inbox_id,
    }


def _answer(exchange: Exchange, question: int | None, now: datetime) -> dict[str, Any]:
    pair, usage = exchange.pair, exchange.usage
    return {
        "role": Role.ASSISTANT.value,
        "text": storable(exchange.reply),
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
        "cost": exchange.cost,
        "finish": exchange.finish.value,
        **_common(exchange),
    }


def _spent(exchange: Exchange, now: datetime) -> Spent:
    pair, usage = exchange.pair, exchange.usage
    return Spent(
        avatar_id=exchange.avatar_id,
        month=month_of(now),
        kind="chat",
        version_id=pair.model.id if pair.model else None,
        model=pair.model_name,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=exchange.cost,
    )
