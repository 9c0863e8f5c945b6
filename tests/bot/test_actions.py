"""The codes of buttons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.errors import Expired
from bot.actions import FORMER, MAX_BYTES, BadAction, Verb, code, decode

IDS = st.integers(min_value=0, max_value=10**15 - 1)


@given(st.sampled_from(Verb), IDS, IDS)
def test_there_and_back(verb: Verb, first: int, second: int) -> None:
    for numbers in ((), (first,), (first, second)):
        text = code(verb, *numbers)
        assert len(text.encode()) <= MAX_BYTES
        try:
            action = decode(text)
        except BadAction:
            continue  # another count of numbers than this verb has
        assert (action.verb, action.numbers) == (verb, numbers)


def test_every_verb_has_a_code() -> None:
    assert not {*FORMER} & {*Verb}
    for verb in Verb:
        accepted = 0
        for numbers in ((), (1,), (1, 2), (1, 2, 3)):
            try:
                accepted += decode(code(verb, *numbers)).verb is verb
            except BadAction:
                continue
        assert accepted == 1


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "activate",
        "activate:",
        "activate:-1",
        "activate:1:2",
        "activate:01",
        "activate:１",
        "activate:1\n",
        "ACTIVATE:1",
        "drop table:1",
        "activate:9999999999999999",
        "unknown:1",
        ":1",
        "stop:1",
        "x" * 5000,
    ],
)
def test_forged_codes_are_refused(forged: str) -> None:
    with pytest.raises(BadAction):
        decode(forged)


@pytest.mark.parametrize(
    "former", ["fromchats:1:0", "fromchats:7:5", "choices:7:1:1099511627775", "choices"]
)
def test_codes_of_before_say_how_to_begin_anew(former: str) -> None:
    """Chats were marked by the bits of a number inside of the button."""
    with pytest.raises(Expired) as caught:
        decode(former)
    assert "ask again with /train" in caught.value.sentence


@given(st.text())
def test_any_text_is_a_code_or_refused(text: str) -> None:
    try:
        action = decode(text)
    except BadAction:
        return
    assert action.code == text
