"""The avatar called by its name into chats that its bot is not in."""

import asyncio
from dataclasses import replace

from avatar.access import Access, access
from avatar.accounts import Way
from avatar.errors import Barred
from avatar.language import speak
from avatar.records import Address
from bot.cards import people
from bot.handlers.desk import Desk
from bot.handlers.plain import plain_reply
from bot.request import Answer, CommandHandler, Request


class GuestHandlers:
    """One answer a call. What was said in other chats is not known there, nor the other way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def ways(self) -> dict[Way, CommandHandler]:
        return {Way.GUEST: self.called}

    async def called(self, request: Request) -> Answer:
        """Answered by the avatar that the caller talks to with this bot, in the language that they
        are spoken to there, if it lets them in there.
        """
        store, incoming = self._desk.store, request.incoming
        author, place = incoming.author, incoming.address
        home = Address(platform=place.platform, chat=author.external_id, bot=place.bot)
        arrival = await store.arrival(author, home, home=None, now=request.now)
        speak(arrival.chat.language)
        theirs, standing = arrival.avatar, arrival.standing
        if theirs is None:
            return people.nobody(creates=False)
        let_in = access(theirs, standing, operator=request.operator, in_group=False)
        if let_in is Access.BLOCKED:
            raise Barred(avatar=theirs.name)
        if let_in is Access.UNSEEN:
            return people.nobody(creates=False)
        if theirs.id != request.chat.avatar_id:
            await store.talk_to(request.chat.id, theirs.id, now=request.now)
        if not standing.met:
            await store.meet(theirs.id, request.person.id, now=request.now)
        await plain_reply(
            self._desk, replace(request, about=theirs, barred=""), stop=asyncio.Event()
        )
        return None
