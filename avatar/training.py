"""Deep Training: from examples to a version in training.

Reading a file gives a draft that is kept until its owner says yes; the yes turns it into a version
with its examples and a job, in one write. From there the follower goes on (`avatar.following`).
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from avatar import batches, pricing, tokens
from avatar.counting import counted, size
from avatar.dataset.reading import Reading
from avatar.errors import AlreadyDone, Expired, NoTrainer, NotTraining, NotYours, WrongKind
from avatar.language import tr
from avatar.limiter import Limiter
from avatar.providers import Provider, Providers, Target
from avatar.records import (
    Address,
    Avatar,
    Candidate,
    Draft,
    Example,
    Method,
    Person,
    Status,
    Version,
)
from avatar.stores import Store

MIN_EPOCHS, MAX_EPOCHS = 1, 50  # what OpenAI takes
DRAFT_LASTS = timedelta(hours=24)
LOOKED_AT = 50  # versions, for one that can be built on
UNCERTAINTY = 10  # percent by which an estimate of tokens may be off
COUNTED_UNCERTAINTY = 5  # where they are counted: the bill differs by a few percent


@dataclass(frozen=True, kw_only=True, slots=True)
class Preflight:
    """What a training would be, for the question before it."""

    draft: Draft
    provider: Provider
    tokens: int  # all epochs together
    counted_with: str | None  # the model's own vocabulary; None: the tokens are an estimate
    cost: int | None  # micro-dollars, as estimated; None: no price is known
    cost_low: int | None
    cost_high: int | None
    seconds_low: float
    seconds_high: float


def auto_epochs(examples: int) -> int:
    """How many epochs are right for a number of examples: the rule of OpenAI's cookbook
    ("How to fine-tune chat models", data preparation): 3, more for few and fewer for very many.
    """
    if examples * 3 < 100:
        return min(25, 100 // max(1, examples))
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


def preflight(draft: Draft, providers: Providers, *, now: datetime) -> Preflight:
    """What training a draft would take, at the provider and on the base model that it names."""
    provider = providers[draft.provider]
    total = draft.tokens * draft.epochs
    price = provider.price(draft.base_model, on=now.date())
    exact = draft.counted_with is not None and draft.counted_with == tokens.vocabulary(
        draft.base_model
    )
    off = COUNTED_UNCERTAINTY if exact else UNCERTAINTY
    low, high = total * (100 - off) // 100, total * (100 + off) // 100
    seconds = provider.seconds(total)
    return Preflight(
        draft=draft,
        provider=provider,
        tokens=total,
        counted_with=draft.counted_with if exact else None,
        cost=pricing.training_cost(price, total),
        cost_low=pricing.training_cost(price, low),
        cost_high=pricing.training_cost(price, high),
        seconds_low=seconds[0],
        seconds_high=seconds[1],
    )


class Trainings:
    """The use-cases before the follower takes over, and cancelling."""

    def __init__(
        self, store: Store, *, providers: Providers, limiter: Limiter, nudge: Callable[[], None]
    ) -> None:
        self._store = store
        self._limiter = limiter
        self.providers = providers
        self.nudge = nudge  # makes the follower look at once

    async def prepare(
        self, avatar: Avatar, reading: Reading, *, person: Person, now: datetime
    ) -> Preflight:
        """Keep what was read, until its owner says yes (a day at most). Raises NoTrainer."""
        return await self.keep(
            avatar,
            reading.examples,
            source=reading.source,
            warnings=reading.warnings,
            person=person,
            now=now,
        )

    async def keep(
        self,
        avatar: Avatar,
        examples: Sequence[Example],
        *,
        source: str,
        person: Person,
        now: datetime,
        warnings: Sequence[str] = (),
        epochs: int | None = None,
        held_out: Sequence[Example] = (),
        import_id: int | None = None,
        report: Mapping[str, object] | None = None,
        origin_id: int | None = None,
        on: Version | None = None,
    ) -> Preflight:
        """Keep examples as a training that waits for a yes: supervised, where it goes if nobody
        chooses; or with `on`, preference training on top of that version. Raises NoTrainer.
        """
        if on is None:
            target = self.target(avatar)
            provider, base_model = target.provider.name, target.base_model
        else:
            provider, base_model = on.provider or "", on.fine_tuned_model_id or ""
        examples, counted_with = await asyncio.to_thread(counted, examples, base_model)
        draft = await self._store.add_draft(
            avatar_id=avatar.id,
            person_id=person.id,
            source=source,
            provider=provider,
            base_model=base_model,
            tokens=sum(example.tokens for example in examples),
            epochs=epochs or auto_epochs(len(examples)),
            warnings=warnings,
            examples=examples,
            held_out=held_out,
            now=now,
            expires_at=now + DRAFT_LASTS,
            import_id=import_id,
            report=report,
            origin_id=origin_id,
            method=Method.SUPERVISED if on is None else Method.PREFERENCE,
            counted_with=counted_with,
        )
        return preflight(draft, self.providers, now=now)

    async def again(
        self, version: Version, avatar: Avatar, *, person: Person, now: datetime
    ) -> Preflight:
        """The stored examples of a version once more: with other epochs, on another base model, at
        another provider. Raises NoTrainer, WrongKind.
        """
        if version.method is Method.PREFERENCE:
            raise WrongKind(
                reason=tr(
                    "Version {number} was trained on preference pairs, on top of another model. "
                    "Train the version below it again: /retrain.",
                    number=version.number,
                )
            )
        target = self.target(avatar)
        draft = await self._store.draft_again(
            version.id,
            person_id=person.id,
            source=f"version {version.number}",
            provider=target.provider.name,
            base_model=target.base_model,
            epochs=version.epochs or auto_epochs(version.example_count),
            now=now,
            expires_at=now + DRAFT_LASTS,
        )
        if draft is None:
            raise WrongKind(
                reason=tr(
                    "Version {number} has no stored examples, so they cannot be trained again. "
                    "/train takes a file.",
                    number=version.number,
                )
            )
        return preflight(await self._recounted(draft), self.providers, now=now)

    async def prefer(
        self,
        avatar: Avatar,
        pairs: Sequence[Example],
        *,
        source: str,
        person: Person,
        now: datetime,
    ) -> Preflight:
        """Preference training (DPO) with pairs, on top of the active fine-tuned version, or else
        the newest that can be built on. Raises WrongKind where there is none.
        """
        version = await self._to_build_on(avatar)
        return await self.keep(avatar, pairs, source=source, person=person, now=now, on=version)

    async def _to_build_on(self, avatar: Avatar) -> Version:
        found = [await self._store.version(avatar.active_model_id)]
        found += await self._store.history(avatar.id, limit=LOOKED_AT, offset=0)
        for version in found:
            if version is None or version.fine_tuned_model_id is None:
                continue
            provider = self.providers.get(version.provider or "")
            if version.status is Status.COMPLETED and provider and provider.preferences:
                return version
        raise WrongKind(
            reason=tr(
                "Preference training goes on top of a fine-tuned version at a provider that offers "
                "it, and there is none yet. Train one first: /train."
            )
        )

    def target(self, avatar: Avatar) -> Target:
        """Where a training goes if nobody chooses. Raises NoTrainer."""
        target = self.providers.target(avatar)
        if target is None:
            raise NoTrainer
        return target

    def choices(self, flight: Preflight, *, now: datetime) -> tuple[Preflight, ...]:
        """The same training everywhere that it can go, in the order of `Providers.targets`.
        Preference training goes where the model is that it builds on.
        """
        if flight.draft.method is Method.PREFERENCE:
            return (flight,)
        return tuple(
            preflight(
                replace(flight.draft, provider=each.provider.name, base_model=each.base_model),
                self.providers,
                now=now,
            )
            for each in self.providers.targets
        )

    async def open(self, draft_id: int, *, person: Person, now: datetime) -> Preflight:
        """A draft that waits for its answer. Raises what `start` raises."""
        return preflight(await self._open(draft_id, person, now), self.providers, now=now)

    async def set_target(
        self, draft_id: int, choice: int, *, person: Person, now: datetime
    ) -> Preflight:
        """Take a choice, by its place among `choices`. Raises what `start` raises."""
        await self._open(draft_id, person, now)
        targets = self.providers.targets
        if not 0 <= choice < len(targets):
            raise Expired(command="/train")
        target = targets[choice]
        await self._store.set_draft_target(
            draft_id, provider=target.provider.name, base_model=target.base_model
        )
        draft = await self._recounted(await self._open(draft_id, person, now))
        return preflight(draft, self.providers, now=now)

    async def _recounted(self, draft: Draft) -> Draft:
        """A draft whose tokens are counted for the model that it is for, where that can be done
        and was not.
        """
        if tokens.vocabulary(draft.base_model) in {None, draft.counted_with}:
            return draft
        tokenizer = await asyncio.to_thread(tokens.tokenizer, draft.base_model)
        if tokenizer is None:
            return draft
        found: dict[int, int] = {}
        async for batch in batches.of_draft(self._store, draft.id):
            found |= await asyncio.to_thread(_sizes, batch, tokenizer)
        recounted = await self._store.recount(draft.id, found, counted_with=tokenizer.name)
        return recounted or draft

    async def set_epochs(
        self, draft_id: int, epochs: int, *, person: Person, now: datetime
    ) -> Preflight:
        """Raises what `start` raises. Epochs outside of 1 to 50 are brought inside."""
        await self._open(draft_id, person, now)
        epochs = max(MIN_EPOCHS, min(epochs, MAX_EPOCHS))
        await self._store.set_draft_epochs(draft_id, epochs)
        return await self.open(draft_id, person=person, now=now)

    async def drop(self, draft_id: int, *, person: Person, now: datetime) -> None:
        """Raises what `start` raises."""
        await self._open(draft_id, person, now)
        if not await self._store.drop_draft(draft_id):
            await self._open(draft_id, person, now)  # says as what it was started meanwhile
            raise Expired(command="/train")

    async def start(
        self, draft_id: int, *, person: Person, address: Address, now: datetime
    ) -> Version:
        """Make the version and its job, and have it followed at once.

        Raises Expired, NotYours, AlreadyDone (pressed twice) and SpentUp.
        """
        flight = await self.open(draft_id, person=person, now=now)
        avatar = await self._store.avatar(flight.draft.avatar_id)
        async with self._limiter.training(avatar, flight.cost, now=now):
            version = await self._store.start_draft(
                draft_id,
                note="",
                key=uuid.uuid4().hex,
                estimated_tokens=flight.tokens,
                estimated_cost=flight.cost,
                address=address,
                now=now,
            )
            if version is None:
                await self._open(draft_id, person, now)  # says as what it was started
                raise Expired(command="/train")
        self.nudge()
        return version

    async def cancel(self, version: Version, *, now: datetime) -> None:
        """Ask for a training's end. Raises NotTraining."""
        if version.status is not Status.TRAINING or not await self._store.request_cancel(
            version.id, now=now
        ):
            raise NotTraining(number=version.number, status=tr(version.status.value))
        self.nudge()

    async def _open(self, draft_id: int, person: Person, now: datetime) -> Draft:
        draft = await self._store.draft(draft_id)
        if draft is None:
            raise Expired(command="/train")
        if draft.version_id is not None:
            version = await self._store.version(draft.version_id)
            number = version.number if version else "?"
            raise AlreadyDone(
                what=tr("This training was started as version {number}.", number=number)
            )
        if draft.person_id != person.id:
            raise NotYours
        if draft.expires_at <= now or draft.provider not in self.providers:
            raise Expired(command="/train")
        return draft


def _sizes(batch: Sequence[Candidate], tokenizer: tokens.Tokenizer) -> dict[int, int]:
    return {each.position: size(each.example, tokenizer) for each in batch}
