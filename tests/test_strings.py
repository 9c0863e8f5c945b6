"""Everything that is said to people can be said in every language of ours."""

import pytest

from avatar.language import ENGLISH, NAMES
from tests.strings import OTHERS, fields, file_of, said


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_all_that_the_code_says(code: str) -> None:
    """If this fails: `make strings`, and translate what stands there without a translation."""
    found = {entry.msgid: entry.msgid_plural for entry in file_of(code)}
    assert found == {text.one: text.many for text in said().values()}


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_fields_of_their_texts(code: str) -> None:
    for entry in file_of(code):
        texts = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        allowed = fields(entry.msgid) | fields(entry.msgid_plural)
        for text in texts:
            assert text, f"not translated: {entry.msgid}"
            missing = fields(entry.msgid_plural or entry.msgid) - fields(text)
            assert not missing, f"{missing} of {entry.msgid!r} are not said"
            assert fields(text) <= allowed, f"{text!r} says more than {entry.msgid!r}"


def test_english_is_among_them() -> None:
    assert ENGLISH in NAMES
