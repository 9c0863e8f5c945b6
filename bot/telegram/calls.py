"""How calls to Telegram are made: in turn, with retries, and errors in our words."""

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
from bot.telegram.markdown import Part
from bot.telegram.pace import Pace
from bot.telegram.rates import Kind, Limits
from bot.telegram.request import not_carried_out, seconds
from bot.telegram.turns import Held, Turns

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
# And these: an edit has no message to change.
_NO_TEXT_OF_OURS = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)


class Unanswered(Exception):
    """A call that must not be repeated was sent, and its answer got lost."""


class Calls:
    """Every call that writes to a chat goes through here. A 429 holds its chat, and no other."""

    def __init__(self, pace: Pace, limits: Limits) -> None:
        self._pace = pace
        self._turns = Turns(limits, patience=pace.patience)

    def held(self, chat: str) -> float:
        """How many seconds a chat must not be written to."""
        return self._turns.held(chat)

    def wait(self, chat: str, kind: Kind) -> float:
        """How many seconds a preview had better wait."""
        return self._turns.wait(chat, kind)

    def _hold(self, chat: str, error: RetryAfter) -> None:
        wait = seconds(error)
        who = "no chat" if self._turns.hold(chat, wait) else f"chat {chat} not"
        log.warning("flood limit: %s written to for %s s", who, wait)

    async def attempt(self, chat: str, kind: Kind, call: Callable[[], Awaitable[T]]) -> T:
        """A preview: made now, or not at all. Raises Held and every TelegramError."""
        self._turns.take_now(chat, kind)
        try:
            return await call()
        except RetryAfter as error:
            self._hold(chat, error)
            raise Held from error
        finally:
            self._turns.give_back(chat)

    async def deliver(
        self, chat: str, call: Callable[[], Awaitable[T]], *, repeatable: bool = False
    ) -> T:
        """What must arrive: it waits for its turn, flood limits are waited for within reason, and
        what was surely not carried out is tried again; with `repeatable` also what perhaps was.
        Raises Unreachable, NotDelivered and Unanswered; BadRequest and ChatMigrated are left to
        the caller, who may know a way out.
        """
        deadline = asyncio.get_running_loop().time() + self._pace.patience
        tries = 0
        while True:
            await self._turn(chat, deadline)
            try:
                return await call()
            except RetryAfter as error:
                self._hold(chat, error)
                continue
            except Forbidden as error:
                raise Unreachable(detail=error.message) from error
            except (BadRequest, ChatMigrated):
                raise
            except NetworkError as error:
                tries += 1
                if not (repeatable or not_carried_out(error)):
                    raise Unanswered from error
                if tries == _TRIES:
                    raise NotDelivered(detail=error.message) from error
            except TelegramError as error:
                raise NotDelivered(detail=error.message) from error
            finally:
                self._turns.give_back(chat)
            await self.pause(tries)

    async def pause(self, tries: int) -> None:
        """Wait before something is tried once more."""
        await asyncio.sleep(self._pace.pause * 2 ** (tries - 1))

    async def _turn(self, chat: str, deadline: float) -> None:
        wait = self._turns.held(chat)
        if asyncio.get_running_loop().time() + wait > deadline:
            raise NotDelivered(retry_after=wait, detail="Telegram's flood limit")
        try:
            await self._turns.take(chat)
        except Held:
            wait = self._turns.held(chat)
            raise NotDelivered(retry_after=wait, detail="Telegram's flood limit") from None


async def or_plain(part: Part, say: Callable[[Part], Awaitable[T]]) -> T:
    """Say it; if Telegram does not take it so, say it without formatting. Raises Unreachable where
    it is not taken either way.
    """
    try:
        try:
            return await say(part)
        except BadRequest as error:
            if is_closed(error) or not part.entities:
                raise
            return await say(part.plain)
    except BadRequest as error:
        raise Unreachable(detail=error.message) from error


def is_closed(error: BadRequest) -> bool:
    """Whether a bad request means that the chat cannot be written to."""
    said = error.message.lower()
    return any(part in said for part in _CLOSED)


def is_unchanged(error: BadRequest) -> bool:
    """Whether an edit was refused because the message says that already."""
    return "not modified" in error.message.lower()


def is_gone(error: BadRequest) -> bool:
    """Whether an edit was refused because there is no such message to be edited any more, or none
    with a text.
    """
    said = error.message.lower()
    return any(part in said for part in _NO_TEXT_OF_OURS)
