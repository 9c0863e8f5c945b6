"""What owners carry away of an avatar, and what is made of it elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from avatar import batches
from avatar.errors import ProviderError
from avatar.exporting import (
    MAX_VERSIONS,
    Export,
    ExportedLesson,
    ExportedSwitch,
    ExportedVersion,
    models_named,
)
from avatar.ports import Trainer
from avatar.providers import Providers
from avatar.records import Avatar, Example, Person, Status, Version
from avatar.stores import Store
from avatar.voices import has_voice

_PAGE = 500
_ERROR = 10_000  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What became of an export."""

    avatar: Avatar
    here: tuple[Version, ...]  # fine-tuned versions whose model answers here too
    elsewhere: tuple[Version, ...]  # those whose model is not here
    other_base: str | None  # the base model it had, where that is not to be had here
    lost_voice: str | None = None  # with which it spoke, where nobody here does


class Exports:
    """The use-cases."""

    def __init__(
        self, store: Store, *, providers: Providers, trainers: Mapping[str, Trainer]
    ) -> None:
        self._store = store
        self._providers = providers
        self._trainers = trainers

    async def export(self, avatar: Avatar) -> Export:
        """Everything of an avatar. What is in training is carried as cancelled."""
        versions: list[Version] = []
        while len(versions) < MAX_VERSIONS and (
            page := await self._store.history(avatar.id, limit=_PAGE, offset=len(versions))
        ):
            versions += page
        versions.sort(key=lambda version: version.number)
        numbers = {version.id: version.number for version in versions}
        switches = await self._store.activations(avatar.id, limit=MAX_VERSIONS)
        return Export(
            name=avatar.name,
            provider=avatar.provider,
            base_model=avatar.base_model,
            visibility=avatar.visibility,
            active_prompt=numbers.get(avatar.active_prompt_id or 0),
            active_model=numbers.get(avatar.active_model_id or 0),
            versions=tuple([await self._version(each, numbers) for each in versions]),
            switches=tuple(
                ExportedSwitch(
                    axis=each.axis,
                    before=numbers.get(each.from_id or 0),
                    after=numbers.get(each.to_id or 0),
                    why=each.why,
                    at=each.at,
                )
                for each in reversed(switches)
            ),
            lessons=await self._lessons(avatar),
            numbers_given=await self._store.numbers_given(avatar.id),
            voice=avatar.voice,
            picture=await self._store.picture(avatar.id),
            messages_per_minute=avatar.messages_per_minute,
            cost_per_day=avatar.cost_per_day,
            cost_per_month=avatar.cost_per_month,
        )

    async def _version(self, version: Version, numbers: Mapping[int, int]) -> ExportedVersion:
        examples, held_out = await self._examples(version)
        training = version.status is Status.TRAINING
        return ExportedVersion(
            number=version.number,
            training_type=version.training_type,
            status=Status.CANCELLED if training else version.status,
            note=version.note,
            created_at=version.created_at,
            prompt=version.prompt,
            provider=version.provider,
            base_model=version.base_model,
            method=version.method,
            model=version.fine_tuned_model_id,
            source=version.source,
            origin=numbers.get(version.origin_id or 0),
            trained_tokens=version.trained_tokens,
            epochs=version.epochs,
            actual_cost=version.actual_cost,
            finished_at=version.finished_at,
            error=None if version.error is None else version.error[:_ERROR],
            error_code=version.error_code,
            started_at=version.started_at,
            estimated_tokens=version.estimated_tokens,
            estimated_cost=version.estimated_cost,
            unlearnt_at=version.unlearnt_at,
            screening=version.screening,
            examples=examples,
            held_out=held_out,
        )

    async def _examples(self, version: Version) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """Those that were trained on, and those that were held out."""
        if version.base_model is None:
            return (), ()
        trained, held_out = [
            [
                example
                async for batch in batches.of_version(self._store, version.id, held_out=held)
                for _, example in batch
            ]
            for held in (False, True)
        ]
        return tuple(trained), tuple(held_out)

    async def _lessons(self, avatar: Avatar) -> tuple[ExportedLesson, ...]:
        found: list[ExportedLesson] = []
        while len(found) < MAX_VERSIONS and (
            page := await self._store.taught(avatar.id, limit=_PAGE, offset=len(found))
        ):
            found += [
                ExportedLesson(
                    turns=each.turns,
                    better=each.better,
                    worse=each.worse,
                    created_at=each.created_at,
                    liked=each.liked,
                )
                for each in page
            ]
        return tuple(reversed(found))

    async def bring(
        self,
        export: Export,
        *,
        slug: str,
        person: Person,
        operator: bool,
        now: datetime,
        cause: int,
    ) -> Imported:
        """Make an avatar of an export: all numbers are kept. A fine-tuned version answers here if
        its provider is set up and has its model, and the person owns an avatar that it was made
        for, or is an operator: a file may name any model. A second call with the same cause makes
        none again. Raises AlreadyDone when the slug is taken.
        """
        usable = await self._usable(export)
        if not operator:
            usable -= await self._store.of_others(person.id, usable)
        provider = self._providers.get(export.provider)
        known = provider is not None and export.base_model in {
            provider.base_model,
            *provider.trains,
        }
        default = self._providers.default
        voice = export.voice
        if voice is not None and not has_voice(
            self._providers, export.provider if known else default.name, voice
        ):
            voice = None
        avatar = await self._store.add_imported(
            export,
            slug=slug,
            provider=export.provider if known else default.name,
            base_model=export.base_model if known else self._providers.base_model,
            usable=usable,
            voice=voice,
            owner_id=person.id,
            now=now,
            cause=cause,
        )
        tuned = [each for each in export.versions if each.model is not None]
        made = [await self._store.version_by_number(avatar.id, each.number) for each in tuned]
        versions = [each for each in made if each is not None]
        return Imported(
            avatar=avatar,
            here=tuple(each for each in versions if each.fine_tuned_model_id is not None),
            elsewhere=tuple(each for each in versions if each.fine_tuned_model_id is None),
            other_base=None if known else export.base_model,
            lost_voice=None if voice == export.voice else export.voice,
        )

    async def _usable(self, export: Export) -> frozenset[tuple[str, str]]:
        found = set()
        for provider, model in models_named(export):
            trainer = self._trainers.get(provider)
            if trainer is None:
                continue
            try:
                if await trainer.has_model(model):
                    found.add((provider, model))
            except ProviderError:  # it cannot be asked now: /adopt can, later
                continue
        return frozenset(found)
