"""The avatar called by its name into chats that its bot is not in."""

import asyncio
from dataclasses import replace

from avatar.accounts import Way
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
        """Answered by the avatar that the caller talks to with this bot."""
        store, incoming = self._desk.store, request.incoming
        author, place = incoming.author, incoming.address
        home = Address(platform=place.platform, chat=author.external_id, bot=place.bot)
        theirs = (await store.arrival(author, home, home=None, now=request.now)).avatar
        if theirs is None:
            return people.nobody(creates=False)
        if theirs.id != request.chat.avatar_id:
            await store.talk_to(request.chat.id, theirs.id, now=request.now)
        await plain_reply(self._desk, replace(request, about=theirs), stop=asyncio.Event())
        return None
