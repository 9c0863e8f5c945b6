"""Groups, servers and the chats in them: who manages, how much is said."""

import sqlalchemy as sa

from avatar.records import Address
from storage.base import Base, insert
from storage.chats import at
from storage.door_tables import places
from storage.tables import chats, message_refs


class PlaceTables(Base):
    """Fulfils `avatar.door_stores.PlaceStore`."""

    async def manager_role(self, address: Address) -> str:
        """The role whose members may choose who speaks; empty: none."""
        row = await self._row(
            sa.select(places.c.manager_role).where(
                places.c.platform == address.platform,
                places.c.bot == address.bot,
                places.c.chat == address.chat,
            )
        )
        return "" if row is None else str(row["manager_role"])

    async def set_manager_role(self, address: Address, role: str) -> None:
        async with self._db.writing() as write:
            statement = insert(self._db, places).values(
                platform=address.platform,
                bot=address.bot,
                chat=address.chat,
                manager_role=role,
            )
            await write.execute(
                statement.on_conflict_do_update(
                    index_elements=["platform", "bot", "chat"], set_={"manager_role": role}
                )
            )

    async def set_talkative(self, chat_id: int, percent: int) -> None:
        await self._set(chat_id, talkative=percent)

    async def set_quiet(self, chat_id: int, quiet: str) -> None:
        await self._set(chat_id, quiet=quiet)

    async def set_language(self, chat_id: int, tag: str) -> None:
        await self._set(chat_id, language=tag)

    async def language(self, address: Address) -> str:
        """The tag of the language that is spoken at an address; "": it is not known."""
        row = await self._row(sa.select(chats.c.language).where(at(address)))
        return "" if row is None else str(row["language"])

    async def tell_private(self, chat_id: int) -> bool:
        """Whether a chat is still to be told that its avatar is private: once."""
        async with self._db.writing() as write:
            told = await write.execute(
                sa.update(chats)
                .where(chats.c.id == chat_id, chats.c.told_private.is_(False))
                .values(told_private=True)
            )
            return told.rowcount == 1

    async def move(self, address: Address, *, was: str) -> None:
        there = chats.alias()
        in_the_way = (
            sa.exists()
            .where(
                there.c.platform == chats.c.platform,
                there.c.bot == chats.c.bot,
                there.c.chat == address.chat,
                there.c.thread == chats.c.thread,
            )
            .correlate(chats)
        )
        moved = sa.select(chats.c.id).where(
            chats.c.platform == address.platform,
            chats.c.bot == address.bot,
            chats.c.chat == was,
            ~in_the_way,
        )

        def move(write: sa.Connection) -> None:
            ids = write.scalars(moved).all()
            write.execute(sa.delete(message_refs).where(message_refs.c.chat_id.in_(ids)))
            write.execute(sa.update(chats).where(chats.c.id.in_(ids)).values(chat=address.chat))

        await self._db.write(move)

    async def _set(self, chat_id: int, **values: int | str) -> None:
        async with self._db.writing() as write:
            await write.execute(sa.update(chats).where(chats.c.id == chat_id).values(values))

    async def talkative(self, address: Address) -> int:
        """How talkative an avatar is at an address, in percent."""
        row = await self._row(sa.select(chats.c.talkative).where(at(address)))
        return 0 if row is None else int(row["talkative"])
