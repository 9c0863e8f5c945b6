"""What models cost: sums made from a provider's dated prices.

Prices are micro-dollars per 1,000,000 tokens, so micro-dollars per token times a million:
$0.30 per 1M tokens is 300,000. An unknown price is None and never 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from avatar.language import tr
from avatar.records import Spending, Spent, Usage

PER = 1_000_000  # tokens
_DATE = re.compile(r"-20\d\d-\d\d-\d\d$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a model costs, in micro-dollars per 1M tokens."""

    input: int
    cached: int  # input that the provider had in its cache
    output: int
    training: int | None = None  # None: it cannot be trained

    @property
    def is_free(self) -> bool:
        return self.input == self.output == 0 and not self.training


FREE = Price(input=0, cached=0, output=0, training=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedPrice:
    """What a base model costs from a day on, and what its fine-tunes cost."""

    model: str
    since: date
    base: Price
    fine_tuned: Price | None = None


def plain_model(model: str) -> tuple[str, bool]:
    """A model's name without its date, and whether it is a fine-tune of that:
    `ft:gpt-4o-mini-2024-07-18:org::id` is a fine-tune of `gpt-4o-mini`.
    """
    parts = model.split(":")
    tuned = len(parts) > 1 and parts[0] == "ft"
    return _DATE.sub("", parts[1] if tuned else model), tuned


def price_in(prices: Sequence[DatedPrice], model: str, *, on: date) -> Price | None:
    """The newest price of a model that holds on a day; None: it is not known. A day before the
    first known price is charged at that one: rather an old price than none.
    """
    name, tuned = plain_model(model)
    known = [each for each in prices if each.model == name]
    if not known:
        return None
    holding = [each for each in known if each.since <= on]
    chosen = (
        max(holding, key=lambda each: each.since)
        if holding
        else min(known, key=lambda each: each.since)
    )
    return chosen.fine_tuned if tuned else chosen.base


def reply_cost(price: Price | None, usage: Usage) -> int | None:
    """What a reply cost, in micro-dollars, rounded once; None without a price."""
    if price is None:
        return None
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    total = (
        (usage.prompt_tokens - cached) * price.input
        + cached * price.cached
        + usage.completion_tokens * price.output
    )
    return _rounded(total)


def training_cost(price: Price | None, tokens: int) -> int | None:
    """What training on `tokens` (all epochs together) costs; None without a price."""
    if price is None or price.training is None:
        return None
    return _rounded(tokens * price.training)


def _rounded(per_million: int) -> int:
    return (per_million + PER // 2) // PER


def month_of(now: datetime) -> str:
    """The month that a cost belongs to: `2026-11`."""
    return f"{now:%Y-%m}"


def dollars(amount: int | None) -> str:
    """Micro-dollars as people read them: `$8.50`, `$0.0012`, `free`; None is `unknown`."""
    if amount is None:
        return tr("unknown")
    if amount == 0:
        return tr("free")
    value = Decimal(amount) / 1_000_000
    if abs(value) >= 1:
        return f"${value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    if abs(value) < Decimal("0.0001"):
        return "<$0.0001"
    shown = value.quantize(Decimal("0.0001"), ROUND_HALF_UP).normalize()
    whole, _, cents = f"{shown:f}".partition(".")
    return f"${whole}.{cents:0<2}"


class SpendingStore(Protocol):
    """What was spent, added up by month."""

    async def add_spent(self, spent: Spent) -> None:
        """Add an amount to the account of its month."""
        ...

    async def spending(self, avatar_id: int, *, month: str) -> tuple[Spending, ...]:
        """Of one month: trainings first, then by version."""
        ...
