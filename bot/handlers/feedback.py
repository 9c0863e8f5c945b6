"""Thumbs under replies, and answers to the question what a reply should have said."""

from dataclasses import dataclass

from avatar.chat_stores import Found
from avatar.errors import NotAllowed
from avatar.incoming import Reaction
from avatar.records import Address, Message, Role
from bot.cards import teaching as cards
from bot.handlers.desk import Desk
from bot.request import Answer, Request


@dataclass(frozen=True, slots=True)
class FeedbackHandlers:
    """What owners think of replies. A thumb is a small thing: only a thumbs-down is answered."""

    desk: Desk

    async def react(self, request: Request, found: Found) -> Answer:
        """A thumb of an owner. Doing the same twice changes nothing."""
        reply, teaching = found.message, self.desk.teaching
        if found.asks or reply.role is not Role.ASSISTANT:
            return None
        match request.incoming.reaction:
            case Reaction.UP:
                await teaching.like(
                    request.avatar,
                    reply,
                    person=request.person,
                    now=request.now,
                    cause=request.inbox_id,
                )
            case Reaction.UP_GONE:
                await teaching.unlike(reply, person=request.person)
            case Reaction.DOWN:
                await teaching.unlike(reply, person=request.person)
                await self._ask(request, reply, found)
        return None

    async def _ask(self, request: Request, reply: Message, found: Found) -> None:
        """What it should have said: asked once, and where only the owner reads it."""
        store, messenger = self.desk.store, request.messenger
        place = await self._alone(request, found)
        if place is None or await store.was_asked(reply.id):
            return
        for sent in await messenger.send(place, cards.what_instead(reply)):
            address, id_ = messenger.stands(place, sent)
            await store.chat(address, now=request.now)
            await store.asked_as(reply.id, address=address, platform_ids=[id_])

    async def _alone(self, request: Request, found: Found) -> Address | None:
        """Where the person can be written to alone; None: nowhere that we know of."""
        incoming = request.incoming
        if incoming.private:
            return found.address
        homes = await self.desk.store.homes([request.person.id])
        home = homes.get(request.person.id)
        if home is not None and home.platform == incoming.address.platform:
            return home
        aside = request.messenger.aside(incoming)
        return None if aside == incoming.address else aside

    async def correction(self, request: Request) -> Answer:
        """What a reply should have said, if that was asked and this is the answer; None: it was
        not. Raises NotAllowed and BadText.
        """
        answered, store = request.incoming.reply_to, self.desk.store
        if answered is None or not answered.from_us:
            return None
        found = await store.found(request.incoming.address, answered.message_id)
        if found is None or not found.asks:
            return None
        avatar = await store.avatar(found.message.avatar_id)
        owns = request.operator or await store.is_owner(avatar.id, request.person.id)
        if not owns:
            raise NotAllowed(avatar=avatar.name)
        one = await self.desk.teaching.teach(
            avatar,
            found.message,
            "\n".join(part.text for part in request.parts),
            person=request.person,
            now=request.now,
            cause=request.inbox_id,
        )
        return cards.taught(avatar, one, await store.count_taught(avatar.id))
