"""Groups and servers: /avatar, /talkative, /quiet, /managers. Who may was checked before."""

import re
from dataclasses import dataclass
from datetime import datetime

from avatar.errors import AvatarNotFound, BadText, NotAdministering, NotAllowed
from avatar.language import tr
from avatar.quiet import parse_quiet
from avatar.records import Avatar, Chat
from bot.actions import Verb
from bot.cards import places as cards
from bot.handlers.desk import Desk
from bot.overhearing import MOST_PERCENT
from bot.request import Answer, CommandHandler, PressHandler, Request

_WORDS = {"off": 0, "never": 0, "sometimes": 5, "often": 15}
_ROLE = re.compile(r"(?:<@&)?(\d{1,20})>?", re.ASCII)


async def choose(desk: Desk, chat: Chat, avatar: Avatar, *, brought: bool, now: datetime) -> None:
    """A chat talks to that avatar from now on; `brought`: one of its owners says so. Where all that
    is so already, its conversation goes on.
    """
    if avatar.id != chat.avatar_id or (brought and not chat.brought):
        await desk.store.talk_to(chat.id, avatar.id, now=now, brought=brought)


@dataclass(frozen=True, slots=True)
class PlaceHandlers:
    """Commands of those who run a group."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "avatar": self.avatar,
            "talkative": self.talkative,
            "quiet": self.quiet,
            "managers": self.managers,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def avatar(self, request: Request) -> Answer:
        if not request.rest:
            return cards.speaks(request.about, request.chat)
        avatar, theirs = await self._named(request, request.rest.split()[0])
        await choose(self.desk, request.chat, avatar, brought=theirs, now=request.now)
        return cards.speaks(avatar, request.chat)

    async def _named(self, request: Request, slug: str) -> tuple[Avatar, bool]:
        """An avatar that the person may bring here: a public one, or (True) one of their own."""
        avatar = await self.desk.store.avatar_by_slug(slug.lower())
        if avatar is None:
            raise AvatarNotFound(slug=slug[:64])
        standing = await self.desk.store.standing(avatar.id, request.person.id)
        theirs = standing.owns or request.operator
        if avatar.visibility == "public" or theirs:
            return avatar, theirs
        if standing.invited and not standing.blocked:
            raise NotAllowed(avatar=avatar.name)
        raise AvatarNotFound(slug=slug[:64])

    async def talkative(self, request: Request) -> Answer:
        if not request.rest:
            percent = request.chat.talkative
        else:
            percent = _percent(request.rest)
            await self.desk.store.set_talkative(request.chat.id, percent)
        hears = not percent or await request.messenger.hears_all(request.incoming.address)
        return cards.talkative(percent, hears_all=hears, platform=request.incoming.address.platform)

    async def quiet(self, request: Request) -> Answer:
        if not request.rest:
            return cards.quiet(request.chat.quiet)
        hours = "" if request.rest.lower() in {"off", "none"} else str(parse_quiet(request.rest))
        await self.desk.store.set_quiet(request.chat.id, hours)
        return cards.quiet(hours)

    async def managers(self, request: Request) -> Answer:
        address = request.incoming.address
        if request.incoming.private:
            raise BadText(reason=tr("There are no roles here. Use this command in a server."))
        if not request.rest:
            return cards.managers(await self.desk.store.manager_role(address))
        # Who has the role chooses who speaks here, and not who else may.
        if not (request.operator or await request.messenger.administers(request.incoming)):
            raise NotAdministering
        if request.rest.lower() in {"off", "none"}:
            role = ""
        elif (found := _ROLE.fullmatch(request.rest.strip())) is not None:
            role = found[1]
        else:
            raise BadText(reason=cards.managers_usage())
        await self.desk.store.set_manager_role(address, role)
        return cards.managers(role)


def _percent(text: str) -> int:
    word = text.strip().lower().removesuffix("%").strip()
    if word in _WORDS:
        return _WORDS[word]
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= MOST_PERCENT:
        return int(word)
    raise BadText(reason=cards.talkative_usage())
