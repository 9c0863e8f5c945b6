"""Deep Training from the chat: /train, its preflight, /cancel."""

from dataclasses import dataclass

from avatar.dataset import openai_jsonl
from avatar.errors import BadText
from avatar.records import Attachment, Version
from avatar.versions import parse_number
from bot.actions import Verb
from bot.cards import training as cards
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown


@dataclass(frozen=True, slots=True)
class TrainingHandlers:
    """Commands and buttons of Deep Training."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"train": self.train, "cancel": self.cancel, "wait": self.wait}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.TRAIN: self.press_train,
            Verb.EPOCHS: self.press_epochs,
            Verb.DROP: self.press_drop,
            Verb.CANCEL: self.press_cancel,
        }

    async def train(self, request: Request) -> Answer:
        attachment = _document(request)
        if attachment is None:
            terminal = request.incoming.address.platform == "terminal"
            return cards.how_to_train(terminal=terminal)
        provider = self.desk.provider
        async with request.messenger.download(
            request.incoming.address, attachment, limit=provider.max_file_bytes
        ) as file:
            reading = await openai_jsonl.read(file, name=attachment.name)
        flight = await self.desk.trainings.prepare(
            request.avatar, reading, person=request.person, now=request.now
        )
        return cards.preflight(flight, request.avatar)

    async def press_epochs(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self.desk.trainings.set_epochs(
            numbers[0], numbers[1], person=request.person, now=request.now
        )
        return Shown(content=cards.preflight(flight, request.avatar), in_place=True)

    async def press_drop(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        await self.desk.trainings.drop(numbers[0], person=request.person, now=request.now)
        return Shown(content=cards.dropped(), in_place=True)

    async def press_train(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        incoming = request.incoming
        address = request.messenger.aside(incoming)
        version = await self.desk.trainings.start(
            numbers[0], person=request.person, address=address, now=request.now
        )
        await request.messenger.edit(
            incoming.address, incoming.message_id, cards.started(version, request.avatar)
        )
        ids = await request.messenger.send(address, cards.progress(version, None))
        await self.desk.store.set_progress_message(version.id, address=address, message_id=ids[-1])
        return None

    async def cancel(self, request: Request) -> Answer:
        words = request.rest.split()
        if len(words) != 1:
            raise BadText(reason="Name the version in training by its number: /cancel 3")
        number = parse_number(words[0])
        version = await self.desk.learning_path.find(request.avatar.id, number)
        return await self._cancel(request, version)

    async def wait(self, request: Request) -> Answer:
        """For scripts: go on when nothing is under way."""
        await self.desk.idle()
        return cards.nothing_runs()

    async def press_cancel(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._cancel(request, await self.desk.learning_path.get(numbers[0]))

    async def _cancel(self, request: Request, version: Version) -> Answer:
        await self.desk.trainings.cancel(version, now=request.now)
        return cards.cancelling(version)


def _document(request: Request) -> Attachment | None:
    """The file that came with /train, or that it answers."""
    answered = request.incoming.reply_to
    files = [*request.incoming.attachments, *(answered.attachments if answered else ())]
    return next((file for file in files if file.kind == "document"), None)
