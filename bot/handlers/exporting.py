"""/export and /import: an avatar as one file, and back."""

import asyncio
from dataclasses import dataclass

from avatar import exporting
from avatar.errors import AlreadyDone, BadText
from avatar.exporting import Export
from avatar.exports import Imported
from avatar.language import tr
from bot.actions import Verb
from bot.cards import exporting as cards
from bot.handlers.desk import Desk
from bot.handlers.people import moved_in, slugs_of
from bot.handlers.training import document_of
from bot.request import Answer, CommandHandler, PressHandler, Request

MOST_SENT = 45_000_000  # bytes: what every platform takes; Discord says so where it does not
MOST_TAKEN = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExportingHandlers:
    """Commands around files of whole avatars."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"export": self.export, "import": self.import_}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def export(self, request: Request) -> Answer:
        avatar = request.avatar
        export = await self.desk.exports.export(avatar)
        content = await asyncio.to_thread(exporting.write, export)
        if len(content) > MOST_SENT:
            raise BadText(
                reason=tr(
                    "{name} makes a file of {size:.0f} MB, which cannot be sent here. The operator "
                    "can write a backup of everything.",
                    name=avatar.name,
                    size=len(content) / 1_000_000,
                )
            )
        return cards.exported(avatar, export, content)

    async def import_(self, request: Request) -> Answer:
        attachment = document_of(request)
        if attachment is None:
            raise BadText(reason=cards.how_to_import())
        async with request.messenger.download(
            request.incoming.address, attachment, limit=MOST_TAKEN
        ) as file:
            export = await asyncio.to_thread(exporting.read, file)
        done = await self._bring(export, request)
        where = await moved_in(self.desk, request, done.avatar)
        return cards.imported(done, export, where=where)

    async def _bring(self, export: Export, request: Request) -> Imported:
        for slug in slugs_of(export.name):
            try:
                return await self.desk.exports.bring(
                    export,
                    slug=slug,
                    person=request.person,
                    operator=request.operator,
                    now=request.now,
                    cause=request.inbox_id,
                )
            except AlreadyDone:
                continue
        raise BadText(reason=tr("There are many avatars of that name. Rename one of them first."))
