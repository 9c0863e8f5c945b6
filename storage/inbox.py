"""What came in, what is owed, and what waits for a yes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.incoming import Incoming, Received
from avatar.pricing import month_of
from avatar.records import Address, Confirmation, NewNotice, Notice, NoticeKind
from avatar.stores import Heard
from storage import rows
from storage.base import Base, insert, insert_into
from storage.columns import Id
from storage.database import Database
from storage.door_tables import budgets, guesses, invitations, links
from storage.prepared import Prepared
from storage.tables import (
    chats,
    confirmations,
    imports,
    incoming,
    messages,
    notices,
    training_drafts,
    training_examples,
)

log = logging.getLogger(__name__)

# How long a message waits for its answer: where its platform is served it is told within a day
# that none comes, so that this one's is not served any more, and nobody would wipe what was said.
WAITS = timedelta(days=30)
KEPT = timedelta(days=7)  # how long ids and ended notices stay against repetition
BUDGETS_KEPT = timedelta(days=35)  # of the last month and this one
WARNINGS_KEPT = timedelta(days=400)
# What is found again whenever somebody looks, and told once: the notice stays to say that it was.
_TOLD_ONCE = (
    NoticeKind.MODEL_GONE,
    NoticeKind.MODEL_ENDS,
    NoticeKind.BASE_ENDS,
    NoticeKind.LIMIT_NEAR,
)
_LATEST = 10_000  # rows among which it is looked for where a platform was heard last
_NEW = 50  # chats that began last
_TIDIED = 1_000  # rows of a kind, at most, in one go: a tidying never holds the database long
_DRAFTS = 20  # likewise, with thousands of examples each


# What is left of a message that is done with: its id, against repetition.
WIPED: dict[str, Any] = {"payload": None, "answer": None, "author_id": "", "place": ""}


@cache
def _receiving(is_sqlite: bool) -> Prepared:
    return Prepared(
        insert_into(incoming, is_sqlite=is_sqlite)
        .on_conflict_do_nothing(index_elements=["platform", "bot", "update_id"])
        .returning(incoming.c.id)
    )


_SHOWING = Prepared(
    sa.update(incoming)
    .where(incoming.c.id == sa.bindparam("inbox_id"), incoming.c.done_at.is_(None))
    .values(answer=sa.bindparam("given"), shown=True)
)
_DONE = Prepared(
    sa.update(incoming)
    .where(incoming.c.id == sa.bindparam("inbox_id"))
    .values(done_at=sa.bindparam("now"), **WIPED)
)
_WAITING = Prepared(
    sa.select(incoming)
    .where(
        incoming.c.platform == sa.bindparam("platform"),
        incoming.c.bot == sa.bindparam("bot"),
        incoming.c.place == sa.bindparam("place"),
        incoming.c.id > sa.bindparam("after", type_=Id),
        incoming.c.done_at.is_(None),
    )
    .order_by(incoming.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def _place(address: Address) -> str:
    """A chat and its thread, as one line."""
    return f"{address.chat} {address.thread}"


def add_incoming(
    database: Database,
    write: sa.Connection,
    incoming_: Sequence[Incoming],
    *,
    attempts: int,
    now: datetime,
) -> tuple[Received, ...]:
    """Write into the inbox, in order; those that were not there yet. `attempts` is how many are
    counted as begun at once.
    """
    received = []
    for each in incoming_:
        inbox_id = _receiving(database.is_sqlite).scalar(
            write,
            {
                "platform": each.address.platform,
                "bot": each.address.bot,
                "update_id": each.update_id,
                "author_id": each.author.external_id,
                "place": _place(each.address),
                "received_at": now,
                "attempts": attempts,
                "payload": rows.incoming_json(each),
            },
        )
        if inbox_id is not None:
            received.append(Received(id=inbox_id, incoming=each, attempts=0, received_at=now))
    return tuple(received)


def add_notices(
    database: Database, write: sa.Connection, new: Sequence[NewNotice], *, now: datetime
) -> int:
    """Write notices; those whose key is known already are dropped. How many were new."""
    added = 0
    for each in new:
        result = write.execute(
            insert(database, notices)
            .values(
                kind=each.kind.value,
                key=each.key,
                address=rows.address_json(each.address),
                avatar_id=each.avatar_id,
                version_id=each.version_id,
                data=dict(each.data),
                created_at=now,
                attempts=0,
                next_try_at=now,
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(notices.c.id)
        )
        added += result.first() is not None
    return added


class InboxTables(Base):
    """Fulfils `avatar.stores.InboxStore`."""

    async def receive(self, *incoming_: Incoming, now: datetime) -> tuple[Received, ...]:
        """Write into the inbox, in order; those that were not there yet."""
        return await self._db.write(
            lambda write: add_incoming(self._db, write, incoming_, attempts=1, now=now)
        )

    async def begin(self, inbox_id: int) -> Received | None:
        """Count another attempt at answering. None: it is done, or gone."""
        async with self._db.writing() as write:
            found = await write.execute(
                sa.update(incoming)
                .where(incoming.c.id == inbox_id, incoming.c.done_at.is_(None))
                .values(attempts=incoming.c.attempts + 1)
                .returning(incoming)
            )
            row = found.mappings().one_or_none()
        if row is None:
            return None
        received = _received(row)
        return replace(received, attempts=received.attempts - 1)

    async def received(self, inbox_id: int) -> Received | None:
        """As it lies there now. None: it is done, or gone."""
        query = sa.select(incoming).where(incoming.c.id == inbox_id, incoming.c.done_at.is_(None))
        row = await self._row(query)
        return None if row is None else _received(row)

    async def showing(self, inbox_id: int, *, answer: Mapping[str, object] | None) -> None:
        """The answer is about to be shown."""
        values = {"inbox_id": inbox_id, "given": answer}
        await self._db.write(lambda write: _SHOWING.tuples(write, values))

    async def put_off(self, inbox_id: int, *, perhaps: bool) -> None:
        """It is tried again later, which counts as no failure."""
        await self._write(
            sa.update(incoming)
            .where(incoming.c.id == inbox_id, incoming.c.done_at.is_(None))
            .values(shown=perhaps, attempts=1)
        )

    async def waiting(
        self, address: Address, *, after: int = 0, limit: int
    ) -> tuple[Received, ...]:
        """What came at an address behind a message and is not answered."""
        values = {
            "platform": address.platform,
            "bot": address.bot,
            "place": _place(address),
            "after": after,
            "most": limit,
        }
        found = await self._db.read(lambda read: _WAITING.rows(read, values))
        return tuple(_received(row) for row in found)

    async def join(self, inbox_id: int, others: Sequence[int]) -> None:
        """Remember that `others` are answered together with it."""
        await self._write(
            sa.update(incoming).where(incoming.c.id.in_(others)).values(joined_to=inbox_id)
        )

    async def joined(self, inbox_id: int) -> tuple[Received, ...]:
        """What is answered together with it and not done."""
        found = await self._rows(
            sa.select(incoming)
            .where(
                incoming.c.joined_to == inbox_id,
                incoming.c.id > inbox_id,
                incoming.c.done_at.is_(None),
            )
            .order_by(incoming.c.id)
        )
        return tuple(_received(row) for row in found)

    async def done(self, *inbox_ids: int, now: datetime) -> None:
        """They were answered: what was said is wiped here, ids stay against repetition."""

        def done(write: sa.Connection) -> None:
            for each in inbox_ids:
                _DONE.tuples(write, {"inbox_id": each, "now": now})

        await self._db.write(done)

    async def heard(self, *, platform: str, bot: str, limit: int) -> Heard:
        last = sa.select(sa.func.max(incoming.c.id)).scalar_subquery()
        until = sa.select(sa.func.max(incoming.c.received_at)).where(
            incoming.c.id > last - _LATEST,
            incoming.c.platform == platform,
            incoming.c.bot == bot,
        )
        here = (chats.c.platform == platform, chats.c.bot == bot)
        end = sa.select(sa.func.max(messages.c.id)).scalar_subquery()
        talking = (
            sa.select(chats.c.chat, chats.c.thread)
            .join(messages, messages.c.chat_id == chats.c.id)
            .where(messages.c.id > end - _LATEST, *here)
            .group_by(chats.c.id)
            .order_by(sa.func.max(messages.c.id).desc())
            .limit(limit)
        )
        # Where the first message was not answered any more.
        new = sa.select(chats.c.chat, chats.c.thread).where(*here)
        new = new.order_by(chats.c.id.desc()).limit(_NEW)
        async with self._db.reading() as read:
            moment: datetime | None = (await read.execute(until)).scalar_one()
            places = [*(await read.execute(talking)), *(await read.execute(new))]
        found = dict.fromkeys(
            Address(platform=platform, bot=bot, chat=chat, thread=thread) for chat, thread in places
        )
        return Heard(until=moment, addresses=tuple(found)[:limit])

    async def unanswered(self, *, limit: int, after: int = 0) -> tuple[Received, ...]:
        """In the order they came."""
        found = await self._rows(
            sa.select(incoming)
            .where(incoming.c.done_at.is_(None), incoming.c.id > after)
            .order_by(incoming.c.id)
            .limit(limit)
        )
        return tuple(_received(row) for row in found)

    async def add_notices(self, notices: Sequence[NewNotice], *, now: datetime) -> int:
        """How many were new (by key)."""
        return await self._db.write(lambda write: add_notices(self._db, write, notices, now=now))

    async def claim_notices(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[Notice, ...]:
        """Take notices that are due and not leased, the oldest first; counts an attempt."""
        due = (
            sa.select(notices.c.id)
            .where(
                notices.c.ended_at.is_(None),
                notices.c.next_try_at <= now,
                notices.c.lease_until.is_(None) | (notices.c.lease_until <= now),
            )
            .order_by(notices.c.next_try_at, notices.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.writing() as write:
            claimed = await write.execute(
                sa.update(notices)
                .where(notices.c.id.in_(due))
                .values(
                    lease_owner=owner,
                    lease_until=now + lease,
                    attempts=notices.c.attempts + 1,
                    # A lease that nobody gave back: who had it died in the middle.
                    perhaps=notices.c.perhaps | notices.c.lease_owner.is_not(None),
                )
                .returning(notices)
            )
            return tuple(
                sorted((rows.notice(row) for row in claimed.mappings()), key=lambda n: n.id)
            )

    async def renew_notices(self, *, owner: str, now: datetime, lease: timedelta) -> frozenset[int]:
        """Keep what `owner` has claimed and not lost for a `lease` from now on; their ids."""
        async with self._db.writing() as write:
            renewed = await write.execute(
                sa.update(notices)
                .where(
                    notices.c.ended_at.is_(None),
                    notices.c.lease_owner == owner,
                    notices.c.lease_until > now,
                )
                .values(lease_until=now + lease)
                .returning(notices.c.id)
            )
            return frozenset(renewed.scalars())

    async def notice_delivered(self, notice_id: int, *, now: datetime) -> None:
        await self._end_notice(notice_id, ended_at=now, error=None)

    async def notice_failed(
        self,
        notice_id: int,
        *,
        retry_at: datetime | None,
        error: str,
        now: datetime,
        perhaps: bool = False,
    ) -> None:
        """Try again at `retry_at`; None: never. `perhaps`: it may have arrived."""
        if retry_at is None:
            await self._end_notice(notice_id, ended_at=now, error=error)
        else:
            await self._end_notice(notice_id, next_try_at=retry_at, error=error, perhaps=perhaps)

    async def _end_notice(self, notice_id: int, **values: datetime | str | bool | None) -> None:
        await self._write(
            sa.update(notices)
            .where(notices.c.id == notice_id)
            .values(lease_owner=None, lease_until=None, **values)
        )

    async def next_notice_due(self) -> datetime | None:
        """When the earliest notice still owed is due; None: none is owed."""
        async with self._db.reading() as read:
            return await read.scalar(
                sa.select(notices.c.next_try_at)
                .where(notices.c.ended_at.is_(None))
                .order_by(notices.c.next_try_at)
                .limit(1)
            )

    async def add_confirmation(
        self, *, action: str, person_id: int, now: datetime, expires_at: datetime, about: str = ""
    ) -> Confirmation:
        async with self._db.writing() as write:
            made = await write.execute(
                sa.insert(confirmations)
                .values(
                    action=action,
                    person_id=person_id,
                    created_at=now,
                    expires_at=expires_at,
                    about=about,
                )
                .returning(confirmations)
            )
            return rows.confirmation(made.mappings().one())

    async def confirmation(self, confirmation_id: int) -> Confirmation | None:
        row = await self._row(sa.select(confirmations).where(confirmations.c.id == confirmation_id))
        return None if row is None else rows.confirmation(row)

    async def use_confirmation(
        self, confirmation_id: int, *, person_id: int, now: datetime, cause: int | None = None
    ) -> bool:
        """Take the yes. False: not theirs, too late, or taken before (by another `cause`)."""
        fresh = (confirmations.c.expires_at > now) & confirmations.c.used_at.is_(None)
        async with self._db.writing() as write:
            result = await write.execute(
                sa.update(confirmations)
                .where(
                    confirmations.c.id == confirmation_id,
                    confirmations.c.person_id == person_id,
                    fresh if cause is None else fresh | (confirmations.c.cause == cause),
                )
                .values(used_at=now, cause=cause)
            )
            return result.rowcount == 1

    async def tidy(self, *, now: datetime) -> bool:
        """Delete drafts, confirmations, finished notices and inbox ids that are long past use, and
        wipe what waits in the inbox in vain: a bounded number of each. True: there may be more.
        """
        old = now - KEPT
        stale = (
            sa.select(training_drafts.c.id)
            .where(training_drafts.c.expires_at < old)
            .order_by(training_drafts.c.expires_at)
            .limit(_DRAFTS)
            .with_for_update(skip_locked=True)
        )
        async with self._db.writing() as write:
            drafts = (await write.execute(stale)).scalars().all()
            for table, column in (
                (training_examples, training_examples.c.draft_id),
                (training_drafts, training_drafts.c.id),
            ):
                await write.execute(sa.delete(table).where(column.in_(drafts)))
            more = len(drafts) == _DRAFTS
            for table, column in (
                (imports, imports.c.expires_at),
                (confirmations, confirmations.c.expires_at),
                (incoming, incoming.c.done_at),
                (invitations, invitations.c.expires_at),
                (links, links.c.expires_at),
                (guesses, guesses.c.at),
            ):
                past = sa.select(table.c.id).where(column < old).order_by(column).limit(_TIDIED)
                gone = await write.execute(sa.delete(table).where(table.c.id.in_(past)))
                more = more or gone.rowcount == _TIDIED
            told = await write.execute(
                sa.delete(notices).where(notices.c.id.in_(_told_long_ago(now)))
            )
            more = more or told.rowcount == _TIDIED
            # Names of months and days sort as they follow each other.
            oldest = month_of(now - BUDGETS_KEPT)
            spent = (
                sa.select(budgets.c.id)
                .where(budgets.c.period < oldest)
                .order_by(budgets.c.period)
                .limit(_TIDIED)
            )
            await write.execute(sa.delete(budgets).where(budgets.c.id.in_(spent)))
            in_vain = (
                sa.select(incoming.c.id)
                .where(incoming.c.done_at.is_(None), incoming.c.received_at < now - WAITS)
                .order_by(incoming.c.id)
                .limit(_TIDIED)
            )
            wiped = await write.execute(
                sa.update(incoming)
                .where(incoming.c.id.in_(in_vain), incoming.c.done_at.is_(None))
                .values(done_at=now, **WIPED)
            )
            more = more or wiped.rowcount == _TIDIED
        if wiped.rowcount:
            log.warning(
                "%s messages had waited %s days for an answer and were wiped: is their platform "
                "served no more?",
                wiped.rowcount,
                WAITS.days,
            )
        return more


def _told_long_ago(now: datetime) -> sa.Select[tuple[int]]:
    ended, kind = notices.c.ended_at, notices.c.kind
    return (
        sa.select(notices.c.id)
        .where(
            ended < now - KEPT,
            kind.not_in([each.value for each in _TOLD_ONCE])
            | ((kind == NoticeKind.LIMIT_NEAR.value) & (ended < now - BUDGETS_KEPT))
            | (ended < now - WARNINGS_KEPT),
        )
        .order_by(ended)
        .limit(_TIDIED)
    )


def _received(row: rows.Row) -> Received:
    return Received(
        id=row["id"],
        incoming=rows.incoming(row["payload"]),
        attempts=row["attempts"],
        answer=row["answer"],
        shown=row["shown"],
        received_at=row["received_at"],
    )
