"""Everybody's own commands, and who owns what."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from avatar.access import Access, access
from avatar.errors import (
    AlreadyDone,
    AvatarNotFound,
    BadText,
    Barred,
    NotAdministering,
    NotAllowed,
    Refused,
)
from avatar.language import tr
from avatar.records import Avatar, Person
from avatar.secrets import INVITATION
from avatar.text import visible
from bot.actions import Verb, code
from bot.cards import bots
from bot.cards import help as help_cards
from bot.cards import people as cards
from bot.cards.people import Where
from bot.commands import COMMANDS
from bot.dispatcher import administers, may_use
from bot.handlers.bots import offered
from bot.handlers.desk import Desk
from bot.handlers.naming import named_person
from bot.handlers.places import choose
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content, Threads

AVATARS_SHOWN = 8  # on one page
MAX_NAME = 64
_SLUG_TRIES = 50


class PeopleHandlers:
    """/start, /help, /avatars, /newavatar, /owners, /privacy, /forgetme."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "start": self.start,
            "talk": self.talk,
            "help": self.help,
            "avatars": self.avatars,
            "newavatar": self.new_avatar,
            "owners": self.owners,
            "privacy": self.privacy,
            "forgetme": self.forget_me,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {Verb.TALK: self.press_talk, Verb.AVATARS: self.press_avatars}

    async def start(self, request: Request) -> Answer:
        if request.rest.startswith(INVITATION):
            code = request.rest.split()[0]
            avatar = await self._desk.invitations.accept(code, request.person, now=request.now)
            return await self._talk_to(request, avatar)
        if request.rest:
            return await self._talk_to(request, await self._named(request))
        return await self._greet(request, request.about, manages=request.manages)

    async def _named(self, request: Request) -> Avatar:
        """The avatar whose short name was typed."""
        slug = request.rest.split()[0]
        avatar = await self._desk.store.avatar_by_slug(slug.lower())
        if avatar is None or not await self._may_see(request.person, avatar, request):
            raise AvatarNotFound(slug=slug[:64])
        return avatar

    async def talk(self, request: Request) -> Answer:
        """A thread for one conversation."""
        avatar = await self._named(request) if request.rest else request.avatar
        if not isinstance(request.messenger, Threads):
            raise BadText(reason=tr("There are no threads here. Just write."))
        here = avatar.id == request.chat.avatar_id and request.chat.brought
        brought = here or await self._manages(request, avatar)
        if not (
            brought or request.incoming.private or avatar.visibility == "public"
        ):  # who reads along in the server may talk to it in the thread
            raise NotAllowed(avatar=avatar.name)
        thread = await request.messenger.open_thread(
            request.incoming, name=f"{avatar.name} · {request.person.name}"
        )
        chat = await self._desk.store.chat(thread.address, now=request.now)
        await choose(self._desk, chat, avatar, brought=brought, now=request.now)
        await request.messenger.send(
            thread.address, cards.thread_greeting(avatar, hears_all=thread.hears_all)
        )
        return cards.thread_opened(avatar, thread.link)

    async def press_talk(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        avatar = await self._desk.store.avatar(numbers[0])
        if not await self._may_see(request.person, avatar, request):
            raise AvatarNotFound(slug=str(numbers[0]))  # as for one that never was
        return await self._talk_to(request, avatar)

    async def _talk_to(self, request: Request, avatar: Avatar) -> Answer:
        """The chat talks to that avatar now. In a group that is for who runs it to say, and a
        private avatar is brought there by its owners alone.
        """
        manages = await self._manages(request, avatar)
        if not request.incoming.private:
            if not await administers(self._desk.store, request):
                raise NotAdministering
            if avatar.visibility == "private" and not manages:
                raise NotAllowed(avatar=avatar.name)
        brought = manages and not request.incoming.private
        await choose(self._desk, request.chat, avatar, brought=brought, now=request.now)
        return await self._greet(request, avatar, manages=manages)

    async def _greet(self, request: Request, avatar: Avatar | None, *, manages: bool) -> Answer:
        if request.incoming.private:
            usable = [c for c in COMMANDS if may_use(c, _as(request, avatar, manages))]
            await request.messenger.offer_commands(request.incoming.address, usable)
        if avatar is None:
            return cards.nobody(creates=request.creates)
        return cards.greeting(avatar, manages=manages)

    async def help(self, request: Request) -> Answer:
        usable = [command for command in COMMANDS if may_use(command, request)]
        name = request.rest.lstrip("/").lower()
        if not name:
            about = request.about
            return help_cards.help_card(usable, talking_to=None if about is None else about.name)
        for command in usable:
            if command.name == name:
                return help_cards.command_help(command)
        return help_cards.no_such_command(name)

    async def avatars(self, request: Request) -> Answer:
        return await self._page(request, 1)

    async def press_avatars(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return Shown(content=await self._page(request, numbers[0]), in_place=True)

    async def _page(self, request: Request, page: int) -> Content:
        page = max(1, min(page, 1_000_000))
        found = await self._desk.store.avatars(
            person_id=request.person.id,
            limit=AVATARS_SHOWN + 1,
            offset=(page - 1) * AVATARS_SHOWN,
        )
        return cards.avatars(
            found[:AVATARS_SHOWN],
            talking_to=request.chat.avatar_id,
            page=page,
            more=len(found) > AVATARS_SHOWN,
            creates=request.creates,
        )

    async def new_avatar(self, request: Request) -> Answer:
        name = " ".join(visible(request.rest).split())
        if not name or len(name) > MAX_NAME:
            raise BadText(
                reason=tr(
                    "An avatar needs a name of up to {most} characters: /newavatar Ani",
                    most=MAX_NAME,
                )
            )
        avatar = await self._add(name, request)
        where = await moved_in(self._desk, request, avatar)
        content = cards.created(avatar, where=where)
        if where is Where.MAIN_BOT:
            return content
        more = Content(text=f"{content.text}\n\n{bots.offered(avatar)}")
        return None if await offered(self._desk, request, avatar, more) else content

    async def _add(self, name: str, request: Request) -> Avatar:
        for slug in slugs_of(name):
            try:
                return await self._desk.store.add_avatar(
                    slug=slug,
                    name=name,
                    provider=self._desk.providers.default.name,
                    base_model=self._desk.providers.base_model,
                    owner_id=request.person.id,
                    now=request.now,
                    cause=request.inbox_id,
                )
            except AlreadyDone:
                continue
        raise BadText(reason=tr("There are many avatars of that name. Please choose another one."))

    async def owners(self, request: Request) -> Answer:
        avatar, words = request.avatar, request.rest.split()
        if not words:
            return cards.owners(avatar, await self._desk.store.owners(avatar.id))
        what = words[0].lower()
        if what not in {"add", "remove"} or len(words) > 2:
            raise BadText(reason=cards.owners_usage())
        somebody = await named_person(
            self._desk, request, " ".join(words[1:]), usage=cards.owners_usage()
        )
        if what == "add":
            changed = await self._desk.store.add_owner(
                avatar.id, somebody.id, by=request.person.id, now=request.now
            )
        else:
            changed = await self._desk.store.remove_owner(avatar.id, somebody.id)
        return cards.owner_changed(avatar, somebody, added=what == "add", changed=changed)

    async def privacy(self, request: Request) -> Answer:
        stored = await self._desk.store.count_messages(request.person.id)
        labels = [provider.called for provider in self._desk.providers.values()]
        return cards.privacy(request.person, stored, providers=labels, keeps=self._desk.keeps)

    async def forget_me(self, request: Request) -> Answer:
        stored = await self._desk.store.count_messages(request.person.id)
        confirmation = await self._desk.learning_path.ask(
            code(Verb.FORGET), person=request.person, now=request.now
        )
        return cards.ask_forget(stored, confirmation.id)

    async def _may_see(self, person: Person, avatar: Avatar, request: Request) -> bool:
        standing = await self._desk.store.standing(avatar.id, person.id)
        let_in = access(avatar, standing, operator=request.operator, in_group=False)
        if let_in is Access.BLOCKED:
            raise Barred(avatar=avatar.name)
        return let_in is Access.WELCOME

    async def _manages(self, request: Request, avatar: Avatar) -> bool:
        if request.about is not None and request.about.id == avatar.id:
            return request.manages
        return request.operator or await self._desk.store.is_owner(avatar.id, request.person.id)


async def moved_in(desk: Desk, request: Request, avatar: Avatar) -> Where:
    """The chat talks to a new avatar of the person from now on, if that is for them to say."""
    if not (request.incoming.private or await administers(desk.store, request)):
        return Where.ALONE
    try:
        await desk.store.talk_to(request.chat.id, avatar.id, now=request.now, brought=True)
    except Refused:  # the chat is with a bot that belongs to another avatar
        return Where.MAIN_BOT
    return Where.HERE


def _as(request: Request, avatar: Avatar | None, manages: bool) -> Request:
    return replace(request, about=avatar, manages=manages)


def slugs_of(name: str) -> Iterator[str]:
    """`Kak Ani` as `kak-ani`, and what to try where that is taken: `kak-ani-2`. It stands in deep
    links (Telegram: up to 64 of a-z 0-9 and -).
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "avatar"
    yield wanted
    for n in range(2, _SLUG_TRIES + 1):
        yield f"{wanted}-{n}"
