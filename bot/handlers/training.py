"""Deep Training from the chat: /train, /retrain, the preflight, /adopt, /base, /cancel."""

import logging
from dataclasses import dataclass

from avatar.dataset.openai_jsonl import MIN_EXAMPLES
from avatar.errors import Expired
from avatar.importing import Asked
from avatar.language import tr
from avatar.records import Attachment, Version
from bot.actions import Verb
from bot.cards import importing, models
from bot.cards import training as cards
from bot.handlers.desk import Desk
from bot.handlers.importing import first_card, flight_card
from bot.handlers.naming import named_version
from bot.handlers.reading import told
from bot.handlers.replies import sent_files
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingHandlers:
    """Commands and buttons of Deep Training."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "train": self.train,
            "retrain": self.retrain,
            "adopt": self.adopt,
            "base": self.base,
            "cancel": self.cancel,
            "wait": self.wait,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.TRAIN: self.press_train,
            Verb.EPOCHS: self.press_epochs,
            Verb.DROP: self.press_drop,
            Verb.CANCEL: self.press_cancel,
            Verb.WHERE: self.press_where,
            Verb.TARGET: self.press_target,
            Verb.RETRAIN: self.press_retrain,
            Verb.BASES: self.press_bases,
            Verb.REBASE: self.press_rebase,
        }

    async def train(self, request: Request) -> Answer:
        attachment = document_of(request)
        if attachment is None:
            taught = await self.desk.store.count_taught(request.avatar.id)
            return cards.how_to_train(
                request.avatar,
                terminal=request.incoming.address.platform == "terminal",
                taught=taught,
                enough=taught >= MIN_EXAMPLES,
            )
        limit = self.desk.trainings.target(request.avatar).provider.max_file_bytes
        address = request.incoming.address
        async with (
            told(request.messenger, address, attachment, self.desk.running) as watch,
            request.messenger.download(address, attachment, limit=limit) as file,
        ):
            step = await self.desk.imports.begin(
                request.avatar,
                file,
                attachment,
                address=address,
                person=request.person,
                now=request.now,
                watch=watch,
            )
        match step:
            case Asked():
                return importing.question(step)
            case _:
                return await first_card(self.desk, step, request)

    async def press_where(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self.desk.trainings.open(numbers[0], person=request.person, now=request.now)
        return Shown(content=await first_card(self.desk, flight, request), in_place=True)

    async def press_target(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self.desk.trainings.set_target(
            numbers[0], numbers[1], person=request.person, now=request.now
        )
        return Shown(content=await flight_card(self.desk, flight, request), in_place=True)

    async def retrain(self, request: Request) -> Answer:
        missing = tr("Name the version whose examples are to be trained: /retrain 3")
        version = await named_version(self.desk, request, missing=missing)
        return await self._retrain(request, version)

    async def press_retrain(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._retrain(request, await self.desk.learning_path.get(numbers[0]))

    async def _retrain(self, request: Request, version: Version) -> Answer:
        flight = await self.desk.trainings.again(
            version, request.avatar, person=request.person, now=request.now
        )
        return await first_card(self.desk, flight, request)

    async def adopt(self, request: Request) -> Answer:
        words = request.rest.split()
        if not words:
            return models.adoptable(
                await self.desk.models.adoptable(
                    request.avatar, person=request.person, operator=request.operator
                )
            )
        version = await self.desk.models.adopt(
            request.avatar,
            words,
            person=request.person,
            operator=request.operator,
            now=request.now,
        )
        return models.adopted(version, self.desk.providers.label(version.provider))

    async def base(self, request: Request) -> Answer:
        return models.bases(request.avatar, self.desk.models.bases(request.avatar))

    async def press_bases(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self.base(request)

    async def press_rebase(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        choices = self.desk.models.bases(request.avatar)
        if numbers[1] >= len(choices):
            raise Expired(command="/base")
        chosen = choices[numbers[1]]
        await self.desk.models.set_base(request.avatar, chosen)
        log.info(
            "avatar %s: base model %s at %s instead of %s at %s, by person %s",
            request.avatar.slug,
            chosen.model,
            chosen.provider.name,
            request.avatar.base_model,
            request.avatar.provider,
            request.person.id,
        )
        return models.rebased(request.avatar, chosen)

    async def press_epochs(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self.desk.trainings.set_epochs(
            numbers[0], numbers[1], person=request.person, now=request.now
        )
        return Shown(content=await flight_card(self.desk, flight, request), in_place=True)

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
        missing = tr("Name the version in training by its number: /cancel 3")
        version = await named_version(self.desk, request, missing=missing)
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


def document_of(request: Request) -> Attachment | None:
    """The file that came with /train, or that it answers."""
    return next((file for file in sent_files(request) if file.kind == "document"), None)
