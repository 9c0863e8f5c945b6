"""Teaching in the chat: /teach, /examples; and examples that leave as files: /dataset."""

from dataclasses import dataclass

from avatar.dataset import openai_jsonl
from avatar.errors import BadText, WrongKind
from avatar.language import noted, tr
from avatar.records import Example
from avatar.teaching import TAUGHT
from avatar.versions import parse_number
from bot.actions import Verb
from bot.cards import teaching as cards
from bot.handlers.desk import Desk
from bot.handlers.importing import BATCH, first_card, flight_card, written
from bot.handlers.naming import named_version
from bot.handlers.replies import meant_reply
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content

MAX_PAGE = 1_000_000
_TOO_FEW = noted("{count} answers were taught; {least} are the least that can be trained on.")


@dataclass(frozen=True, slots=True)
class TeachingHandlers:
    """Commands and buttons of teaching."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"teach": self.teach, "examples": self.examples, "dataset": self.dataset}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.ADD_TAUGHT: self.press_add_taught,
            Verb.TAUGHT: self.press_taught,
            Verb.PREFER: self.press_prefer,
            Verb.UNTEACH: self.press_unteach,
            Verb.LESSONS: self.press_lessons,
            Verb.LESSON_FILE: self.press_lesson_file,
            Verb.DATASET: self.press_dataset,
        }

    async def teach(self, request: Request) -> Answer:
        store = self.desk.store
        reply = await meant_reply(store, request)
        one = await self.desk.teaching.teach(
            request.avatar,
            reply,
            request.rest,
            person=request.person,
            now=request.now,
            cause=request.inbox_id,
        )
        return cards.taught(request.avatar, one, await store.count_taught(request.avatar.id))

    async def examples(self, request: Request) -> Answer:
        number = min(parse_number(request.rest), MAX_PAGE) if request.rest else 1
        return await self._lessons(request, number)

    async def press_lessons(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        number = max(1, min(numbers[1], MAX_PAGE))
        return Shown(content=await self._lessons(request, number), in_place=True)

    async def _lessons(self, request: Request, number: int) -> Content:
        avatar, store = request.avatar, self.desk.store
        page = await store.taught(avatar.id, limit=cards.PAGE, offset=(number - 1) * cards.PAGE)
        count = await store.count_taught(avatar.id)
        return cards.lessons(avatar, page, number=number, count=count)

    async def press_unteach(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return cards.untaught(gone=await self.desk.store.unteach(numbers[0]))

    async def press_lesson_file(self, request: Request, _: tuple[int, ...]) -> Answer:
        reading = await self.desk.teaching.reading(request.avatar)
        content = await written(reading.examples)
        return cards.lesson_file(request.avatar, content, len(reading.examples))

    async def press_taught(self, request: Request, _: tuple[int, ...]) -> Answer:
        reading = await self.desk.teaching.reading(request.avatar)
        if len(reading.examples) < openai_jsonl.MIN_EXAMPLES:
            raise BadText(
                reason=tr(_TOO_FEW, count=len(reading.examples), least=openai_jsonl.MIN_EXAMPLES)
            )
        flight = await self.desk.trainings.prepare(
            request.avatar, reading, person=request.person, now=request.now
        )
        return await first_card(self.desk, flight, request)

    async def press_prefer(self, request: Request, _: tuple[int, ...]) -> Answer:
        pairs = await self.desk.teaching.pairs(request.avatar)
        if len(pairs) < openai_jsonl.MIN_EXAMPLES:
            raise BadText(reason=tr(_TOO_FEW, count=len(pairs), least=openai_jsonl.MIN_EXAMPLES))
        flight = await self.desk.trainings.prefer(
            request.avatar, pairs, source=TAUGHT, person=request.person, now=request.now
        )
        return await first_card(self.desk, flight, request)

    async def press_add_taught(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self.desk.trainings.open(numbers[0], person=request.person, now=request.now)
        reading = await self.desk.teaching.reading(request.avatar)
        if not reading.examples:
            raise BadText(reason=tr("Nothing was taught yet."))
        merged = await self.desk.imports.merged(
            request.avatar, reading, flight.draft, person=request.person, now=request.now
        )
        return Shown(content=await flight_card(self.desk, merged, request), in_place=True)

    async def dataset(self, request: Request) -> Answer:
        missing = tr("Name the version whose examples you want: /dataset 3")
        version = await named_version(self.desk, request, missing=missing)
        return await self._dataset(request, version.id)

    async def press_dataset(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._dataset(request, numbers[0])

    async def _dataset(self, request: Request, version_id: int) -> Answer:
        version = await self.desk.learning_path.get(version_id)
        examples: list[Example] = []
        while batch := await self.desk.store.examples(
            version.id, limit=BATCH, offset=len(examples)
        ):
            examples += batch
        if not examples:
            raise WrongKind(
                reason=tr("Version {number} has no stored examples.", number=version.number)
            )
        return cards.dataset(request.avatar, version, await written(examples))
