"""/link and /unlink: one person on several platforms."""

from dataclasses import dataclass

from avatar.errors import AlreadyDone
from avatar.language import tr
from bot.actions import Verb, code
from bot.cards import linking as cards
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request
from bot.screen import Content


@dataclass(frozen=True, slots=True)
class LinkingHandlers:
    """The commands; their questions are answered by the button of any question."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"link": self.link, "unlink": self.unlink}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def link(self, request: Request) -> Answer:
        if not request.incoming.private:
            return cards.not_here()
        linking = self.desk.linking
        if not request.rest:
            accounts = await self.desk.store.known_as(request.person.id)
            return cards.code(await linking.begin(request.person, now=request.now), accounts)
        maker = await linking.whose(request.rest, request.person, now=request.now)
        confirmation = await self.desk.learning_path.ask(
            code(Verb.LINK, maker.id), person=request.person, now=request.now
        )
        return cards.question(maker, confirmation.id)

    async def unlink(self, request: Request) -> Answer:
        accounts = await self.desk.store.known_as(request.person.id)
        if len(accounts) < 2:
            raise AlreadyDone(what=tr("This account is not joined with another. /link joins one."))
        confirmation = await self.desk.learning_path.ask(
            code(Verb.UNLINK), person=request.person, now=request.now
        )
        return cards.ask_unlink(accounts, request.person, confirmation.id)


async def linked(desk: Desk, maker_id: int, request: Request) -> Content:
    """Join what was asked about and confirmed."""
    return cards.joined(await desk.linking.join(maker_id, request.person))


async def unlinked(desk: Desk, request: Request) -> Content:
    """Part what was asked about and confirmed."""
    return cards.parted(changed=await desk.linking.part(request.person))
