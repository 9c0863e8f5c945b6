"""The Learning Path from the chat: looking, switching, writing prompts, deleting."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from avatar import pricing
from avatar.diff import word_diff
from avatar.endings import ending_of, models_behind
from avatar.errors import AlreadyDone, BadText, Invalid, NotOffered, RemoteNotFound
from avatar.language import tr
from avatar.learning_path import Switched
from avatar.records import Ending, Status, Version
from avatar.versions import parse_number
from bot.actions import Action, Verb, code, decode
from bot.cards import path, people, status, switching
from bot.handlers.desk import Desk
from bot.handlers.linking import linked, unlinked
from bot.handlers.unlearning import unlearnt, untaught
from bot.request import Answer, CommandHandler, PressHandler, Request, Shown
from bot.screen import Content

EVENTS_SHOWN = 5
MAX_PAGE = 1_000_000
TRAININGS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class VersionHandlers:
    """Commands and buttons about versions."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "status": self.status,
            "history": self.history,
            "version": self.version,
            "prompt": self.prompt,
            "restore": self.restore,
            "activate": self.activate,
            "deactivate": self.deactivate,
            "undo": self.undo,
            "delete": self.delete,
            "diff": self.diff,
            "note": self.note,
            "cost": self.cost,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {
            Verb.HISTORY: self.press_history,
            Verb.SHOW: self.press_show,
            Verb.PROMPT: self.press_prompt,
            Verb.ACTIVATE: self.press_activate,
            Verb.DEACTIVATE: self.press_deactivate,
            Verb.BASE: self.press_base,
            Verb.UNDO: self.press_undo,
            Verb.DELETE: self.press_delete,
            Verb.DELETE_MODEL: self.press_delete_model,
            Verb.YES: self.press_yes,
            Verb.NO: self.press_no,
        }

    # --- looking

    async def status(self, request: Request) -> Answer:
        store, avatar = self.desk.store, request.avatar
        model = await store.version(avatar.active_model_id)
        pair = self.desk.providers.pair(
            avatar, prompt=await store.version(avatar.active_prompt_id), model=model
        )
        return status.status(
            avatar,
            pair,
            model=model,
            label=self.desk.providers.label(pair.provider),
            price=self.desk.providers.price(pair.provider, pair.model_name, at=request.now),
            spending=await store.spending(avatar.id, month=pricing.month_of(request.now)),
            trainings=await store.trainings(avatar.id, limit=TRAININGS_SHOWN),
            now=request.now,
        )

    async def history(self, request: Request) -> Answer:
        page = 1
        if request.rest:
            page = min(parse_number(request.rest), MAX_PAGE)
        return await self._page(request, page)

    async def press_history(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        page = max(1, min(numbers[1], MAX_PAGE))
        return Shown(content=await self._page(request, page), in_place=True)

    async def _page(self, request: Request, page: int) -> Content:
        store, avatar = self.desk.store, request.avatar
        found = await store.history(avatar.id, limit=path.PAGE + 1, offset=(page - 1) * path.PAGE)
        shown = found[: path.PAGE]
        jobs = {}
        for version in shown:
            if version.status is Status.TRAINING:
                job = await store.job_of(version.id)
                if job is not None:
                    jobs[version.id] = job
        return path.history(
            avatar,
            shown,
            jobs,
            await self._endings(shown),
            page=page,
            more=len(found) > path.PAGE,
            now=request.now,
        )

    async def _endings(self, versions: Sequence[Version]) -> Mapping[int, Ending]:
        """What is known of the ends of versions' models, by version id."""
        keys = {key for version in versions for key in models_behind(version)}
        known = await self.desk.store.endings(keys) if keys else {}
        return {
            version.id: ending
            for version in versions
            if (ending := ending_of(version, known)) is not None
        }

    async def version(self, request: Request) -> Answer:
        return await self._card(request, await self._named(request, "/version 3"))

    async def press_show(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._card(request, await self.desk.learning_path.get(numbers[0]))

    async def _card(self, request: Request, version: Version) -> Content:
        store = self.desk.store
        job = await store.job_of(version.id)
        events = await store.job_events(job.id, limit=EVENTS_SHOWN) if job is not None else ()
        maker = None
        if version.created_by is not None:
            maker = (await store.people([version.created_by])).get(version.created_by)
        return path.version_card(
            version,
            request.avatar,
            job=job,
            events=tuple(reversed(events)),
            maker=maker,
            provider=self.desk.providers.get(version.provider or ""),
            ending=(await self._endings([version])).get(version.id),
            origin=await self.desk.store.version(version.origin_id),
            now=request.now,
        )

    async def cost(self, request: Request) -> Answer:
        month = pricing.month_of(request.now)
        spending = await self.desk.store.spending(request.avatar.id, month=month)
        return status.cost(request.avatar, spending, month=month)

    async def diff(self, request: Request) -> Answer:
        words = request.rest.split()
        if len(words) != 2:
            raise BadText(reason=tr("Name two prompt versions: /diff 1 4"))
        first, second = await self.desk.learning_path.prompts(
            request.avatar.id, parse_number(words[0]), parse_number(words[1])
        )
        runs, removed, added = await asyncio.to_thread(
            word_diff, first.prompt or "", second.prompt or ""
        )
        return switching.diff(first, second, runs, removed, added)

    # --- prompts and notes

    async def prompt(self, request: Request) -> Answer:
        avatar = request.avatar
        if not request.rest:
            return switching.prompt_card(
                avatar, await self.desk.store.version(avatar.active_prompt_id)
            )
        version, before = await self.desk.learning_path.write_prompt(
            avatar.id,
            request.rest,
            person=request.person,
            now=request.now,
            cause=request.inbox_id,
        )
        removed = added = 0
        if before is not None:
            _, removed, added = await asyncio.to_thread(
                word_diff, before.prompt or "", version.prompt or ""
            )
        return switching.prompt_written(avatar, version, before, removed, added)

    async def press_prompt(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        version = await self.desk.learning_path.get(numbers[0])
        return switching.prompt_card(request.avatar, version)

    async def note(self, request: Request) -> Answer:
        words = request.rest.split(maxsplit=1)
        if not words:
            raise BadText(reason=tr("Name the version and write the note: /note 3 warmer, shorter"))
        version = await self.desk.learning_path.find(request.avatar.id, parse_number(words[0]))
        note = await self.desk.learning_path.write_note(version, " ".join(words[1:]))
        return Content(
            text=tr("Noted at version {number}.", number=version.number)
            if note
            else tr("The note of version {number} is removed.", number=version.number)
        )

    # --- switching

    async def activate(self, request: Request) -> Answer:
        version = await self._named(request, "/activate 3")
        return await self._activate(request, version.id)

    async def press_activate(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._activate(request, numbers[0])

    async def _activate(self, request: Request, version_id: int) -> Answer:
        return await self._switch(self.desk.learning_path.activate, version_id, request)

    async def restore(self, request: Request) -> Answer:
        version = await self._named(request, "/restore 1")
        return await self._switch(self.desk.learning_path.restore, version.id, request)

    async def deactivate(self, request: Request) -> Answer:
        return await self._switch(self.desk.learning_path.deactivate, request.avatar.id, request)

    async def press_base(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self.deactivate(request)

    async def press_deactivate(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._switch(self.desk.learning_path.deactivate_version, numbers[0], request)

    async def _switch(
        self, how: Callable[..., Awaitable[Switched]], subject_id: int, request: Request
    ) -> Answer:
        done = await how(subject_id, person=request.person, now=request.now, cause=request.inbox_id)
        return switching.switched(done)

    async def undo(self, request: Request) -> Answer:
        return await self._undo(request, None)

    async def press_undo(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._undo(request, (numbers[1] or None, numbers[2] or None))

    async def _undo(self, request: Request, only: tuple[int | None, int | None] | None) -> Answer:
        done = await self.desk.learning_path.undo(
            request.avatar.id,
            only=only,
            person=request.person,
            now=request.now,
            cause=request.inbox_id,
        )
        return switching.undone(done)

    # --- deleting

    async def delete(self, request: Request) -> Answer:
        return await self._ask_delete(request, await self._named(request, "/delete 3"))

    async def press_delete(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        return await self._ask_delete(request, await self.desk.learning_path.get(numbers[0]))

    async def _ask_delete(self, request: Request, version: Version) -> Answer:
        job = await self.desk.store.job_of(version.id)
        confirmation = await self.desk.learning_path.ask(
            code(Verb.DELETE, version.id), person=request.person, now=request.now
        )
        return switching.ask_delete(version, request.avatar, job, confirmation_id=confirmation.id)

    async def press_delete_model(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        version = await self._tombstone(numbers[0])
        confirmation = await self.desk.learning_path.ask(
            code(Verb.DELETE_MODEL, version.id), person=request.person, now=request.now
        )
        label = self.desk.providers.label(version.provider)
        return switching.ask_delete_model(version, label, confirmation_id=confirmation.id)

    async def press_yes(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        taken = await self.desk.learning_path.take_yes(
            numbers[0],
            person=request.person,
            now=request.now,
            command=tr("the command"),
            cause=request.inbox_id,
        )
        action = decode(taken.action)
        if action.verb is Verb.UNLEARN:
            content = await unlearnt(self.desk, action.numbers[0], taken.about, request)
        elif action.verb is Verb.UNLEARN_TAUGHT:
            content = await untaught(self.desk, taken.about, request)
        else:
            content = await self._confirmed(request, action)
        return Shown(content=content, in_place=True)

    async def press_no(self, request: Request, numbers: tuple[int, ...]) -> Answer:
        await self.desk.learning_path.take_yes(
            numbers[0],
            person=request.person,
            now=request.now,
            command=tr("the command"),
            cause=request.inbox_id,
        )
        return Shown(content=switching.kept(), in_place=True)

    async def _confirmed(self, request: Request, action: Action) -> Content:
        """Do what was asked about and confirmed."""
        match action.verb:
            case Verb.DELETE:
                done = await self.desk.learning_path.delete(
                    action.numbers[0], person=request.person, now=request.now
                )
                if done.was_training:
                    self.desk.trainings.nudge()
                provider = self.desk.providers.get(done.version.provider or "")
                offer = provider is not None and provider.deletes_models
                return switching.deleted(done, request.avatar, offer_model=offer)
            case Verb.DELETE_MODEL:
                return await self._delete_model(request, action.numbers[0])
            case Verb.FORGET:
                count = await self.desk.store.forget(
                    request.person.id, now=request.now, cause=request.inbox_id
                )
                return people.forgotten(count)
            case Verb.LINK:
                return await linked(self.desk, action.numbers[0], request)
            case Verb.UNLINK:
                return await unlinked(self.desk, request)
            case _:
                raise Invalid(reason=tr("that question has no answer."))

    async def _delete_model(self, request: Request, version_id: int) -> Content:
        version = await self._tombstone(version_id)
        trainer = self.desk.trainers.get(version.provider or "")
        if trainer is None:
            raise NotOffered(
                what=tr("{provider} is not set up here any more.", provider=version.provider)
            )
        was_gone = False
        try:
            await trainer.delete_model(version.fine_tuned_model_id or "")
        except RemoteNotFound:
            was_gone = True
        await self.desk.store.model_deleted(version.id, now=request.now)
        return switching.model_deleted(version, was_gone=was_gone)

    async def _tombstone(self, version_id: int) -> Version:
        """A deleted version whose model is still at the provider."""
        version = await self.desk.store.version(version_id)
        if version is None or version.fine_tuned_model_id is None:
            raise AlreadyDone(what=tr("There is no such model."))
        if version.deleted_at is None:
            raise BadText(
                reason=tr(
                    "Version {number} still needs its model. Delete it first.",
                    number=version.number,
                )
            )
        if version.model_deleted_at is not None:
            raise AlreadyDone(
                what=tr("The model of version {number} is deleted.", number=version.number)
            )
        # It was adopted again meanwhile, or an avatar that was exported has it too.
        if await self.desk.store.has_living(version.provider or "", version.fine_tuned_model_id):
            raise BadText(
                reason=tr(
                    "The model of version {number} is used by another version still, of this "
                    "avatar or of another one.",
                    number=version.number,
                )
            )
        return version

    # --- helpers

    async def _named(self, request: Request, usage: str) -> Version:
        """The version whose number was typed behind the command."""
        words = request.rest.split()
        if not words:
            raise BadText(
                reason=tr(
                    "Name a version by its number: {usage}. /history lists them.", usage=usage
                )
            )
        if len(words) > 1:
            raise BadText(reason=tr("One number is enough: {usage}", usage=usage))
        return await self.desk.learning_path.find(request.avatar.id, parse_number(words[0]))
