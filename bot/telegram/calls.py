"""How calls to Telegram are made: flood limits a chat, retries, and errors in our words."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from avatar.errors import NotDelivered, Unreachable
from bot.telegram.pace import Pace
from bot.telegram.request import not_carried_out, seconds

log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES = 4
# Bad requests that say: this chat cannot be written to. (From Telegram's answers, lower case.)
_CLOSED = (
    "chat not found",
    "chat_write_forbidden",
    "chat_restricted",
    "group chat was deactivated",
    "have no rights to send",
    "message thread not found",
    "need administrator rights",
    "not enough rights",
    "peer_id_invalid",
    "topic_closed",
    "topic_deleted",
    "user_is_blocked",
)


class Held(Exception):
    """The chat waits for a flood limit: this is no time for previews."""


class Calls:
    """Every call that writes to a chat goes through here. A 429 holds its chat, and no other."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._until: dict[str, float] = {}  # chat → when it may be written to, in the loop's time

    def held(self, chat: str) -> float:
        """How many seconds a chat must not be written to."""
        until = self._until.get(chat)
        if until is None:
            return 0.0
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            del self._until[chat]
        return max(left, 0.0)

    def _hold(self, chat: str, wait: float) -> None:
        until = asyncio.get_running_loop().time() + wait
        self._until[chat] = max(until, self._until.get(chat, until))
        log.warning("chat %s must not be written to for %s s (flood limit)", chat, wait)

    async def attempt(self, chat: str, call: Callable[[], Awaitable[T]]) -> T:
        """A preview: made now, or not at all. Raises Held and every TelegramError."""
        if self.held(chat):
            raise Held
        try:
            return await call()
        except RetryAfter as error:
            self._hold(chat, seconds(error))
            raise Held from error

    async def deliver(
        self, chat: str, call: Callable[[], Awaitable[T]], *, repeatable: bool = False
    ) -> T:
        """What must arrive: flood limits are waited for within reason, and what was surely not
        carried out is tried again; with `repeatable` also what perhaps was. Raises Unreachable and
        NotDelivered; BadRequest and ChatMigrated are left to the caller, who may know a way out.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._pace.patience
        tries = 0
        while True:
            wait = self.held(chat)
            if clock() + wait > deadline:
                raise NotDelivered(retry_after=wait, detail="Telegram's flood limit")
            await asyncio.sleep(wait)
            try:
                return await call()
            except RetryAfter as error:
                self._hold(chat, seconds(error))
            except Forbidden as error:
                raise Unreachable(detail=error.message) from error
            except (BadRequest, ChatMigrated):
                raise
            except NetworkError as error:
                tries += 1
                perhaps = not (repeatable or not_carried_out(error))
                if tries == _TRIES or perhaps:
                    raise NotDelivered(perhaps=perhaps, detail=error.message) from error
                await asyncio.sleep(self._pace.pause * 2 ** (tries - 1))
            except TelegramError as error:
                raise NotDelivered(detail=error.message) from error


def is_closed(error: BadRequest) -> bool:
    """Whether a bad request means that the chat cannot be written to."""
    said = error.message.lower()
    return any(part in said for part in _CLOSED)


def is_unchanged(error: BadRequest) -> bool:
    """Whether an edit was refused because the message says that already."""
    return "not modified" in error.message.lower()


def is_gone(error: BadRequest) -> bool:
    """Whether an edit was refused because there is no such message to be edited any more."""
    said = error.message.lower()
    return any(
        part in said
        for part in ("message to edit not found", "message can't be edited", "message_id_invalid")
    )
