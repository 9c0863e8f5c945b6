"""Answers to calls from chats that the bot is not in: one message, which may be edited later."""

import asyncio
import logging
import secrets
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
from telegram.error import BadRequest, Forbidden, TelegramError

from avatar.errors import NotDelivered, Unreachable
from bot.screen import Content
from bot.telegram.calls import is_unchanged, or_plain
from bot.telegram.markdown import LIMIT, Part, render_long

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 8.0  # seconds: Telegram does not wait for ever, so then what is there is shown
MORE = "\n\n…"  # behind a text that goes on
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


async def answer_guest(bot: Bot, query_id: str | None, content: Content) -> str:
    """Answer a call; the id of the message. What does not fit into one is left out, for there is
    only one. Raises Unreachable and NotDelivered.
    """

    async def answered(part: Part) -> SentGuestMessage:
        return await bot.answer_guest_query(query_id or "", article(part))

    return (await _said(content, answered)).inline_message_id


async def _said(content: Content, say: Callable[[Part], Awaitable[T]]) -> T:
    try:  # a bad request says that it is answered already, or too old
        return await or_plain(await first_part(content.text), say)
    except Forbidden as error:
        raise Unreachable(detail=error.message) from error
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

    def __init__(self, bot: Bot, query_id: str | None, *, patience: float = PATIENCE) -> None:
        self._bot = bot
        self._query_id = query_id
        self._patience = patience
        self._text = ""
        self._over = asyncio.Event()
        self._message_id: str | None = None
        self._waiting = asyncio.create_task(self._wait())

    def show(self, text: str) -> None:
        """The whole text so far."""
        self._text = text

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._patience)
            return
        try:
            self._message_id = await answer_guest(
                self._bot, self._query_id, Content(text=self._text + MORE)
            )
        except (Unreachable, NotDelivered) as error:
            log.info("the beginning of an answer did not arrive: %s", error.detail)

    async def finish(self, content: Content) -> tuple[str, ...]:
        """Answer, or put the whole in place of its beginning."""
        await self.close()
        if (id_ := self._message_id) is None:
            return (await answer_guest(self._bot, self._query_id, content),)

        async def edited(part: Part) -> None:
            try:
                await self._bot.edit_message_text(
                    part.text,
                    inline_message_id=id_,
                    entities=part.entities,
                    link_preview_options=_NO_PREVIEW,
                )
            except BadRequest as error:
                if not is_unchanged(error):
                    raise

        await _said(content, edited)
        return (id_,)

    async def close(self) -> None:
        """Show no beginning any more; one that is on its way is waited for."""
        self._over.set()
        await asyncio.wait({self._waiting})
