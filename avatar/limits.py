"""Limits: how much may be said in a minute, and what may be spent in a day and in a month.

A cost limit belongs to a budget: a person's, an avatar's or the installation's, by day and by
month (UTC). What a reply or a training may cost at most is put into its budgets in one step before
it begins (only if none of them was used up), and set right when it has ended: in the same ones,
those of the day and the month in which it began. So whatever runs at the same time, in any number
of processes: when a budget is used up nothing new begins, and what began takes it over its limit
by less than the last one that was let in. A process that is killed leaves the most that its
unfinished replies could have cost: too much is counted, never too little.
What has no known price, or is free, is not counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from avatar.errors import BadText, SpentUp
from avatar.language import noted, tr
from avatar.pricing import Price, month_of, reply_cost
from avatar.records import Address, Avatar, NewNotice, NoticeKind, Usage

MINUTE = timedelta(minutes=1)
WARN_PERCENT = 80
MAX_MESSAGES = 10_000  # a minute
MAX_COST = 1_000_000_000_000  # micro-dollars


class Scope(StrEnum):
    """Whose budget."""

    PERSON = "person"
    AVATAR = "avatar"
    ALL = "all"  # the installation


class Own(StrEnum):
    """A limit that each avatar may have for itself."""

    MESSAGES = "messages_per_minute"
    DAY = "cost_per_day"
    MONTH = "cost_per_month"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Those of the installation; None is no limit. Costs are micro-dollars."""

    messages_per_minute: int | None = None  # of a person to an avatar; each avatar may have its own
    person_cost_per_day: int | None = None
    person_cost_per_month: int | None = None
    avatar_cost_per_day: int | None = None  # each avatar may have its own, up to this
    avatar_cost_per_month: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What may be spent by whom in one day or month."""

    scope: Scope
    scope_id: int  # 0: the installation
    period: str  # "2026-11-28", "2026-11"
    limit: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A budget, and what is in it."""

    budget: Budget
    cost: int

    @property
    def is_used_up(self) -> bool:
        return self.budget.limit is not None and self.cost >= self.budget.limit

    @property
    def is_nearly_used_up(self) -> bool:
        limit = self.budget.limit
        return limit is not None and self.cost * 100 >= limit * WARN_PERCENT


_OF_DAY = {
    Scope.PERSON: noted("What you may spend here today is used up."),
    Scope.AVATAR: noted("What {avatar} may spend today is used up."),
    Scope.ALL: noted("What may be spent in this installation today is used up."),
}
_OF_MONTH = {
    Scope.PERSON: noted("What you may spend here this month is used up."),
    Scope.AVATAR: noted("What {avatar} may spend this month is used up."),
    Scope.ALL: noted("What may be spent in this installation this month is used up."),
}
_DOLLARS = re.compile(r"\$?(\d{1,7})(?:\.(\d{1,6}))?", re.ASCII)


def parse_dollars(text: str) -> int:
    """An amount as people write it (`2.50`, `$0.005`), in micro-dollars. Raises BadText."""
    found = _DOLLARS.fullmatch(text.strip())
    if found is not None:
        amount = int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0"))
        if amount <= MAX_COST:
            return amount
    raise BadText(reason=tr("An amount is in US dollars, from 0 to 1,000,000, like 2.50."))


def smaller(*limits: int | None) -> int | None:
    """The strictest of some limits."""
    return min((each for each in limits if each is not None), default=None)


def messages_per_minute(avatar: Avatar, limits: Limits) -> int | None:
    """How many replies one person may have of an avatar in a minute."""
    own = avatar.messages_per_minute
    return limits.messages_per_minute if own is None else own


def budgets_of_training(avatar_id: int, began: datetime) -> tuple[Budget, ...]:
    """What a training counted in that was asked for at a time: without limits, to set it right."""
    return tuple(
        Budget(scope=scope, scope_id=id_, period=period, limit=None)
        for scope, id_ in ((Scope.AVATAR, avatar_id), (Scope.ALL, 0))
        for period in (day_of(began), month_of(began))
    )


def day_of(now: datetime) -> str:
    """The day that a cost belongs to: `2026-11-28`."""
    return f"{now:%Y-%m-%d}"


def budgets(
    avatar: Avatar, limits: Limits, *, person_id: int | None, now: datetime
) -> tuple[Budget, ...]:
    """All that a cost counts in, always in the same order. `person_id` None: nobody's in
    particular (a training).
    """
    day, month = day_of(now), month_of(now)
    found = []
    if person_id is not None:
        found += [
            (Scope.PERSON, person_id, day, limits.person_cost_per_day),
            (Scope.PERSON, person_id, month, limits.person_cost_per_month),
        ]
    found += [
        (Scope.AVATAR, avatar.id, day, smaller(avatar.cost_per_day, limits.avatar_cost_per_day)),
        (
            Scope.AVATAR,
            avatar.id,
            month,
            smaller(avatar.cost_per_month, limits.avatar_cost_per_month),
        ),
        (Scope.ALL, 0, day, limits.cost_per_day),
        (Scope.ALL, 0, month, limits.cost_per_month),
    ]
    return tuple(
        Budget(scope=scope, scope_id=id_, period=period, limit=limit)
        for scope, id_, period, limit in found
    )


def seconds_to_wait(earlier: datetime | None, now: datetime) -> int:
    """How long until the next message may come, when the one that is as many back as may come in
    a minute was answered `earlier`. 0: at once.
    """
    # What was answered much later than now was answered before the clock went back. It counts no
    # more: else nobody could write until the clock is there again.
    if earlier is None or not -MINUTE < now - earlier < MINUTE:
        return 0
    return max(1, min(60, round((earlier + MINUTE - now).total_seconds())))


def refusal(budget: Budget, avatar_name: str) -> SpentUp:
    """The polite stop."""
    daily = len(budget.period) == len("2026-11-28")
    used_up = (_OF_DAY if daily else _OF_MONTH)[budget.scope]
    return SpentUp(
        what=tr(used_up, avatar=avatar_name),
        when=tr("tomorrow (a day begins at 00:00 UTC)") if daily else tr("next month"),
    )


def most_of_a_reply(price: Price | None, *, prompt_tokens: int, reply_tokens: int) -> int:
    """What a reply may cost at most, in micro-dollars; 0 where no price is known."""
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=reply_tokens)
    return reply_cost(price, usage) or 0


def notices(filled: Filled, avatar: Avatar, homes: Mapping[int, Address]) -> list[NewNotice]:
    """That a budget is nearly used up, told once to each of those whom it concerns."""
    budget = filled.budget
    return [
        NewNotice(
            kind=NoticeKind.LIMIT_NEAR,
            key=f"limit:{budget.scope}:{budget.scope_id}:{budget.period}:{person_id}",
            address=address,
            avatar_id=avatar.id,
            data={
                "scope": budget.scope.value,
                "period": budget.period,
                "cost": filled.cost,
                "limit": budget.limit,
            },
        )
        for person_id, address in homes.items()
    ]


class BudgetStore(Protocol):
    """What limits are held against."""

    async def prepay(self, budgets: Sequence[Budget], amount: int) -> Budget | None:
        """Put an amount into all of them, in one step. A budget: that one was used up before, and
        nothing was put anywhere.
        """
        ...

    async def settle(self, budgets: Sequence[Budget], change: int) -> tuple[Filled, ...]:
        """Add a change (also a negative one) to all of them; what is in them then."""
        ...

    async def filled(self, budgets: Sequence[Budget]) -> tuple[Filled, ...]:
        """What is in them, in their order."""
        ...

    async def nth_last_reply(self, avatar_id: int, person_id: int, *, n: int) -> datetime | None:
        """When the n-th newest reply (1: the newest) of an avatar to a person was given; None:
        there are not so many.
        """
        ...

    async def set_limit(self, avatar_id: int, which: Own, most: int | None) -> None:
        """One of an avatar's own, and no other (owners may set two at once); None: as usual."""
        ...
