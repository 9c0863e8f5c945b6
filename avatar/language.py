"""The language in which people are spoken to.

Wording stands in the code in English, as templates with named fields; those are the ids of the
messages in `languages/*.po` (gettext's format, which every translator's tool reads). What has no
translation is said in English. `make strings` brings the files to what the code says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

import polib

ENGLISH = "en"
# As their speakers call them.
NAMES = {ENGLISH: "English", "ms": "Bahasa Melayu"}
FILES = Path(__file__).parent / "languages"

_now: ContextVar[NullTranslations] = ContextVar("language", default=NullTranslations())  # noqa: B039


def known(tag: str) -> str:
    """The language of a tag such as "ms-MY", if it is one of ours; "" otherwise."""
    code = tag.replace("_", "-").split("-")[0].lower()
    return code if code in NAMES else ""


def speak(code: str) -> None:
    """Say everything in a language from here on in this task, and in what it starts."""
    _now.set(_translations(known(code) or ENGLISH))


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Say everything in a language inside of this block."""
    before = _now.set(_translations(known(code) or ENGLISH))
    try:
        yield
    finally:
        _now.reset(before)


def tr(text: str, /, **fields: object) -> str:
    """A text in the language of now, with its fields (as `str.format`) filled in. Without any it is
    said as it stands, so it may be one that was stored, with braces of its own.
    """
    said = _now.get().gettext(text) if text else ""  # gettext has its header under that
    return said.format(**fields) if fields else said


def trn(one: str, many: str, n: int, /, **fields: object) -> str:
    """A text about a number, which is the field `n`."""
    said = _now.get().ngettext(one, many, n)
    return said.format(n=n, **fields)


def noted(text: str) -> str:
    """Marks a text that is given to `tr` elsewhere, so that it is found for translators."""
    return text


@cache
def _translations(code: str) -> NullTranslations:
    if code == ENGLISH:
        return NullTranslations()
    return GNUTranslations(BytesIO(polib.pofile(str(FILES / f"{code}.po")).to_binary()))
