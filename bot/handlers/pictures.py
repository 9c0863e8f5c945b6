"""/picture: what an avatar looks like where it speaks under its own name."""

import asyncio
from dataclasses import dataclass

from avatar.errors import BadText
from avatar.language import tr
from avatar.pictures import LARGEST_FACE, data_url, mark_of
from bot.actions import Verb
from bot.cards import pictures as cards
from bot.downloads import content_of
from bot.handlers.desk import Desk
from bot.handlers.replies import sent_files
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown


@dataclass(frozen=True, slots=True)
class PictureHandlers:
    """The command around it."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"picture": self.picture}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {Verb.NO_PICTURE: self.press_remove}

    async def picture(self, request: Request) -> Answer:
        avatar, files = request.avatar, sent_files(request)
        if not files:
            return cards.picture(avatar)
        address = request.incoming.address
        content = await content_of(request.messenger, address, files[0], limit=LARGEST_FACE)
        try:
            url = await asyncio.to_thread(data_url, content)
        except BadText:
            raise BadText(
                reason=tr("That is no picture that can be used. Send a JPEG, PNG, GIF or WebP.")
            ) from None
        await self.desk.store.set_picture(avatar.id, mark=mark_of(content), url=url)
        return cards.changed(avatar)

    async def press_remove(self, request: Request, _: tuple[int, ...]) -> Answer:
        await self.desk.store.set_picture(request.avatar.id, mark=None, url=None)
        return Shown(content=cards.removed(request.avatar), in_place=True)
