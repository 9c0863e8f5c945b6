"""Messages that were deleted where they stood, and replies of which only a part stands there: they
are forgotten here too.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from avatar.records import Address, Finish, Role
from avatar.saying import together
from avatar.text import storable
from storage import rows
from storage.base import Base
from storage.tables import chats, message_refs, messages

_BATCH = 500  # messages a query


class UnsaidTables(Base):
    """Fulfils a part of `avatar.account_stores.AccountStore`."""

    async def unsay(self, address: Address, platform_ids: Sequence[str]) -> int:
        """What they said is forgotten, and with a question the replies to it; of a turn in several
        messages, what the others say stays. How many turns went.
        """
        at = rows.address_json(address)
        here = sa.select(chats.c.id).where(*(chats.c[name] == at[name] for name in at))

        def unsaid(write: sa.Connection) -> int:
            chat_id = write.scalar(here)
            if chat_id is None:
                return 0
            gone = 0
            for start in range(0, len(platform_ids), _BATCH):
                said = write.execute(
                    sa.delete(message_refs)
                    .where(
                        message_refs.c.chat_id == chat_id,
                        message_refs.c.platform_id.in_(platform_ids[start : start + _BATCH]),
                        message_refs.c.asks.is_(False),
                    )
                    .returning(message_refs.c.message_id)
                )
                gone += sum(_without(write, message_id) for message_id in set(said.scalars()))
            return gone

        return await self._db.write(unsaid)

    async def cut_short(self, message_id: int, *, text: str, earlier_stands: bool) -> None:
        """A reply says no more than this; without a word it goes. `earlier_stands`: the one before
        it, which it was to take the place of, counts again.
        """

        def cut(write: sa.Connection) -> None:
            reply = messages.c.id == message_id
            if text:
                write.execute(
                    sa.update(messages)
                    .where(reply)
                    .values(text=storable(text), finish=Finish.STOPPED.value)
                )
                return
            question = write.scalar(sa.delete(messages).where(reply).returning(messages.c.answers))
            if not earlier_stands or question is None:
                return
            earlier = sa.select(sa.func.max(messages.c.id)).where(messages.c.answers == question)
            write.execute(
                sa.update(messages)
                .where(messages.c.id == earlier.scalar_subquery())
                .values(superseded_at=None)
            )

        await self._db.write(cut)


def _without(write: sa.Connection, message_id: int) -> int:
    """Let a turn say what its messages that are left say; without any it goes, and what answers it
    too. How many turns went.
    """
    left = write.execute(
        sa.select(message_refs.c.part)
        .where(message_refs.c.message_id == message_id, message_refs.c.asks.is_(False))
        .order_by(message_refs.c.id)
    )
    parts = left.scalars().all()
    turn = messages.c.id == message_id
    if not parts:
        replies = write.execute(sa.delete(messages).where(messages.c.answers == message_id))
        return replies.rowcount + write.execute(sa.delete(messages).where(turn)).rowcount
    # A reply in several messages is one text: what is left of it is not known apart.
    said = together([part for part in parts if part is not None])
    if said:
        is_question = messages.c.role == Role.USER.value
        write.execute(sa.update(messages).where(turn, is_question).values(text=said))
    return 0
