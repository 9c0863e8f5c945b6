"""Avatars' own bots: /bot, and what the platform tells of them."""

from datetime import timedelta

from avatar.accounts import Way
from avatar.errors import NotAllowed
from avatar.records import Avatar
from bot.actions import Verb
from bot.cards import bots as cards
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content, OwnBots

PLATFORM = "telegram"
ASKED = timedelta(days=1)  # how long a wish for a bot is good


class BotHandlers:
    """An avatar's bot is made by its owners, and stopped by them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"bot": self.bot}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {Verb.STOP_BOT: self.press_stop, Verb.START_BOT: self.press_start}

    @property
    def ways(self) -> dict[Way, CommandHandler]:
        return {Way.OWN_BOT: self.made}

    async def bot(self, request: Request) -> Answer:
        avatar = request.avatar
        own = await self._desk.store.own_bot(avatar.id, PLATFORM)
        if own is not None and own.made:
            return cards.state(avatar, own)
        if await offered(self._desk, request, avatar, cards.offer(avatar)):
            return None
        return cards.not_here(avatar)

    async def made(self, request: Request) -> Answer:
        """A bot was made with our button or our link, or has another token or owner."""
        store, messenger, facts = self._desk.store, request.messenger, request.incoming.facts
        if not isinstance(messenger, OwnBots):
            return None
        id_, username = facts["bot"], facts["username"]
        known = await store.own_bot_by_id(PLATFORM, id_)
        if known is not None:
            await messenger.take_bot(known, external_id=id_, username=username)
            return None
        since = request.now - ASKED
        wishes = await store.asked_for_bots(PLATFORM, request.person.id, since=since)
        if not wishes:
            return cards.unasked(username)
        # Which button it was made with is not told: the newest one's, if the names tell no other.
        meant = [(wish, await store.avatar(wish.avatar_id)) for wish in wishes]
        given = facts.get("name", "").casefold(), username.casefold()
        wish, avatar = max(meant, key=lambda each: _likeness(each[1], *given))
        # Ownership may have ended since the button was shown.
        if not (request.operator or await store.is_owner(avatar.id, request.person.id)):
            raise NotAllowed(avatar=avatar.name)
        await messenger.take_bot(wish, external_id=id_, username=username)
        return cards.made(avatar, username)

    async def press_stop(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self._set(request, stop=True)

    async def press_start(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self._set(request, stop=False)

    async def _set(self, request: Request, *, stop: bool) -> Answer:
        store, avatar = self._desk.store, request.avatar
        own = await store.own_bot(avatar.id, PLATFORM)
        if own is None or not own.made:
            return Shown(content=cards.not_here(avatar), in_place=True)
        await store.stop_bot(own.id, stopped_at=request.now if stop else None)
        if isinstance(request.messenger, OwnBots):
            request.messenger.look_again()
        now = await store.own_bot(avatar.id, PLATFORM)
        return Shown(content=cards.state(avatar, now or own), in_place=True)


def _likeness(avatar: Avatar, name: str, username: str) -> int:
    """How much a bot is called what the button for an avatar proposed."""
    proposed = cards.wish(avatar)
    return 2 * (username == proposed.username.casefold()) + (name == proposed.name.casefold())


async def offered(desk: Desk, request: Request, avatar: Avatar, content: Content) -> bool:
    """Show the content with a button that makes a bot for an avatar. False, and nothing is shown:
    none can be made from here.
    """
    address, messenger = request.incoming.address, request.messenger
    if not (isinstance(messenger, OwnBots) and messenger.can_make_bots(address)):
        return False
    await desk.store.ask_for_bot(
        avatar.id, platform=PLATFORM, person_id=request.person.id, now=request.now
    )
    await messenger.offer_bot(address, content, cards.wish(avatar))
    return True
