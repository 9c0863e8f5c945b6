"""Holding people, avatars and the installation to their limits, and warning of them."""

import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from avatar import limits as rules
from avatar.errors import BadText, TooFast
from avatar.language import tr
from avatar.limits import Budget, Filled, Limits, Own, Scope
from avatar.records import Address, Avatar, Person
from avatar.stores import Store

log = logging.getLogger(__name__)

_TOLD = 10_000  # budgets of which it is remembered that they were told of


@dataclass(slots=True)
class Bill:
    """What something cost in the end, in micro-dollars; nothing until it is said."""

    cost: int | None = None


class Limiter:
    """The use-cases around limits. Operators are not limited themselves; what they cause counts
    for the avatar and the installation.
    """

    def __init__(
        self, store: Store, *, limits: Limits, operators: Collection[tuple[str, str]]
    ) -> None:
        self._store = store
        self.limits = limits
        self._operators = operators
        self._told: set[Budget] = set()

    def _is_limited(self, person: Person) -> bool:
        return (person.platform, person.external_id) not in self._operators

    async def keep_pace(self, avatar: Avatar, person: Person, *, now: datetime) -> None:
        """Raises TooFast when the person has had as many replies in the last minute as may be.
        Replies that are being written at this moment are not counted yet.
        """
        most = rules.messages_per_minute(avatar, self.limits)
        if most is None or not self._is_limited(person):
            return
        earlier = await self._store.nth_last_reply(avatar.id, person.id, n=most)
        if (seconds := rules.seconds_to_wait(earlier, now)) > 0:
            raise TooFast(seconds=seconds)

    @asynccontextmanager
    async def spending(
        self, avatar: Avatar, *, person: Person, most: int, now: datetime
    ) -> AsyncIterator[Bill]:
        """While something that costs up to `most` is done; what it did cost is to be written on
        the bill. Raises SpentUp when a budget was used up before.
        """
        bill = Bill()
        if most <= 0:  # free, or without a known price
            yield bill
            return
        budgets = rules.budgets(
            avatar,
            self.limits,
            person_id=person.id if self._is_limited(person) else None,
            now=now,
        )
        await self._prepay(avatar, budgets, most)
        try:
            yield bill
        finally:
            filled = await self._store.settle(budgets, (bill.cost or 0) - most)
        await self._warn(avatar, filled, now=now)

    @asynccontextmanager
    async def training(
        self, avatar: Avatar, cost: int | None, *, now: datetime
    ) -> AsyncIterator[None]:
        """While a training is started: its estimate counts from now on (the end of the training
        sets it right), unless starting it fails. Raises SpentUp.
        """
        if not cost:
            yield
            return
        budgets = self._of_training(avatar, now)
        await self._prepay(avatar, budgets, cost)
        try:
            yield
        except BaseException:
            await self._store.settle(budgets, -cost)
            raise
        await self._warn(avatar, await self._store.filled(budgets), now=now)

    def _of_training(self, avatar: Avatar, now: datetime) -> tuple[Budget, ...]:
        return rules.budgets(avatar, self.limits, person_id=None, now=now)

    async def _prepay(self, avatar: Avatar, budgets: Sequence[Budget], most: int) -> None:
        full = await self._store.prepay(budgets, most)
        if full is not None:
            raise rules.refusal(full, avatar.name)

    async def _warn(self, avatar: Avatar, filled: Sequence[Filled], *, now: datetime) -> None:
        """Whom it concerns is told once, whichever process sees it: notices have keys."""
        for each in filled:
            if not each.is_nearly_used_up or each.budget in self._told:
                continue
            homes = await self._homes(avatar, each.budget)
            await self._store.add_notices(rules.notices(each, avatar, homes), now=now)
            if len(self._told) >= _TOLD:
                self._told.clear()
            self._told.add(each.budget)

    async def _homes(self, avatar: Avatar, budget: Budget) -> Mapping[int, Address]:
        ids: list[int] = []
        if budget.scope is Scope.PERSON:
            ids = [budget.scope_id]
        elif budget.scope is Scope.AVATAR:
            ids = [owner.id for owner in await self._store.owners(avatar.id)]
        else:
            for operator in self._operators:
                person = await self._store.find_person(*operator)
                ids += [] if person is None else [person.id]
        return await self._store.homes(ids)

    # --- an avatar's own

    async def filled(self, avatar: Avatar, *, now: datetime) -> tuple[Filled, ...]:
        """What an avatar spent today and this month, and what it may."""
        return await self._store.filled(self._of_training(avatar, now)[:2])

    async def set_own(self, avatar: Avatar, which: Own, most: int | None) -> None:
        """Set one of an avatar's own limits; None: as usual. Raises BadText."""
        if most is not None and which is Own.MESSAGES and not 1 <= most <= rules.MAX_MESSAGES:
            raise BadText(
                reason=tr("Messages a minute are from 1 to {most:,}.", most=rules.MAX_MESSAGES)
            )
        if most is not None and which is not Own.MESSAGES and not 0 <= most <= rules.MAX_COST:
            raise BadText(reason=tr("A cost is from $0 to $1,000,000."))
        await self._store.set_limit(avatar.id, which, most)
