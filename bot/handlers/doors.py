"""Who is let in to an avatar: /share, /invite, /people, /block, /unblock, /limits."""

from dataclasses import dataclass

from avatar import invitations as rules
from avatar.errors import BadText
from avatar.language import tr
from avatar.limits import Own, messages_per_minute, parse_dollars
from avatar.records import Avatar, Person
from bot.actions import Verb
from bot.cards import doors as cards
from bot.handlers.desk import Desk
from bot.handlers.naming import named_person
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content

MAX_PAGE = 1_000_000
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class DoorHandlers:
    """Commands and buttons of doors."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "share": self.share,
            "invite": self.invite,
            "people": self.people,
            "block": self.block,
            "unblock": self.unblock,
            "limits": self.limits,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.PUBLISH: self.press_publish,
            Verb.HIDE: self.press_hide,
            Verb.REVOKE: self.press_revoke,
            Verb.PEOPLE: self.press_people,
            Verb.BLOCK: self.press_block,
            Verb.UNBLOCK: self.press_unblock,
        }

    # --- sharing

    async def share(self, request: Request) -> Answer:
        return await self._share(request, request.avatar)

    async def _share(self, request: Request, avatar: Avatar) -> Content:
        open_ = await self.desk.store.invitations(
            avatar.id, now=request.now, limit=rules.OPEN_SHOWN
        )
        link = request.messenger.link(avatar.slug)
        return cards.share(avatar, link, open_, now=request.now)

    async def press_publish(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self._see(request, "public")

    async def press_hide(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self._see(request, "private")

    async def _see(self, request: Request, visibility: str) -> Answer:
        await self.desk.store.set_visibility(request.avatar.id, visibility)
        avatar = await self.desk.store.avatar(request.avatar.id)
        return Shown(content=await self._share(request, avatar), in_place=True)

    async def invite(self, request: Request) -> Answer:
        words = request.rest.split()
        numbers = [int(word) for word in words if _is_number(word)]
        if len(numbers) != len(words) or len(words) > 2:
            raise BadText(
                reason=tr(
                    "Say for how many people and for how many days: /invite 5 30. Without numbers "
                    "it is for one person and a week."
                )
            )
        uses, days = (*numbers, *(rules.USES, rules.DAYS)[len(numbers) :])
        made = await self.desk.invitations.make(
            request.avatar, uses=uses, days=days, person=request.person, now=request.now
        )
        return cards.invited(request.avatar, made, request.messenger.link(made.code))

    async def press_revoke(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        await self.desk.store.revoke_invitation(numbers[0], now=request.now)
        return Shown(content=await self._share(request, request.avatar), in_place=True)

    # --- people

    async def people(self, request: Request) -> Answer:
        word = request.rest or "1"
        if not _is_number(word):
            raise BadText(reason=tr("Name a page by its number: /people 2"))
        return await self._people(request, int(word))

    async def press_people(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return Shown(content=await self._people(request, numbers[1]), in_place=True)

    async def _people(self, request: Request, page: int) -> Content:
        page = max(1, min(page, MAX_PAGE))
        found = await self.desk.store.acquaintances(
            request.avatar.id, limit=cards.PAGE + 1, offset=(page - 1) * cards.PAGE
        )
        return cards.people(
            request.avatar,
            found[: cards.PAGE],
            page=page,
            more=len(found) > cards.PAGE,
            now=request.now,
        )

    async def block(self, request: Request) -> Answer:
        somebody = await named_person(self.desk, request, request.rest, usage=cards.block_usage())
        return await self._block(request, somebody)

    async def unblock(self, request: Request) -> Answer:
        somebody = await named_person(self.desk, request, request.rest, usage=cards.block_usage())
        return await self._unblock(request, somebody)

    async def press_block(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._block(request, await self._met(numbers[1]))

    async def press_unblock(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._unblock(request, await self._met(numbers[1]))

    async def _met(self, person_id: int) -> Person:
        found = await self.desk.store.people([person_id])
        if person_id not in found:
            raise BadText(reason=tr("I do not know them any more. /people lists whom I do."))
        return found[person_id]

    async def _block(self, request: Request, somebody: Person) -> Answer:
        changed = await self.desk.invitations.block(request.avatar, somebody.id, now=request.now)
        return cards.blocked(request.avatar, somebody, changed=changed)

    async def _unblock(self, request: Request, somebody: Person) -> Answer:
        changed = await self.desk.store.unblock(request.avatar.id, somebody.id)
        return cards.unblocked(request.avatar, somebody, changed=changed)

    # --- limits

    async def limits(self, request: Request) -> Answer:
        avatar, words = request.avatar, request.rest.lower().split()
        if words:
            if len(words) != 2 or words[0] not in cards.LIMITS:
                raise BadText(reason=cards.limits_usage())
            which = cards.LIMITS[words[0]]
            await self.desk.limiter.set_own(avatar, which, _most(which, words[1]))
            avatar = await self.desk.store.avatar(avatar.id)
        limiter = self.desk.limiter
        return cards.limits(
            avatar,
            await limiter.filled(avatar, now=request.now),
            messages=messages_per_minute(avatar, limiter.limits),
            usual=limiter.limits,
        )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= _DIGITS


def _most(which: Own, word: str) -> int | None:
    if word in {"usual", "none"}:
        return None
    if which is not Own.MESSAGES:
        return parse_dollars(word)
    if not _is_number(word):
        raise BadText(reason=cards.limits_usage())
    return int(word)
