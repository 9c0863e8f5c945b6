"""In which language something is said."""

import asyncio

import pytest

from avatar.errors import NotAllowed
from avatar.language import known, noted, speak, speaking, tr, trn


@pytest.mark.parametrize(
    ("tag", "code"),
    [("ms", "ms"), ("ms-MY", "ms"), ("MS_my", "ms"), ("en-GB", "en"), ("de", ""), ("", "")],
)
def test_languages_that_are_known(tag: str, code: str) -> None:
    assert known(tag) == code


def test_what_is_said_where() -> None:
    assert tr("There are no quiet hours here.") == "There are no quiet hours here."
    with speaking("ms-MY"):
        assert tr("There are no quiet hours here.") == "Tiada waktu senyap di sini."
        with speaking("de"):  # not one of ours
            assert tr("There are no quiet hours here.") == "There are no quiet hours here."
        assert tr("{when}, but not from {hours}", when="X", hours="Y").startswith("X, tetapi")
    assert tr("There are no quiet hours here.") == "There are no quiet hours here."


def test_numbers() -> None:
    one, many = noted("{n:,} example"), noted("{n:,} examples")
    assert [trn(one, many, n) for n in (1, 2, 1_000)] == [
        "1 example",
        "2 examples",
        "1,000 examples",
    ]
    with speaking("ms"):
        assert [trn(one, many, n) for n in (1, 1_000)] == ["1 contoh", "1,000 contoh"]


@pytest.mark.parametrize("text", ["", "{}", "{nobody} said it", "%s {0}"])
def test_what_no_language_has_is_said_as_it_stands(text: str) -> None:
    with speaking("ms"):
        assert tr(text) == text


def test_an_error_is_read_in_the_language_and_logged_in_english() -> None:
    error = NotAllowed(avatar="Ani")
    with speaking("ms"):
        assert error.sentence != str(error)
        assert "Ani" in error.sentence
    assert error.sentence == str(error) == "Only owners of Ani can do that."


async def test_each_task_has_its_own() -> None:
    async def said(code: str) -> str:
        speak(code)
        await asyncio.sleep(0)
        return await asyncio.to_thread(tr, "There are no quiet hours here.")

    english, malay = await asyncio.gather(said("en"), said("ms"))
    assert (english, malay) == ("There are no quiet hours here.", "Tiada waktu senyap di sini.")
    assert tr("There are no quiet hours here.") == english
