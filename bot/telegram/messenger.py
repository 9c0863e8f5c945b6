"""What is said in Telegram: messages, edits, files. Fulfils `bot.screen.Messenger`."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    ReplyParameters,
)
from telegram.error import BadRequest, ChatMigrated, TelegramError

from avatar.errors import BadText, NotDelivered, Unreachable
from avatar.records import Address, Attachment
from bot.commands import Command
from bot.screen import Button, Content, Sight, Style
from bot.telegram.calls import Calls, is_closed, is_gone, is_unchanged
from bot.telegram.markdown import Part, render
from bot.telegram.pace import Pace
from bot.telegram.request import Files
from bot.telegram.sight import TelegramSight

log = logging.getLogger(__name__)

DOWNLOAD_LIMIT = 20 * 1024 * 1024  # bytes that Telegram lets bots have
_STYLES = {Style.PRIMARY: "primary", Style.SUCCESS: "success", Style.DANGER: "danger"}


class TelegramMessenger:
    """One bot's way of speaking."""

    platform = "telegram"

    def __init__(self, bot: Bot, files: Files, *, pace: Pace) -> None:
        self.bot = bot
        self.pace = pace
        self.calls = Calls(pace)
        self.drafts_offered = True  # until the server refuses one (older Bot API servers)
        self._files = files

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """The ids of the messages it became; buttons stand under the last."""
        return await self.send_parts(
            address, render(content.text), keyboard(content), reply_to=reply_to
        )

    async def send_parts(
        self,
        address: Address,
        parts: Sequence[Part],
        markup: InlineKeyboardMarkup | None,
        *,
        reply_to: str | None = None,
    ) -> tuple[str, ...]:
        """Send parts in order; the first answers a message."""
        ids = []
        for i, part in enumerate(parts):
            ids.append(
                await self._send_part(
                    address,
                    part,
                    markup if i == len(parts) - 1 else None,
                    reply_to if i == 0 else None,
                )
            )
        return tuple(ids)

    async def _send_part(
        self,
        address: Address,
        part: Part,
        markup: InlineKeyboardMarkup | None,
        reply_to: str | None,
    ) -> str:
        async def call(shown: Part) -> Message:
            return await self.bot.send_message(
                chat_id=int(address.chat),
                text=shown.text,
                entities=shown.entities,
                message_thread_id=int(address.thread) if address.thread else None,
                reply_markup=markup,
                reply_parameters=None
                if reply_to is None
                else ReplyParameters(message_id=int(reply_to), allow_sending_without_reply=True),
            )

        try:
            try:
                sent = await self.calls.deliver(address.chat, partial(call, part))
            except BadRequest as error:
                if is_closed(error) or not part.entities:
                    raise
                log.warning("sent without formatting: %s", error.message)
                sent = await self.calls.deliver(address.chat, partial(call, part.plain))
        except BadRequest as error:
            raise _refused(error) from error
        except ChatMigrated as error:
            raise Unreachable(detail=error.message) from error
        return str(sent.message_id)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        """Show something else in place of a message; what does not fit into it is sent after it."""
        first, *rest = render(content.text)
        markup = keyboard(content)
        if quiet and self.calls.held(address.chat):
            return
        await self.edit_part(address, message_id, first, None if rest else markup)
        if rest:
            await self.send_parts(address, rest, markup)

    async def edit_part(
        self, address: Address, message_id: str, part: Part, markup: InlineKeyboardMarkup | None
    ) -> None:
        """Raises Unreachable, and NotDelivered (also when the message is gone)."""

        async def call(shown: Part) -> Message | bool:
            return await self.bot.edit_message_text(
                chat_id=int(address.chat),
                message_id=int(message_id),
                text=shown.text,
                entities=shown.entities,
                reply_markup=markup,
            )

        for shown in (part, part.plain):
            try:
                await self.calls.deliver(address.chat, partial(call, shown), repeatable=True)
            except BadRequest as error:
                if is_unchanged(error):
                    return
                if is_closed(error) or is_gone(error) or shown.entities == ():
                    raise _refused(error) from error
                log.warning("edited without formatting: %s", error.message)
            except ChatMigrated as error:
                raise Unreachable(detail=error.message) from error
            else:
                return

    def open_sight(
        self,
        address: Address,
        *,
        reply_to: str | None = None,
        private: bool = True,
        stop: Button | None = None,
    ) -> Sight:
        """Begin to show a reply."""
        return TelegramSight(self, address, reply_to=reply_to, private=private, stop=stop)

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        """A file that somebody sent, in a temporary place."""
        return self._downloaded(attachment, min(limit, DOWNLOAD_LIMIT))

    @asynccontextmanager
    async def _downloaded(self, attachment: Attachment, limit: int) -> AsyncIterator[Path]:
        too_large = BadText(
            reason=f"This file is too large: Telegram lets bots have up to {limit >> 20} MB."
        )
        if (attachment.size or 0) > limit:
            raise too_large
        try:
            file = await self.bot.get_file(attachment.ref)
        except BadRequest as error:
            if "too big" in error.message.lower():
                raise too_large from error
            reason = "Telegram does not give me this file any more. Please send it again."
            raise BadText(reason=reason, detail=error.message) from error
        except TelegramError as error:
            raise NotDelivered(detail=error.message) from error
        with tempfile.TemporaryDirectory(prefix="avatar-bot-") as folder:
            path = Path(folder) / "file"  # never the sender's name
            size = 0
            handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as out:
                try:
                    async for piece in self._files.pieces(file.file_path or ""):
                        size += len(piece)
                        if size > limit:
                            raise too_large
                        out.write(piece)
                except httpx.HTTPError as error:
                    raise NotDelivered(detail=type(error).__name__) from error
            yield path

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """Make these the menu of one private chat."""
        try:
            await self.bot.set_my_commands(
                menu(commands), scope=BotCommandScopeChat(chat_id=int(address.chat))
            )
        except TelegramError as error:
            log.warning("the menu of a chat was not set: %s", error.message)


def menu(commands: Sequence[Command]) -> list[BotCommand]:
    """Commands as Telegram lists them."""
    offered = [c for c in commands if not c.platforms or "telegram" in c.platforms]
    return [BotCommand(command.name, command.help[:256]) for command in offered]


def keyboard(content: Content) -> InlineKeyboardMarkup | None:
    """The buttons of a message."""
    if not content.buttons:
        return None
    return InlineKeyboardMarkup([[_button(button) for button in row] for row in content.buttons])


def _button(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(
        button.label, callback_data=button.action, style=_STYLES.get(button.style)
    )


def stop_keyboard(stop: Button | None) -> InlineKeyboardMarkup | None:
    """The button under a reply that is being written."""
    return None if stop is None else InlineKeyboardMarkup([[_button(stop)]])


def _refused(error: BadRequest) -> Unreachable | NotDelivered:
    if is_closed(error):
        return Unreachable(detail=error.message)
    return NotDelivered(detail=error.message)
