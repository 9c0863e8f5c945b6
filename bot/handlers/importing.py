"""Chat exports on their way to examples: the choices, and looking at what came of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from avatar.dataset import openai_jsonl
from avatar.errors import Expired, WrongKind
from avatar.importing import Asked
from avatar.language import tr
from avatar.records import Draft, Example, Import
from avatar.training import Preflight
from bot.actions import Verb
from bot.cards import importing as cards
from bot.cards import teaching, training
from bot.handlers.desk import Desk
from bot.handlers.reading import told
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content

BATCH = 500  # examples read at a time


async def first_card(desk: Desk, flight: Preflight, request: Request) -> Content:
    """The first question about a training: where, if there is a choice, or whether."""
    choices = desk.trainings.choices(flight, now=request.now)
    if len(choices) > 1:
        return training.where(flight, choices, request.avatar)
    return await flight_card(desk, flight, request)


async def flight_card(desk: Desk, flight: Preflight, request: Request) -> Content:
    """The question whether to start."""
    return training.preflight(
        flight,
        request.avatar,
        elsewhere=len(desk.providers.targets) > 1,
        taught=await desk.store.count_taught(request.avatar.id),
    )


async def written(examples: Sequence[Example]) -> bytes:
    """Examples as OpenAI's JSONL, made off the loop."""
    return await asyncio.to_thread(lambda: b"".join(openai_jsonl.write(examples)))


@dataclass(frozen=True, slots=True)
class ImportingHandlers:
    """Buttons about a chat export and about the examples of a draft."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.SPEAKER: self.press_speaker,
            Verb.OFFERED: self.press_offered,
            Verb.MARK: self.press_mark,
            Verb.ONLY: self.press_only,
            Verb.ALL_CHATS: self.press_all_chats,
            Verb.MARKED: self.press_marked,
            Verb.OPTIONS: self.press_options,
            Verb.OPTION: self.press_option,
            Verb.LOOK: self.press_look,
            Verb.LEAVE: self.press_leave,
            Verb.KINDS: self.press_kinds,
            Verb.KIND: self.press_kind,
            Verb.REPORT: self.press_report,
            Verb.FLIGHT: self.press_flight,
        }

    # --- choices

    async def press_speaker(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        if numbers[1] >= len(about.speakers):
            raise Expired(command="/train")
        about = replace(about, speaker=about.speakers[numbers[1]][0])
        step = await self.desk.imports.ask_on(about) or await self._read_again(about, request)
        return await self._shown(step, request)

    async def press_offered(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        return self._asked(about, page=numbers[1])

    async def press_mark(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        about = await self.desk.imports.mark(about, numbers[1], on=numbers[2] > 0)
        return self._asked(about, page=cards.page_of(numbers[1]))

    async def press_only(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        chats = Asked(about=about).of_two if numbers[2] else ()
        about = await self.desk.imports.mark_only(about, chats)
        return self._asked(about, page=numbers[1])

    async def press_all_chats(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        step = await self._read_again(about, request, every_chat=True)
        return await self._shown(step, request)

    async def press_marked(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        about = await self._import(numbers[0], request)
        if not about.marked:  # taken away meanwhile, under another message
            return self._asked(about)
        about = replace(about, chosen=about.marked)
        return await self._shown(await self._read_again(about, request), request)

    def _asked(self, about: Import, *, page: int = 1) -> Shown:
        return Shown(content=cards.question(Asked(about=about), page=page), in_place=True)

    async def _import(self, import_id: int, request: Request) -> Import:
        return await self.desk.imports.open(import_id, person=request.person, now=request.now)

    async def _read_again(
        self, about: Import, request: Request, *, every_chat: bool = False
    ) -> Preflight | Asked:
        """The file again, with other choices."""
        limit = self.desk.trainings.target(request.avatar).provider.max_file_bytes
        messenger, here = request.messenger, request.incoming.address
        async with (
            told(messenger, here, about.attachment, self.desk.running) as watch,
            messenger.download(about.address, about.attachment, limit=limit) as file,
        ):
            return await self.desk.imports.choose(
                about,
                request.avatar,
                file,
                person=request.person,
                now=request.now,
                every_chat=every_chat,
                watch=watch,
            )

    async def _shown(self, step: Preflight | Asked, request: Request) -> Shown:
        if isinstance(step, Asked):
            return Shown(content=cards.question(step), in_place=True)
        return Shown(content=await first_card(self.desk, step, request), in_place=True)

    async def _open(self, draft_id: int, request: Request) -> Preflight:
        return await self.desk.trainings.open(draft_id, person=request.person, now=request.now)

    async def press_flight(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        flight = await self._open(numbers[0], request)
        return Shown(content=await flight_card(self.desk, flight, request), in_place=True)

    # --- options

    async def press_options(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft, about = await self._of_export(numbers[0], request)
        return Shown(content=cards.options(draft, about), in_place=True)

    async def press_option(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft, about = await self._of_export(numbers[0], request)
        about = replace(about, rules=self.desk.imports.option(about, numbers[1]))
        step = await self._read_again(about, request)
        if isinstance(step, Asked):
            return await self._shown(step, request)
        await self.desk.store.drop_draft(draft.id)
        changed = await self._import(about.id, request)
        return Shown(content=cards.options(step.draft, changed), in_place=True)

    async def _of_export(self, draft_id: int, request: Request) -> tuple[Draft, Import]:
        draft = (await self._open(draft_id, request)).draft
        if draft.import_id is None:
            raise WrongKind(reason=tr("These examples are not built from a chat export."))
        return draft, await self._import(draft.import_id, request)

    # --- looking

    async def press_look(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft = (await self._open(numbers[0], request)).draft
        return Shown(content=await self._look(draft, numbers[1]), in_place=True)

    async def _look(self, draft: Draft, place: int) -> Content:
        place = max(0, min(place, draft.example_count - 1))
        example = await self.desk.store.draft_example(draft.id, place=place)
        if example is None:
            raise Expired(command="/train")
        return cards.look(draft, example, place)

    async def press_leave(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft = (await self._open(numbers[0], request)).draft
        left = await self.desk.looking.leave_one(draft, numbers[1])
        return Shown(content=await self._look(left, numbers[1]), in_place=True)

    async def press_kinds(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft = (await self._open(numbers[0], request)).draft
        kinds = await self.desk.looking.kinds(draft)
        return Shown(content=cards.kinds(draft, kinds), in_place=True)

    async def press_kind(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft = (await self._open(numbers[0], request)).draft
        changed, kinds = await self.desk.looking.switch(draft, numbers[1])
        return Shown(content=cards.kinds(changed, kinds), in_place=True)

    async def press_report(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        draft = (await self._open(numbers[0], request)).draft
        examples: list[Example] = []
        while batch := await self.desk.store.draft_examples(
            draft.id, limit=BATCH, offset=len(examples)
        ):
            examples += batch
        words = tr("All {count:,} examples as a file.", count=draft.example_count)
        if draft.report is not None:
            words = f"{training.report_words(draft.report)}\n\n{words}"
        return teaching.report_file(draft.source, await written(examples), words)
