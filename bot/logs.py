"""Logging: one line a record, with what it is about (see `avatar.trace`), without secrets."""

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from avatar import trace

# What looks like a key or a token, wherever it comes from.
_PATTERNS = (
    re.compile(r"(?<!\d)\d{6,20}:[A-Za-z0-9_-]{30,}"),  # Telegram, also as /bot<token>/
    re.compile(r"\b[A-Za-z0-9_-]{22,30}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),  # Discord
    re.compile(r"(?<=/webhooks/)\d+/[^/\s]+"),  # with this, an interaction can be answered
    re.compile(r"(?<=/interactions/)\d+/[^/\s]+"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"),  # OpenAI
    re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}"),
)
# These write whole URLs, which hold the bot's token, or a line for every request.
_CHATTY = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "telegram",
    "discord",
    "apscheduler",
    "aiosqlite",
    "openai",
    "procrastinate",
    "psycopg",
)


_LONG = 8  # characters


class Cleaner:
    """Takes secrets out of text. Short ones ("any", for a host that wants no key) are taken out
    where they stand alone, and not in the middle of words.
    """

    def __init__(self, secrets_: Sequence[str]) -> None:
        self._secrets = [
            re.compile(
                re.escape(secret) if len(secret) >= _LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
            )
            for secret in sorted(secrets_, key=len, reverse=True)
        ]

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.sub("[secret]", text)
        for pattern in _PATTERNS:
            text = pattern.sub("[secret]", text)
        return text


class TextFormatter(logging.Formatter):
    """For people."""

    def __init__(self, clean: Cleaner) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if word := trace.current():
            head, newline, rest = line.partition("\n")
            line = f"{head} [{word}]{newline}{rest}"
        return self._clean(line)


class JsonFormatter(logging.Formatter):
    """For machines: one object a line."""

    def __init__(self, clean: Cleaner) -> None:
        super().__init__()
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        data: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if word := trace.current():
            data["trace"] = word
        if record.exc_info:
            data["exception"] = self._clean(self.formatException(record.exc_info))
        return json.dumps(data, ensure_ascii=False)


def set_up_logs(*, level: str, form: str, secrets_: Sequence[str]) -> None:
    """Send records from `level` on to standard error, as "text" or "json"."""
    clean = Cleaner(secrets_)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(clean) if form == "json" else TextFormatter(clean))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    quieten()


def quieten() -> None:
    """Libraries that are chatty say what is wrong, and no more."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
