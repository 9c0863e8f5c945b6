"""Bots of avatars, and accounts of people that avatars answer for."""

import logging
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa

from avatar.accounts import Account, Hours, OwnBot
from avatar.incoming import Incoming
from storage import rows
from storage.base import Base, insert
from storage.sealing import Unsealable
from storage.tables import account_chats, accounts, bots, incoming

log = logging.getLogger(__name__)

MOST = 10_000  # bots of avatars in one installation
WISHES = 100  # of one person
WAITING = 10_000  # messages to one bot among which those of one account are looked for

_BOT = [field.name for field in fields(OwnBot) if field.name != "token"]
_ACCOUNT = [field.name for field in fields(Account) if field.name != "hours"]


class OwnBotTables(Base):
    """Fulfils `avatar.account_stores.OwnBotStore`."""

    async def ask_for_bot(
        self, avatar_id: int, *, platform: str, person_id: int, now: datetime
    ) -> OwnBot:
        """Remember that somebody is about to make a bot for an avatar."""
        async with self._db.writing() as write:
            await write.execute(
                insert(self._db, bots)
                .values(
                    platform=platform,
                    avatar_id=avatar_id,
                    person_id=person_id,
                    asked_at=now,
                    username="",
                    trouble="",
                    dressed="",
                )
                .on_conflict_do_update(
                    index_elements=["platform", "avatar_id"],
                    set_={"person_id": person_id, "asked_at": now},
                    where=bots.c.external_id.is_(None),
                )
            )
            found = await write.execute(
                sa.select(bots).where(bots.c.platform == platform, bots.c.avatar_id == avatar_id)
            )
            return self._own_bot(found.mappings().one())

    async def asked_for_bots(
        self, platform: str, person_id: int, *, since: datetime
    ) -> tuple[OwnBot, ...]:
        """The wishes of a person that no bot was made for yet, the newest first."""
        found = await self._rows(
            sa.select(bots)
            .where(
                bots.c.person_id == person_id,
                bots.c.platform == platform,
                bots.c.external_id.is_(None),
                bots.c.asked_at >= since,
            )
            .order_by(bots.c.asked_at.desc(), bots.c.id.desc())
            .limit(WISHES)
        )
        return tuple(map(self._own_bot, found))

    async def own_bot(self, avatar_id: int, platform: str) -> OwnBot | None:
        row = await self._row(
            sa.select(bots).where(bots.c.platform == platform, bots.c.avatar_id == avatar_id)
        )
        return None if row is None else self._own_bot(row)

    async def own_bot_by_id(self, platform: str, external_id: str) -> OwnBot | None:
        row = await self._row(
            sa.select(bots).where(bots.c.platform == platform, bots.c.external_id == external_id)
        )
        return None if row is None else self._own_bot(row)

    async def own_bots(self, platform: str) -> tuple[OwnBot, ...]:
        """Those that are made, also stopped ones."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(bots)
                .where(bots.c.platform == platform, bots.c.external_id.is_not(None))
                .order_by(bots.c.id)
                .limit(MOST)
            )
            return tuple(self._own_bot(row) for row in found.mappings())

    async def keep_bot(
        self, own_bot_id: int, *, external_id: str, username: str, token: str
    ) -> None:
        """It is made, or has another token: what troubled it is forgotten."""
        sealed = self._sealer.seal(token, belongs_to=_owner(external_id))
        async with self._db.writing() as write:
            await write.execute(
                sa.update(bots)
                .where(bots.c.id == own_bot_id)
                .values(external_id=external_id, username=username, token=sealed, trouble="")
            )

    async def mark_bot(
        self, own_bot_id: int, *, trouble: str | None = None, dressed: str | None = None
    ) -> None:
        """What is None stays."""
        given = {"trouble": trouble, "dressed": dressed}
        values = {name: value for name, value in given.items() if value is not None}
        async with self._db.writing() as write:
            await write.execute(sa.update(bots).where(bots.c.id == own_bot_id).values(values))

    async def stop_bot(self, own_bot_id: int, *, stopped_at: datetime | None) -> None:
        """None: it goes on."""
        async with self._db.writing() as write:
            await write.execute(
                sa.update(bots)
                .where(bots.c.id == own_bot_id)
                .values(stopped_at=stopped_at, trouble="")
            )

    async def reseal_bots(self) -> int:
        """Seal anew what an earlier key sealed; how many."""
        stale: dict[int, str] = {}
        async with self._db.reading() as read:
            query = sa.select(bots.c.id, bots.c.external_id, bots.c.token).limit(MOST)
            for row in await read.execute(query.where(bots.c.token.is_not(None))):
                token = self._opened(row.external_id, row.token)
                if token is not None and not self._sealer.is_newest(row.token):
                    stale[row.id] = self._sealer.seal(token, belongs_to=_owner(row.external_id))
        async with self._db.writing() as write:
            for id_, sealed in stale.items():
                await write.execute(sa.update(bots).where(bots.c.id == id_).values(token=sealed))
        return len(stale)

    def _own_bot(self, row: rows.Row) -> OwnBot:
        token = row["token"] and self._opened(row["external_id"], row["token"])
        return OwnBot(token=token, **{name: row[name] for name in _BOT})

    def _opened(self, external_id: str, sealed: str) -> str | None:
        try:
            return self._sealer.open(sealed, belongs_to=_owner(external_id))
        except Unsealable as error:
            log.warning("the token of bot %s cannot be read: %s", external_id, error.sentence)
            return None


def _owner(external_id: str) -> str:
    return f"token of bot {external_id}"


class AccountTables(Base):
    """Fulfils `avatar.account_stores.AccountStore`."""

    async def connect(
        self,
        *,
        platform: str,
        bot: str,
        connection: str,
        person_id: int,
        avatar_id: int,
        enabled: bool,
        can_reply: bool,
    ) -> Account:
        """One a person and bot. Connected before: the avatar and what was chosen stay."""
        state = {"connection": connection, "enabled": enabled, "can_reply": can_reply}
        async with self._db.writing() as write:
            made = await write.execute(
                insert(self._db, accounts)
                .values(
                    platform=platform,
                    bot=bot,
                    person_id=person_id,
                    avatar_id=avatar_id,
                    away=True,
                    strangers_only=False,
                    **state,
                )
                .on_conflict_do_update(index_elements=["person_id", "platform", "bot"], set_=state)
                .returning(accounts)
            )
            return _account(made.mappings().one())

    async def account(self, platform: str, bot: str, connection: str) -> Account | None:
        row = await self._row(
            sa.select(accounts).where(
                accounts.c.platform == platform,
                accounts.c.bot == bot,
                accounts.c.connection == connection,
            )
        )
        return None if row is None else _account(row)

    async def account_of(self, platform: str, bot: str, person_id: int) -> Account | None:
        row = await self._row(
            sa.select(accounts).where(
                accounts.c.person_id == person_id,
                accounts.c.platform == platform,
                accounts.c.bot == bot,
            )
        )
        return None if row is None else _account(row)

    async def set_away(
        self, account_id: int, *, away: bool, hours: Hours | None, strangers_only: bool
    ) -> None:
        await self._set_account(
            account_id,
            away=away,
            begins=None if hours is None else hours.begins,
            ends=None if hours is None else hours.ends,
            zone=None if hours is None else hours.zone,
            strangers_only=strangers_only,
        )

    async def set_account_avatar(self, account_id: int, avatar_id: int) -> None:
        await self._set_account(account_id, avatar_id=avatar_id)

    async def set_honesty(self, account_id: int, honesty: str | None) -> None:
        await self._set_account(account_id, honesty=honesty)

    async def _set_account(self, account_id: int, **values: int | str | None) -> None:
        async with self._db.writing() as write:
            await write.execute(
                sa.update(accounts).where(accounts.c.id == account_id).values(values)
            )

    async def owner_wrote(self, account_id: int, chat: str, *, now: datetime) -> None:
        """The owner wrote in a chat of theirs themselves."""
        async with self._db.writing() as write:
            await write.execute(
                insert(self._db, account_chats)
                .values(account_id=account_id, chat=chat, owner_wrote_at=now)
                .on_conflict_do_update(
                    index_elements=["account_id", "chat"], set_={"owner_wrote_at": now}
                )
            )

    async def waiting_of(self, platform: str, bot: str, connection: str) -> tuple[Incoming, ...]:
        """What came of a connection of a bot and is not done with yet."""
        found = await self._rows(
            sa.select(incoming.c.payload)
            .where(
                incoming.c.done_at.is_(None),
                incoming.c.platform == platform,
                incoming.c.bot == bot,
            )
            .order_by(incoming.c.id)
            .limit(WAITING)
        )
        waiting = [rows.incoming(row["payload"]) for row in found]
        return tuple(each for each in waiting if each.facts.get("connection") == connection)

    async def owner_wrote_at(self, account_id: int, chat: str) -> datetime | None:
        """When they did last; None: never."""
        row = await self._row(
            sa.select(account_chats.c.owner_wrote_at).where(
                account_chats.c.account_id == account_id, account_chats.c.chat == chat
            )
        )
        return None if row is None else row["owner_wrote_at"]


def _account(row: rows.Row) -> Account:
    hours = None
    if row["begins"] is not None:
        hours = Hours(begins=row["begins"], ends=row["ends"], zone=row["zone"])
    return Account(hours=hours, **{name: row[name] for name in _ACCOUNT})
