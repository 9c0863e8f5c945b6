"""An avatar that answers in its owner's own chats: /away, /honesty, and what is said there.

Nothing is managed in those chats, whoever writes: a command is plain talk there, no button is
shown, and what goes wrong is no business of the person who wrote to somebody else.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime

from avatar.accounts import (
    HONESTY,
    MAX_HONESTY,
    MIN_HONESTY,
    Account,
    Way,
    answers,
    read_hours,
)
from avatar.errors import AvatarError, BadText, DeliveryError, NotDelivered, StoreFailed
from avatar.incoming import Incoming
from avatar.language import tr
from avatar.records import Avatar
from avatar.text import visible
from bot.actions import Verb
from bot.cards import away as cards
from bot.handlers.desk import Desk
from bot.handlers.plain import plain_reply
from bot.handlers.replying import Anew, cut_short, said_anew
from bot.request import Answer, CommandHandler, PressHandler, Request

log = logging.getLogger(__name__)

CONNECTED_SOON = 1.0  # seconds


class AwayHandlers:
    """Whose account it is, decides; the avatar's owners alone can let it answer for them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"away": self.away, "honesty": self.honesty}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    @property
    def ways(self) -> dict[Way, CommandHandler]:
        return {Way.CONNECTION: self.connection, Way.ACCOUNT: self.said}

    async def _account(self, request: Request) -> Account | None:
        """The person's own, with the bot that they talk to."""
        address = request.incoming.address
        return await self._desk.store.account_of(address.platform, address.bot, request.person.id)

    async def away(self, request: Request) -> Answer:
        store, avatar = self._desk.store, request.avatar
        account = await self._account(request)
        if account is None:
            return cards.how_to_connect(avatar)
        wish = request.rest.lower()
        away, hours, strangers_only = account.away, account.hours, account.strangers_only
        match wish:
            case "":
                return await self._state(account)
            case "on":
                away = True
                if not await store.is_owner(avatar.id, request.person.id):
                    return cards.not_yours()
                await store.set_account_avatar(account.id, avatar.id)
            case "off":
                away = False
            case "always":
                hours = None
            case "all" | "strangers":
                strangers_only = wish == "strangers"
            case _:
                hours = read_hours(wish)
        await store.set_away(account.id, away=away, hours=hours, strangers_only=strangers_only)
        account = await self._account(request) or account
        await self._stop_unwanted(account, now=request.now)
        return await self._state(account)

    async def _stop_unwanted(self, account: Account, *, now: datetime) -> None:
        """Stop the replies on their way that would not be begun any more."""
        store = self._desk.store
        for each in await store.waiting_of(account.platform, account.bot, account.connection):
            if each.way is not Way.ACCOUNT:
                continue
            wrote_at = await store.owner_wrote_at(account.id, each.address.chat)
            if not answers(account, owner_wrote_at=wrote_at, said_at=each.sent_at, now=now):
                await self._desk.running.stop(each.address)

    async def _state(self, account: Account) -> Answer:
        """How an account is answered for."""
        if not await self._desk.store.is_owner(account.avatar_id, account.person_id):
            return cards.not_yours()
        return cards.state(await self._desk.store.avatar(account.avatar_id), account)

    async def honesty(self, request: Request) -> Answer:
        account = await self._account(request)
        if account is None:
            return cards.how_to_connect(request.avatar)
        text = visible(request.rest).strip()
        if text:
            usual = text.lower() == "usual"
            if not usual and not MIN_HONESTY <= len(text) <= MAX_HONESTY:
                raise BadText(
                    reason=tr(
                        "It takes {least} to {most:,} characters to say that.",
                        least=MIN_HONESTY,
                        most=MAX_HONESTY,
                    )
                )
            await self._desk.store.set_honesty(account.id, None if usual else text)
        return cards.honesty(await self._account(request) or account)

    async def connection(self, request: Request) -> Answer:
        """Somebody connected the bot with their account, or took it away."""
        store, incoming = self._desk.store, request.incoming
        facts, address, avatar = incoming.facts, incoming.address, request.about
        known = await self._account(request)
        enabled = bool(facts["enabled"])
        if avatar is not None and not await store.is_owner(avatar.id, request.person.id):
            avatar = None
        if known is not None:
            avatar_id = known.avatar_id
            # Theirs no more, and they connect it anew while they talk to one that is.
            if avatar is not None and not await store.is_owner(avatar_id, known.person_id):
                avatar_id = avatar.id
                await store.set_account_avatar(known.id, avatar_id)
        elif not enabled:
            return None
        elif avatar is None:
            return cards.not_yours()
        else:
            avatar_id = avatar.id
        account = await store.connect(
            platform=address.platform,
            bot=address.bot,
            connection=facts["connection"],
            person_id=request.person.id,
            avatar_id=avatar_id,
            enabled=enabled,
            can_reply=bool(facts["can_reply"]),
        )
        await self._stop_unwanted(account, now=request.now)
        if not enabled:
            return cards.disconnected()
        if known is not None:  # what they chose before holds: that may be to answer nobody
            return await self._state(account)
        return cards.connected(await store.avatar(account.avatar_id), account)

    async def said(self, request: Request) -> Answer:
        """Something was said in one of somebody's own chats."""
        store, incoming = self._desk.store, request.incoming
        address = incoming.address
        account = await store.account(address.platform, address.bot, incoming.facts["connection"])
        if account is None:
            await self._wait_for_connection(incoming)
            log.info("an account is not known: its owner has to connect it again")
            return None
        if request.person.id == account.person_id:
            # An edit too: they have the chat open and look after what is said in it, and an answer
            # in their name would come in between.
            await store.owner_wrote(account.id, address.chat, now=incoming.sent_at)
            await self._desk.running.stop(address)
            return None
        # From before it is asked whether they wrote: who takes over now stops it.
        # And what its owner wishes, by now: a wish that was told before that stopped nothing.
        with self._desk.running.stoppable(address) as stop:
            account = await store.account(address.platform, address.bot, account.connection)
            if account is not None:
                await self._answer(request, account, stop)
        return None

    async def _wait_for_connection(self, incoming: Incoming) -> None:
        """Raises NotDelivered where the connection was told of and waits itself, behind what is
        answered in its owner's chat with the bot.
        """
        address, connection = incoming.address, incoming.facts["connection"]
        waiting = await self._desk.store.waiting_of(address.platform, address.bot, connection)
        if any(each.way is Way.CONNECTION for each in waiting):
            raise NotDelivered(retry_after=CONNECTED_SOON, detail="the account is not known yet")

    async def _answer(self, request: Request, account: Account, stop: asyncio.Event) -> None:
        """Answer for the account's owner, if the avatar is to. What goes wrong is not said."""
        try:
            avatar, anew = await self._to_answer(request, account)
            if avatar is not None:
                await plain_reply(
                    self._desk,
                    replace(request, about=avatar),
                    stop=stop,
                    rider=account.honesty or HONESTY,
                    anew=anew,
                    cuts=True,
                )
            elif request.again:
                await cut_short(self._desk, request)
        except (DeliveryError, StoreFailed):
            raise
        except AvatarError as error:
            log.warning("no answer in a chat of account %s: %s", account.id, error.sentence)
        except Exception:
            log.exception("no answer in a chat of account %s", account.id)

    async def _to_answer(
        self, request: Request, account: Account
    ) -> tuple[Avatar | None, Anew | None]:
        """Who answers, and what is answered anew; None: nobody does."""
        store, incoming = self._desk.store, request.incoming
        wrote_at = await store.owner_wrote_at(account.id, incoming.address.chat)
        if not answers(account, owner_wrote_at=wrote_at, said_at=incoming.sent_at, now=request.now):
            return None, None
        anew = None
        if incoming.edited:
            anew = await said_anew(self._desk, request)
            # What the owner answered themselves, or nobody did, is none of the avatar's.
            answered = anew is not None and anew.shown
            if not answered or _is_behind(wrote_at, anew):
                return None, None
        if not await store.is_owner(account.avatar_id, account.person_id):
            log.info("account %s: its owner does not own the avatar any more", account.id)
            return None, None
        if request.chat.avatar_id != account.avatar_id:
            await store.talk_to(request.chat.id, account.avatar_id, now=request.now)
        return await store.avatar(account.avatar_id), anew


def _is_behind(wrote_at: datetime | None, anew: Anew | None) -> bool:
    """Whether the owner wrote after the question that was changed: it is not the newest."""
    question = None if anew is None else anew.said.retry_of
    return wrote_at is not None and question is not None and wrote_at >= question.created_at
