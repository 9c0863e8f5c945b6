import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import tokens


def test_nothing_is_no_token() -> None:
    assert tokens.estimate("") == 0


@given(st.text(min_size=1), st.text())
def test_a_text_is_at_least_one_token_and_longer_ones_are_not_fewer(one: str, more: str) -> None:
    assert 1 <= tokens.estimate(one) <= tokens.estimate(one + more)


TEXTS = pytest.mark.parametrize(
    ("text", "counted"),
    [  # counted with o200k_base by the package bpe-openai 0.1.4
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("Wah, so early you want makan already? Can lah, jom we go mamak.", 20),
        ("Привет! Как у тебя дела сегодня?", 9),
        ("今天天气很好,我们去公园散步吧。", 13),
        ("مرحبا، كيف حالك اليوم؟", 8),
        ("😀😀", 2),
        ("def add(a: int, b: int) -> int:\n    return a + b\n", 19),
    ],
)


@TEXTS
def test_an_estimate_is_near_what_a_tokenizer_counts(text: str, counted: int) -> None:
    assert abs(tokens.estimate(text) - counted) <= counted / 3


def test_a_lone_surrogate_can_be_estimated() -> None:
    assert tokens.estimate("\ud800") == 1


def test_a_conversation_costs_more_than_its_texts() -> None:
    assert tokens.of_conversation(["abcd", "efgh"]) == 3 + (4 + 1) + (4 + 1)


@TEXTS
def test_the_tokenizer_counts(text: str, counted: int) -> None:
    tokenizer = tokens.tokenizer("ft:gpt-4o-mini-2024-07-18:org::id")
    assert tokenizer is not None
    assert tokenizer.name == "o200k_base"
    assert tokenizer.count(text) == counted


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("gpt-6-luna", None),  # nobody has said which one it is
        ("imitator-1", None),
        ("Qwen/Qwen3-8B", None),
    ],
)
def test_each_model_has_its_vocabulary(model: str, name: str | None) -> None:
    assert tokens.vocabulary(model) == name
    found = tokens.tokenizer(model)
    assert (found and found.name) == name


def test_what_a_tokenizer_would_refuse_is_counted() -> None:
    tokenizer = tokens.tokenizer("gpt-4o")
    assert tokenizer is not None
    assert tokenizer.count("") == 0
    assert tokenizer.count("\ud800") > 0  # half of a character
    assert tokenizer.count("<|endoftext|>") > 1  # talk, and no sign of the format
    assert tokenizer.count("hello " * 200_000) > 200_000  # more than the package takes at once


def test_without_the_package_nothing_is_imported_and_tokens_are_estimated() -> None:
    """In a process of its own, where the package cannot be found."""
    program = (
        "import sys, importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'bpe_openai' else found(name, *a)\n"
        "from avatar import tokens\n"
        "assert not tokens.can_count() and tokens.tokenizer('gpt-4o') is None\n"
        "assert 'bpe_openai' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
