"""Answers to calls from chats that the bot is not in: one message, which may be edited later."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from telegram import (
    Bot,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
    SentGuestMessage,
)
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError

from avatar.errors import NotDelivered, Unreachable
from bot.kept import keep
from bot.screen import Content
from bot.telegram.calls import is_unchanged, or_plain
from bot.telegram.markdown import LIMIT, Part, render_long
from bot.telegram.request import seconds

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 8.0  # seconds: Telegram does not wait for ever, so then what is there is shown
MORE = "\n\n…"  # behind a text that goes on
_REMEMBERED = 1_000  # beginnings
_TITLE = "Answer"  # Telegram wants one; nobody sees it
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def article(part: Part, *, title: str = _TITLE, description: str = "") -> InlineQueryResultArticle:
    """A message as Telegram takes it where a bot is not in the chat."""
    return InlineQueryResultArticle(
        id=secrets.token_hex(8),
        title=title,
        description=description or None,
        input_message_content=InputTextMessageContent(
            part.text, entities=part.entities, link_preview_options=_NO_PREVIEW
        ),
    )


class Guests:
    """Answers calls, each with one message. What does not fit into it is left out. A beginning that
    stands there is remembered: only who knows its id can put something else in its place, which
    may be the whole, the whole said once more, or what went wrong.
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._begun: OrderedDict[str, str] = OrderedDict()  # by query: the message

    async def answer(self, bot: Bot, query_id: str | None, content: Content) -> str:
        """Answer a call; the id of the message. Raises Unreachable and NotDelivered."""
        query = query_id or ""
        if (begun := self._begun.get(query)) is None:
            return await _answered(bot, query, content)
        await _edited(bot, begun, content)
        return begun

    async def begin(self, bot: Bot, query_id: str | None, text: str) -> None:
        """Show the beginning of an answer. Raises Unreachable and NotDelivered."""
        query = query_id or ""
        message = await _answered(bot, query, Content(text=text + MORE))
        keep(self._begun, query, message, most=_REMEMBERED)

    def open_sight(self, bot: Bot, query_id: str | None) -> "GuestSight":
        """Begin to show a reply."""
        return GuestSight(self, bot, query_id, patience=self._patience)


async def _answered(bot: Bot, query: str, content: Content) -> str:
    async def answered(part: Part) -> SentGuestMessage:
        return await bot.answer_guest_query(query, article(part))

    return (await _said(content, answered)).inline_message_id


async def _edited(bot: Bot, message: str, content: Content) -> None:
    async def edited(part: Part) -> None:
        try:
            await bot.edit_message_text(
                part.text,
                inline_message_id=message,
                entities=part.entities,
                link_preview_options=_NO_PREVIEW,
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise

    await _said(content, edited)


async def _said(content: Content, say: Callable[[Part], Awaitable[T]]) -> T:
    """Raises Unreachable and NotDelivered."""
    try:  # a bad request says that it is answered already, or too old
        return await or_plain(await first_part(content.text), say)
    except Forbidden as error:
        raise Unreachable(detail=error.message) from error
    except RetryAfter as error:
        raise NotDelivered(retry_after=seconds(error), detail=error.message) from error
    except TelegramError as error:
        raise NotDelivered(detail=error.message) from error


async def first_part(text: str) -> Part:
    """The beginning of a text, as much as fits into one message."""
    first, *rest = await render_long(text)
    if not rest:
        return first
    room = (LIMIT - len(MORE)) * 2  # bytes of UTF-16
    cut = first.text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore")
    return Part(text=cut.rstrip() + MORE)


class GuestSight:
    """Fulfils `bot.screen.Sight`. Nothing is shown before the reply is whole, unless that takes
    longer than Telegram may wait: then its beginning, which the whole takes the place of.
    """

    def __init__(self, guests: Guests, bot: Bot, query_id: str | None, *, patience: float) -> None:
        self._guests = guests
        self._bot = bot
        self._query_id = query_id
        self._patience = patience
        self._text = ""
        self._over = asyncio.Event()
        self._waiting = asyncio.create_task(self._wait())

    def show(self, text: str) -> None:
        """The whole text so far."""
        self._text = text

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._patience)
            return
        try:
            await self._guests.begin(self._bot, self._query_id, self._text)
        except (Unreachable, NotDelivered) as error:
            log.info("the beginning of an answer did not arrive: %s", error.detail)

    async def finish(self, content: Content) -> tuple[str, ...]:
        """Answer, or put the whole in place of its beginning."""
        await self.close()
        return (await self._guests.answer(self._bot, self._query_id, content),)

    async def close(self) -> None:
        """Show no beginning any more; one that is on its way is waited for."""
        self._over.set()
        await asyncio.wait({self._waiting})
