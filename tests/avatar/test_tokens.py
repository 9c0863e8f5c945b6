import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import tokens


def test_nothing_is_no_token() -> None:
    assert tokens.estimate("") == 0


@given(st.text(min_size=1), st.text())
def test_a_text_is_at_least_one_token_and_longer_ones_are_not_fewer(one: str, more: str) -> None:
    assert 1 <= tokens.estimate(one) <= tokens.estimate(one + more)


@pytest.mark.parametrize(
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
def test_an_estimate_is_near_what_a_tokenizer_counts(text: str, counted: int) -> None:
    assert abs(tokens.estimate(text) - counted) <= counted / 3


def test_a_lone_surrogate_can_be_estimated() -> None:
    assert tokens.estimate("\ud800") == 1


def test_a_conversation_costs_more_than_its_texts() -> None:
    assert tokens.of_conversation(["abcd", "efgh"]) == 3 + (4 + 1) + (4 + 1)
