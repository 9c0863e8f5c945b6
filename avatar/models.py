"""What owners do with models that exist already: adopt one as a version, choose the base model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from avatar.errors import AlreadyActive, AlreadyDone, BadText, Busy, ProviderError
from avatar.language import tr
from avatar.ports import Trainer
from avatar.pricing import plain_model
from avatar.providers import Provider, Providers
from avatar.records import Avatar, Person, RemoteModel, Version
from avatar.stores import Store

MAX_MODEL = 256  # characters of a model's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """What one provider has."""

    provider: Provider
    models: tuple[RemoteModel, ...]  # fine-tunes first, then the newest
    error: ProviderError | None = None  # it could not be asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A base model that an avatar can answer with."""

    provider: Provider
    model: str
    is_now: bool


class Models:
    """The use-cases of models that exist at providers."""

    def __init__(
        self, store: Store, *, providers: Providers, trainers: Mapping[str, Trainer]
    ) -> None:
        self._store = store
        self._providers = providers
        self._trainers = trainers

    async def adoptable(
        self, avatar: Avatar, *, person: Person, operator: bool
    ) -> tuple[Shelf, ...]:
        """What each provider lists and this avatar has not: its base models are left out, and what
        was made for avatars that are none of the person's (operators see all).
        """
        taken = await self._store.models_of(avatar.id)
        shelves = []
        for provider in self._providers.values():
            try:
                listed = await self._trainers[provider.name].models()
            except ProviderError as error:
                shelves.append(Shelf(provider=provider, models=(), error=error))
                continue
            bases = {provider.base_model, *provider.trains}
            names = {(provider.name, model.id) for model in listed if model.id not in bases}
            others = frozenset() if operator else await self._store.of_others(person.id, names)
            names -= taken | others
            free = [model for model in listed if (provider.name, model.id) in names]
            free.sort(key=_newest_tuned_first)
            shelves.append(Shelf(provider=provider, models=tuple(free)))
        return tuple(shelves)

    async def adopt(
        self,
        avatar: Avatar,
        words: Sequence[str],
        *,
        person: Person,
        operator: bool,
        now: datetime,
    ) -> Version:
        """Take `MODEL`, or `PROVIDER MODEL`, as a version. Nothing is activated. What was made for
        avatars that are none of the person's is not there for them, but for operators.

        Raises BadText (no provider has it), AlreadyDone and ProviderError.
        """
        model = words[-1]
        asked = list(self._providers.values())
        if len(words) == 2:
            asked = [self._named(words[0])]
        if len(words) > 2 or len(model) > MAX_MODEL:
            raise BadText(
                reason=tr("Name one model: /adopt ft:gpt-4o-mini:…, or a provider before it.")
            )
        if not operator:
            others = await self._store.of_others(person.id, {(p.name, model) for p in asked})
            asked = [each for each in asked if (each.name, model) not in others]
        provider = await self._owner(model, asked)
        plain, tuned = plain_model(model)
        version = await self._store.add_adopted(
            avatar_id=avatar.id,
            provider=provider.name,
            base_model=plain if tuned else model,
            model=model,
            person_id=person.id,
            now=now,
        )
        if version is None:
            raise AlreadyDone(
                what=tr("{avatar} has a version of {model}.", avatar=avatar.name, model=model)
            )
        return version

    def _named(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            known = ", ".join(self._providers)
            raise BadText(
                reason=tr(
                    "No provider is called {name}. There are: {providers}.",
                    name=name[:64],
                    providers=known,
                )
            )
        return provider

    async def _owner(self, model: str, asked: Sequence[Provider]) -> Provider:
        """The first provider that has a model. Raises BadText, or the error of the only one."""
        failed: ProviderError | None = None
        for provider in asked:
            try:
                if await self._trainers[provider.name].has_model(model):
                    return provider
            except ProviderError as error:
                failed = error
        if failed is not None:
            raise failed
        raise BadText(
            reason=tr(
                "No provider that is set up here has a model {model}. /adopt lists what there is.",
                model=model[:MAX_MODEL],
            )
        )

    def bases(self, avatar: Avatar) -> tuple[Base, ...]:
        """What an avatar can have as its base model: what providers start with, what they train
        and what follows those.
        """
        now, found = self._providers.base(avatar), []
        for provider in self._providers.values():
            names = [provider.base_model or "", *provider.trains, *provider.successors.values()]
            if provider is self._providers.default:
                names.insert(0, self._providers.base_model)
            if provider.name == avatar.provider:
                names.append(avatar.base_model)
            found += [
                Base(provider=provider, model=name, is_now=(provider.name, name) == now)
                for name in dict.fromkeys(filter(None, names))
            ]
        return tuple(found)

    async def set_base(self, avatar: Avatar, base: Base) -> None:
        """Answer with another base model from the next message on. Raises AlreadyActive, Busy."""
        if (base.provider.name, base.model) == (avatar.provider, avatar.base_model):
            raise AlreadyActive(what=tr("The base model {model}", model=base.model))
        if not await self._store.set_base(
            avatar.id,
            expected=(avatar.provider, avatar.base_model),
            provider=base.provider.name,
            base_model=base.model,
        ):
            raise Busy


def _newest_tuned_first(model: RemoteModel) -> tuple[bool, float]:
    made = model.created_at.timestamp() if model.created_at is not None else 0.0
    return not plain_model(model.id)[1], -made
