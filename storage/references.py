"""As which of the platform's messages turns were sent and shown."""

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from avatar.chat_stores import Found, Part
from avatar.records import Address, Message
from storage import rows
from storage.base import Base, insert_into
from storage.chats import AT
from storage.columns import Id
from storage.database import Database
from storage.prepared import Prepared
from storage.tables import chats, message_refs, messages

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


@cache
def _showing(is_sqlite: bool) -> Prepared:
    statement = insert_into(message_refs, is_sqlite=is_sqlite)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["chat_id", "platform_id"],
            set_={name: statement.excluded[name] for name in ("message_id", "part", "asks")},
        )
    )


def refer(
    database: Database,
    write: sa.Connection,
    parts: Sequence[Part],
    *,
    chat_id: int,
    message_id: int | None,
    asks: bool = False,
) -> None:
    """Remember the platform's messages of a turn, or those that ask about it."""
    for part in parts:
        reference = {
            "chat_id": chat_id,
            "platform_id": part.platform_id,
            "message_id": message_id,
            "part": part.text,
            "asks": asks,
        }
        _showing(database.is_sqlite).tuples(write, reference)


class ReferenceTables(Base):
    """Fulfils `avatar.chat_stores.ChatStore`."""

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
        parts = [Part(platform_id=each) for each in platform_ids]

        def referred(write: sa.Connection) -> None:
            shown = {"message_id": message_id, **rows.address_json(address)}
            if (chat_id := _SHOWN_IN.scalar(write, shown)) is not None:  # not forgotten meanwhile
                refer(self._db, write, parts, chat_id=chat_id, message_id=message_id, asks=asks)

        await self._db.write(referred)

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
