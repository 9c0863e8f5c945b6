"""Every secret that a test uses, and every line of every log: the one may not stand in the other.

What the platforms, the provider's client and the database are given is known from watching them;
other secrets (of a webhook, a key that seals) are named with `secret`.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest

from backends.client import Client
from bot.discord.platform import DiscordPlatform
from bot.logs import Cleaner, TextFormatter, quieten
from bot.telegram.platform import TelegramPlatform
from storage.database import Database, database_url

SHORTEST = 10  # "any" and "k" are no secrets
OURS = ("avatar", "backends", "modelserver", "storage", "jobs", "bot")

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def secret(text: str) -> str:
    """The same text, which no log may hold from now on."""
    global _pattern  # noqa: PLW0603
    if len(text) >= SHORTEST and text not in _known:
        _known.add(text)
        _pattern = re.compile("|".join(map(re.escape, sorted(_known))))
    return text


def known() -> frozenset[str]:
    """All of them."""
    return frozenset(_known)


class Watch:
    """Looks at every record that any logger lets through, whatever handlers there are."""

    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.seen = 0
        # Ours never say a secret. Of libraries, what reads like one is taken out on the way.
        self._ours = logging.Formatter("%(name)s: %(message)s")
        self._theirs = TextFormatter(Cleaner(()))

    def __call__(self, record: logging.LogRecord) -> None:
        self.seen += 1
        if _pattern is None:
            return
        ours = record.name.partition(".")[0] in OURS
        line = (self._ours if ours else self._theirs).format(record)
        if (found := _pattern.search(line)) is not None:
            self.leaks.append(f"{found[0][:6]}… in: {line}")


@contextmanager
def watched() -> Iterator[Watch]:
    """While inside, logs are on to debug and every record is looked at."""
    watch, root = Watch(), logging.getLogger()
    level, calls = root.level, logging.Logger.callHandlers

    def looked_at(logger: logging.Logger, record: logging.LogRecord) -> None:
        watch(record)
        calls(logger, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.Logger, "callHandlers", looked_at)
        _listen(patch, TelegramPlatform, lambda token, *_, **__: token)
        _listen(patch, DiscordPlatform, lambda token, *_, **__: token)
        _listen(patch, Client, lambda *_, api_key, **__: api_key)
        _listen(patch, Database, lambda url, **__: database_url(url).password)
        root.setLevel(logging.DEBUG)
        quieten()
        yield watch
        root.setLevel(level)


def _listen(patch: pytest.MonkeyPatch, made: type, taken: Callable[..., str | None]) -> None:
    """Learn the secret that something is made with."""
    init: Callable[..., None] = made.__init__  # type: ignore[misc]

    @wraps(init)
    def listening(self: object, *args: Any, **kwargs: Any) -> None:
        secret(taken(*args, **kwargs) or "")
        init(self, *args, **kwargs)

    patch.setattr(made, "__init__", listening)
