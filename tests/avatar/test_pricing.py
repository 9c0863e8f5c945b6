from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import pricing
from avatar.providers import preset
from avatar.records import Usage

OPENAI = preset("openai")
DAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("model", "usd_in", "usd_cached", "usd_out", "usd_training"),
    [
        ("gpt-4o-mini", 0.15, 0.075, 0.60, 3),
        ("gpt-4o-mini-2024-07-18", 0.15, 0.075, 0.60, 3),
        ("ft:gpt-4o-mini-2024-07-18:org::id", 0.30, 0.15, 1.20, 3),
        ("ft:gpt-4o-mini:org:ani-v3:id:ckpt-step-88", 0.30, 0.15, 1.20, 3),
        ("ft:gpt-4o-2024-08-06:org::id", 3.75, 1.875, 15, 25),
        ("ft:gpt-4.1-2025-04-14:org::id", 3, 0.75, 12, 25),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", 0.80, 0.20, 3.20, 5),
        ("gpt-4o", 2.50, 1.25, 10, 25),
        ("gpt-6-luna", 0.10, 0.01, 0.50, None),
    ],
)
def test_prices_at_openai(
    model: str, usd_in: float, usd_cached: float, usd_out: float, usd_training: float | None
) -> None:
    price = OPENAI.price(model, on=DAY)
    assert price is not None
    assert (price.input, price.cached, price.output) == (
        round(usd_in * 1e6),
        round(usd_cached * 1e6),
        round(usd_out * 1e6),
    )
    assert price.training == (None if usd_training is None else round(usd_training * 1e6))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5-unheard-of"),
        ("openai", "gpt-4o-mini-audio"),  # a longer name is another model
        ("openai", "ft:gpt-6-luna:org::id"),  # not trainable
        ("openai", ""),
        ("openai", "ft:"),
        ("custom", "gpt-4o-mini"),  # another host's price is its own
    ],
)
def test_an_unknown_price_is_none_and_never_zero(provider: str, model: str) -> None:
    price = preset(provider).price(model, on=DAY)
    assert price is None
    assert pricing.reply_cost(price, Usage(prompt_tokens=10, completion_tokens=10)) is None
    assert pricing.training_cost(price, 1000) is None


def test_the_embedded_provider_is_free() -> None:
    price = preset("embedded").price("imitator-1", on=DAY)
    assert price is not None
    assert price.is_free
    assert pricing.reply_cost(price, Usage(prompt_tokens=10**6, completion_tokens=10**6)) == 0
    assert pricing.training_cost(price, 10**6) == 0


def test_a_model_that_cannot_be_trained_has_no_training_cost() -> None:
    assert pricing.training_cost(OPENAI.price("gpt-6-luna", on=DAY), 1000) is None


def test_what_training_costs() -> None:
    price = OPENAI.price("gpt-4o-mini", on=DAY)
    assert pricing.training_cost(price, 2_833_333) == 8_499_999
    assert pricing.training_cost(price, 1) == 3


def test_cached_tokens_cost_the_cached_price() -> None:
    price = OPENAI.price("gpt-4o-mini", on=DAY)
    usage = Usage(prompt_tokens=1_000_000, cached_tokens=400_000, completion_tokens=500_000)
    assert pricing.reply_cost(price, usage) == 90_000 + 30_000 + 300_000


def test_a_cost_is_rounded_half_up_once() -> None:
    price = pricing.Price(input=500_000, cached=250_000, output=0)
    assert pricing.reply_cost(price, Usage(prompt_tokens=1, completion_tokens=0)) == 1
    # 0.5 + 0.25: rounded together and not each by itself
    usage = Usage(prompt_tokens=2, cached_tokens=1, completion_tokens=0)
    assert pricing.reply_cost(price, usage) == 1
    usage = Usage(prompt_tokens=1, cached_tokens=1, completion_tokens=0)
    assert pricing.reply_cost(price, usage) == 0


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_cost_is_never_negative(prompt: int, cached: int, completion: int) -> None:
    """Also when a provider says that more was cached than was sent."""
    usage = Usage(prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion)
    cost = pricing.reply_cost(OPENAI.price("gpt-4o", on=DAY), usage)
    assert cost is not None
    assert cost >= 0


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "unknown"),
        (0, "free"),
        (1, "<$0.0001"),
        (99, "<$0.0001"),
        (100, "$0.0001"),
        (1_200, "$0.0012"),
        (50_000, "$0.05"),
        (123_456, "$0.1235"),
        (999_999, "$1.00"),
        (8_500_000, "$8.50"),
        (1_234_567_890_000, "$1,234,567.89"),
    ],
)
def test_money_in_words(amount: int | None, words: str) -> None:
    assert pricing.dollars(amount) == words


def test_the_month_of_a_moment() -> None:
    assert pricing.month_of(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == "2026-11"
