import pytest

from avatar.dataset.kinds import LONG, ONE_BY_ONE, kind_words
from avatar.dataset.languages import language
from avatar.language import speaking


@pytest.mark.parametrize(
    ("words", "malay"),
    [
        (ONE_BY_ONE, "satu demi satu"),
        (LONG, "dengan jawapan lebih daripada 1,000 aksara"),
        (f"in {language('das ist nicht gut')}", "dalam bahasa Jerman"),
        ("from the chat {Ann} in Ipoh", "daripada sembang {Ann} in Ipoh"),
        ("a kind of {earlier} days", "a kind of {earlier} days"),
    ],
)
def test_a_kind_is_stored_in_english_and_said_in_the_language_of_now(
    words: str, malay: str
) -> None:
    assert kind_words(words) == words
    with speaking("ms"):
        assert kind_words(words) == malay
