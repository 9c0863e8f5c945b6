"""What kinds of examples are called, in every language."""

import pytest

from avatar.dataset import languages
from avatar.dataset.kinds import LINKED, LONG, MASKED, ONE_BY_ONE, SHORT
from avatar.language import speaking
from bot.cards.kinds import FIXED, LANGUAGES, kind_words

NAMES = (*(name for name, _ in languages._SCRIPTS), *languages._SMALL_WORDS)


def test_all_kinds_are_known() -> None:
    assert sorted(FIXED) == sorted((ONE_BY_ONE, MASKED, SHORT, LONG, LINKED))
    assert sorted(LANGUAGES) == sorted(NAMES)


@pytest.mark.parametrize(
    "kind",
    [*FIXED, *(f"in {name}" for name in LANGUAGES), "from the chat in {braces} {0}", "in Klingon"],
)
def test_a_kind_in_english_is_called_as_it_is_written_down(kind: str) -> None:
    assert kind_words(kind) == kind


def test_kinds_in_malay() -> None:
    with speaking("ms"):
        assert kind_words("in German") == "dalam bahasa Jerman"
        assert kind_words(MASKED) == "dengan data yang disamarkan"
        assert kind_words("from the chat {Ann}") == "daripada sembang {Ann}"
        assert kind_words("in Klingon") == "in Klingon"
