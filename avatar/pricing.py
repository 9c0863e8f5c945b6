"""What models cost: dated data, and the sums made from it.

Prices are micro-dollars per 1,000,000 tokens, so micro-dollars per token times a million:
$0.30 per 1M tokens is 300,000. An unknown price is None and never 0.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from avatar.records import Usage

PER = 1_000_000  # tokens


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


def _usd(input_: str, cached: str, output: str, training: str | None = None) -> Price:
    def micro(dollars_: str) -> int:
        return int(Decimal(dollars_) * 1_000_000)

    return Price(
        input=micro(input_),
        cached=micro(cached),
        output=micro(output),
        training=None if training is None else micro(training),
    )


# OpenAI's price page as of October 2026. Training prices stand with the base model, since that is
# what is trained; a cached price that the page does not give is taken as half the input's.
_BASE = {
    "gpt-4.1": _usd("2.00", "0.50", "8.00", "25"),
    "gpt-4.1-mini": _usd("0.40", "0.10", "1.60", "5"),
    "gpt-4o": _usd("2.50", "1.25", "10.00", "25"),
    "gpt-4o-mini": _usd("0.15", "0.075", "0.60", "3"),
    "gpt-6-luna": _usd("0.10", "0.01", "0.50"),
}
_FINE_TUNED = {
    "gpt-4.1": _usd("3.00", "0.75", "12.00", "25"),
    "gpt-4.1-mini": _usd("0.80", "0.20", "3.20", "5"),
    "gpt-4o": _usd("3.75", "1.875", "15.00", "25"),
    "gpt-4o-mini": _usd("0.30", "0.15", "1.20", "3"),
}
_DATE = re.compile(r"-20\d\d-\d\d-\d\d$")
# Providers by name: those that run on the operator's machine cost nothing to them; whose prices
# we do not know are not here.
_FREE_PROVIDERS = frozenset({"embedded"})
_PRICED_PROVIDERS = frozenset({"openai"})


def price_of(provider: str, model: str) -> Price | None:
    """The price of a model at a provider: `gpt-4o-mini`, `gpt-4o-mini-2024-07-18` or a fine-tune
    `ft:gpt-4o-mini-2024-07-18:org::id`. None: it is not known.
    """
    if provider in _FREE_PROVIDERS:
        return FREE
    if provider not in _PRICED_PROVIDERS:
        return None
    parts = model.split(":")
    table, name = (_FINE_TUNED, parts[1]) if len(parts) > 1 and parts[0] == "ft" else (_BASE, model)
    return table.get(_DATE.sub("", name))


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
        return "unknown"
    if amount == 0:
        return "free"
    value = Decimal(amount) / 1_000_000
    if abs(value) >= 1:
        return f"${value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    if abs(value) < Decimal("0.0001"):
        return "<$0.0001"
    shown = value.quantize(Decimal("0.0001"), ROUND_HALF_UP).normalize()
    whole, _, cents = f"{shown:f}".partition(".")
    return f"${whole}.{cents:0<2}"
