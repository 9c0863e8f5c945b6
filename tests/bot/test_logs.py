"""Logs: one line a record for machines, and never a secret."""

import json
import logging
from collections.abc import Iterator

import pytest

from avatar import trace
from bot.logs import Cleaner, set_up_logs

TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD = "OTAwMDkwMDA5MDAwOTAwMDAw.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"
SECRET = "a key of another shape"
WRITTEN = [
    f"POST /bot{TOKEN}/sendMessage",
    f"identify with {DISCORD}",
    "PATCH https://discord.com/api/v10/webhooks/9000/aW50ZXJhY3Rpb24/messages/@original",
    "POST https://discord.com/api/v10/interactions/77/aW50ZXJhY3Rpb24/callback",
    "Incorrect API key provided: sk-proj-abcdefgh12345678",
    "Authorization: Bearer abcdef.ghijkl-12345",
    f"it said {SECRET}",
]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_taken_out(capsys: pytest.CaptureFixture[str], form: str) -> None:
    set_up_logs(level="info", form=form, secrets_=[SECRET])
    log = logging.getLogger("bot.test")
    for line in WRITTEN:
        log.warning("%s", line)
        try:
            raise ValueError(line)
        except ValueError:
            with trace.about("m", 1234):
                log.exception("failed")
    text = capsys.readouterr().err
    for secret in (TOKEN, DISCORD, "aW50ZXJhY3Rpb24", "sk-proj", "abcdef.ghijkl", SECRET):
        assert secret not in text
    assert text.count("[secret]") >= 2 * len(WRITTEN)
    assert text.count("m-1234") == len(WRITTEN)


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="warning", form="json", secrets_=[])
    log = logging.getLogger("bot.test")
    log.info("not this")
    log.warning("two\nlines %s", "é")
    logging.getLogger("httpx").info("nor this")
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"]) == ("warning", "bot.test")
    assert record["message"] == "two\nlines é"


def test_a_short_key_is_not_taken_out_of_words() -> None:
    clean = Cleaner(["any", "sk-a-long-one"])
    assert clean("Many processes, key any: xsk-a-long-onex") == (
        "Many processes, key [secret]: x[secret]x"
    )
