"""/picture: what an avatar looks like where it speaks under its own name."""

import asyncio
import hashlib
from dataclasses import dataclass

from avatar.errors import BadText
from avatar.language import tr
from bot.actions import Verb
from bot.cards import pictures as cards
from bot.downloads import content_of
from bot.handlers.desk import Desk
from bot.handlers.replies import sent_files
from bot.pictures import data_url
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown

LARGEST = 2_000_000  # bytes
_MARK = 16  # characters by which one picture is told from another


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
        content = await content_of(request.messenger, address, files[0], limit=LARGEST)
        try:
            url = await asyncio.to_thread(data_url, content)
        except BadText:
            raise BadText(
                reason=tr("That is no picture that can be used. Send a JPEG, PNG, GIF or WebP.")
            ) from None
        mark = hashlib.sha256(content).hexdigest()[:_MARK]
        await self.desk.store.set_picture(avatar.id, mark=mark, url=url)
        return cards.changed(avatar)

    async def press_remove(self, request: Request, _: tuple[int, ...]) -> Answer:
        await self.desk.store.set_picture(request.avatar.id, mark=None, url=None)
        return Shown(content=cards.removed(request.avatar), in_place=True)
