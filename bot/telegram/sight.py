"""A reply while it is written in Telegram: drafts in private chats, edits elsewhere.

Previews come and go as the limits allow; the final text is sent exactly once, whatever happened to
them.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from typing import TYPE_CHECKING

from telegram.constants import ChatAction
from telegram.error import BadRequest, EndPointNotFound, TelegramError

from avatar.errors import DeliveryError
from avatar.records import Address
from bot.screen import Button, Content
from bot.telegram.calls import Held
from bot.telegram.markdown import Part, render

if TYPE_CHECKING:
    from bot.telegram.messenger import TelegramMessenger

log = logging.getLogger(__name__)

SHOWN = 4000  # characters of a preview: what is longer shows its end
_drafts = itertools.count(int(time.time()) % 1_000_000 * 1000 + 1)  # never 0


class TelegramSight:
    """Fulfils `bot.screen.Sight`."""

    def __init__(
        self,
        messenger: "TelegramMessenger",
        address: Address,
        *,
        reply_to: str | None,
        private: bool,
        stop: Button | None,
    ) -> None:
        self._messenger = messenger
        self._address = address
        self._reply_to = reply_to
        self._private = private
        self._stop = stop
        self._draft = next(_drafts)
        self._text = ""
        self._grown = asyncio.Event()
        self._over = asyncio.Event()
        self._message_id: str | None = None  # of the message that is edited
        self._painter = asyncio.create_task(self._paint())

    def show(self, text: str) -> None:
        """The whole text so far."""
        self._text = text
        self._grown.set()

    async def finish(self, content: Content) -> tuple[str, ...]:
        """The whole reply, formatted, once."""
        await self._settle()
        from bot.telegram.messenger import keyboard

        parts, markup = render(content.text), keyboard(content)
        if self._message_id is None:
            return await self._messenger.send_parts(
                self._address, parts, markup, reply_to=self._reply_to
            )
        first, rest = parts[0], parts[1:]
        try:
            await self._messenger.edit_part(
                self._address, self._message_id, first, None if rest else markup
            )
        except DeliveryError as error:
            if not error.temporary:
                raise
            log.warning("the streamed message is gone; sent anew: %s", error.detail)
            return await self._messenger.send_parts(self._address, parts, markup)
        return (
            self._message_id,
            *await self._messenger.send_parts(self._address, rest, markup),
        )

    async def close(self) -> None:
        """Stop painting and typing."""
        await self._settle(at_once=True)

    async def _settle(self, *, at_once: bool = False) -> None:
        """End the painter. A message that is just being sent is waited for: it must be known
        whether there is one to edit.
        """
        if self._painter.done():
            return
        if not at_once and not self._private:
            self._over.set()
            self._grown.set()
        else:
            self._painter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({self._painter})

    async def _paint(self) -> None:
        try:
            await self._type_until_text()
            while not self._over.is_set():
                self._grown.clear()
                pause = await self._preview(self._text)
                await self._wait(pause)
        except Exception:  # previews are never worth a reply
            log.exception("a preview failed")

    async def _type_until_text(self) -> None:
        while not self._text and not self._over.is_set():
            with contextlib.suppress(Held, TelegramError):
                await self._messenger.calls.attempt(self._address.chat, self._type)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._messenger.pace.typing):
                    await self._grown.wait()

    async def _type(self) -> None:
        await self._messenger.bot.send_chat_action(
            chat_id=int(self._address.chat),
            action=ChatAction.TYPING,
            message_thread_id=int(self._address.thread) if self._address.thread else None,
        )

    async def _wait(self, pause: float) -> None:
        """At least `pause`; then until there is more, or the draft has to be drawn again."""
        if self._private:
            await asyncio.sleep(pause)
        else:
            deadline = asyncio.get_running_loop().time() + pause
            while (
                not self._over.is_set()
                and (left := deadline - asyncio.get_running_loop().time()) > 0
            ):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._grown.wait()
                if self._over.is_set():
                    return
                self._grown.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._messenger.pace.refresh):
                await self._grown.wait()

    async def _preview(self, text: str) -> float:
        """Show what there is, plain; how long to wait before the next."""
        pace = self._messenger.pace
        shown = text if len(text) <= SHOWN else "…" + text[-SHOWN:]
        if not shown.strip():
            return pace.draft
        if self._private and self._messenger.drafts_offered:
            await self._draw(shown)
            return pace.draft
        await self._grow(shown)
        return pace.edit

    async def _draw(self, text: str) -> None:
        async def call() -> None:
            await self._messenger.bot.send_message_draft(
                chat_id=int(self._address.chat),
                draft_id=self._draft,
                text=text,
                message_thread_id=int(self._address.thread) if self._address.thread else None,
                api_kwargs={"can_stop": True} if self._stop is not None else None,
            )

        try:
            await self._messenger.calls.attempt(self._address.chat, call)
        except Held:
            pass
        except (BadRequest, EndPointNotFound) as error:
            log.info("this Bot API server takes no drafts: %s", error.message)
            self._messenger.drafts_offered = False
        except TelegramError as error:
            log.debug("a draft was not shown: %s", error.message)

    async def _grow(self, text: str) -> None:
        from bot.telegram.messenger import stop_keyboard

        markup, part = stop_keyboard(self._stop), Part(text=text)
        try:
            if self._message_id is None:
                if self._messenger.calls.held(self._address.chat):
                    return
                ids = await self._messenger.send_parts(
                    self._address, (part,), markup, reply_to=self._reply_to
                )
                self._message_id = ids[0]
            elif not self._messenger.calls.held(self._address.chat):
                await self._messenger.edit_part(self._address, self._message_id, part, markup)
        except DeliveryError as error:
            log.debug("a preview was not shown: %s", error.detail)
