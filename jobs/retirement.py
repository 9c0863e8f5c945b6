"""Watches for the ends of models: reads the providers' lists once a day and warns owners."""

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

from avatar import endings as rules
from avatar.endings import Endings
from avatar.errors import ProviderError
from avatar.ports import Trainer
from avatar.providers import Providers
from avatar.records import Avatar, NewNotice, RemoteModel, Version
from avatar.stores import Store

log = logging.getLogger(__name__)

PAGE = 200


class RetirementWatch:
    """Each call of `watch_once` looks at every model that is in use."""

    def __init__(
        self, store: Store, *, trainers: Mapping[str, Trainer], providers: Providers
    ) -> None:
        self._store = store
        self._trainers = trainers
        self._providers = providers

    async def watch_once(self, now: datetime) -> int:
        """How many notices were new."""
        tuned: dict[int, list[Version]] = defaultdict(list)
        used: dict[str, set[str]] = defaultdict(set)
        async for version in self._fine_tunes():
            tuned[version.avatar_id].append(version)
            for provider, model in rules.models_behind(version):
                used[provider].add(model)
        avatars = [avatar async for avatar in self._avatars()]
        for avatar in avatars:
            provider, model = self._providers.base(avatar)
            used[provider].add(model)
        endings = await self._learn(used, now)
        owed: list[NewNotice] = []
        for avatar in avatars:
            owed += await self._owed(avatar, tuned.get(avatar.id, []), endings, now)
        return await self._store.add_notices(owed, now=now) if owed else 0

    async def _fine_tunes(self) -> AsyncIterator[Version]:
        after = 0
        while page := await self._store.fine_tunes(after=after, limit=PAGE):
            for version in page:
                yield version
            after = page[-1].id

    async def _avatars(self) -> AsyncIterator[Avatar]:
        offset = 0
        while page := await self._store.avatars(person_id=None, limit=PAGE, offset=offset):
            for avatar in page:
                yield avatar
            offset += len(page)

    async def _learn(self, used: Mapping[str, Collection[str]], now: datetime) -> Endings:
        """Ask the providers and remember; what is known, of the models in use."""
        known = dict(
            await self._store.endings(
                [(provider, model) for provider, models in used.items() for model in models]
            )
        )
        for provider, models in used.items():
            trainer = self._trainers.get(provider)
            if trainer is None:
                continue
            try:
                listed = await trainer.models()
                gone = await self._gone(trainer, models, listed)
            except ProviderError as error:
                log.warning("the models of %s could not be listed: %s", provider, error.detail)
                continue
            before = {model: known.get((provider, model)) for model in models}
            changed = rules.learnt(provider, before, listed, gone, now=now)
            if changed:
                await self._store.save_endings(changed)
            for each in changed:
                known[provider, each.model] = each
                log.warning(
                    "%s at %s: ends %s, gone since %s",
                    each.model,
                    provider,
                    each.ends_on,
                    each.vanished_at,
                )
        return known

    @staticmethod
    async def _gone(
        trainer: Trainer, models: Collection[str], listed: Sequence[RemoteModel]
    ) -> frozenset[str]:
        """Those that the provider does not know, not even when asked by name: lists leave out
        what they like.
        """
        names = {model.id for model in listed}
        return frozenset(
            [name for name in models if name not in names and not await trainer.has_model(name)]
        )

    async def _owed(
        self, avatar: Avatar, versions: Sequence[Version], endings: Endings, now: datetime
    ) -> list[NewNotice]:
        about = rules.matter(avatar, versions, endings)
        base = None
        if avatar.active_model_id is None:
            base = endings.get(self._providers.base(avatar))
        active = next((v for v in versions if v.id == avatar.active_model_id), None)
        gone = active is not None and _is_gone(active, endings)
        if about is None and base is None and not gone:
            return []
        owners = await self._store.owners(avatar.id)
        homes = await self._store.homes([owner.id for owner in owners])
        owed = []
        if about is not None:
            owed += rules.notices(avatar, about, homes, today=now.date())
        if base is not None:
            provider = self._providers[base.provider]
            owed += rules.base_notices(
                avatar,
                base,
                homes,
                successor=provider.successor(base.model),
                today=now.date(),
            )
        if gone and active is not None:
            owed += rules.gone_notices(active, homes, why="gone")
        return owed


def _is_gone(version: Version, endings: Endings) -> bool:
    ending = rules.ending_of(version, endings)
    return ending is not None and ending.vanished_at is not None
