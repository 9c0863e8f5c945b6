"""The watch over the logs of all tests can fail; and it knows the secrets that tests use."""

import logging

import pytest

from backends.client import Client
from bot.telegram.platform import TelegramPlatform
from storage.database import Database
from tests.secrecy import Watch, known, secret

TOKEN = "987654321:" + "watched" * 5


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.DEBUG, __file__, 1, message, args, None)


@pytest.mark.parametrize(
    ("name", "line", "leaks"),
    [
        ("bot.telegram", f"POST /bot{TOKEN}/sendMessage", 1),
        ("bot.web", "a webhook with hook-secret-12345", 1),
        ("httpx", f"POST /bot{TOKEN}/sendMessage", 0),  # taken out by its shape
        ("httpx", "a webhook with hook-secret-12345", 1),  # nothing tells that it is one
        ("bot.web", "nothing", 0),
    ],
)
def test_a_secret_in_a_line_is_found(name: str, line: str, leaks: int) -> None:
    secret(TOKEN)
    secret("hook-secret-12345")
    watch = Watch()
    watch(record(name, "%s", line))
    assert len(watch.leaks) == leaks
    assert all(TOKEN not in leak.partition(" in: ")[0] for leak in watch.leaks)


def test_a_secret_in_an_exception_is_found() -> None:
    secret(TOKEN)
    watch = Watch()
    try:
        raise ValueError(TOKEN)
    except ValueError as error:
        said = record("bot", "failed")
        said.exc_info = (type(error), error, error.__traceback__)
    watch(said)
    assert len(watch.leaks) == 1


async def test_secrets_are_known_from_what_is_made_with_them() -> None:
    TelegramPlatform("112233445:" + "learnt!" * 5)
    Client(api_key="a key of some host", base_url="http://127.0.0.1:1/v1")
    await Database("postgresql://me:a%20long%20password@127.0.0.1:1/x").close()
    assert known() >= {"112233445:" + "learnt!" * 5, "a key of some host", "a long password"}
    assert secret("any") not in known()


def test_logs_are_on_to_debug_in_every_test(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("bot.anything").debug("heard")
    assert "heard" in caplog.text
