"""What is put into a chat, as calls of the Bot API."""

import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, TelegramError

from avatar.errors import NotDelivered, Unreachable
from avatar.records import Address
from bot.screen import Button, Content, File, Style
from bot.telegram.calls import Calls, Held, is_closed, is_gone, is_unchanged
from bot.telegram.markdown import Part, render_long
from bot.telegram.pace import Pace

T = TypeVar("T")

Rows = Sequence[Sequence[Button]]

# The addresses that a model writes are no reason for a picture under every reply.
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Gone(Exception):
    """There is no such message to be edited any more."""


class Wire:
    """The bot's hand. `send_content` and `replace` must arrive; the `try_` ones are previews."""

    def __init__(self, bot: Bot, pace: Pace) -> None:
        self._bot = bot
        self._calls = Calls(pace)
        self._moved: dict[str, int] = {}  # groups that became supergroups: their new id
        self._draft_ids = itertools.count(secrets.randbelow(2**30) + 1)
        self.has_drafts = True  # False: this server does not know them

    def held(self, address: Address) -> float:
        """How many seconds the chat must not be written to."""
        return self._calls.held(address.chat)

    def new_draft_id(self) -> int:
        """Never 0, which Telegram does not take."""
        return next(self._draft_ids)

    # What must arrive

    async def send_content(
        self, address: Address, content: Content, *, reply_to: str | None
    ) -> tuple[str, ...]:
        """Send all parts; the buttons stand under the last. Raises Unreachable, NotDelivered."""
        if content.file is not None:
            await self._send_file(address, content.file)
        return await self._send_parts(address, await render_long(content.text), content, reply_to)

    async def _send_file(self, address: Address, file: File) -> None:
        try:
            await self._deliver(
                address,
                lambda: self._bot.send_document(
                    self._chat(address),
                    file.content,
                    filename=file.name,
                    message_thread_id=_thread(address),
                ),
            )
        except BadRequest as error:
            raise NotDelivered(detail=error.message) from error

    async def send_voice(self, address: Address, sound: bytes) -> str:
        """A voice message; its id. Raises Unreachable, NotDelivered."""
        try:
            message = await self._deliver(
                address,
                lambda: self._bot.send_voice(
                    self._chat(address), sound, message_thread_id=_thread(address)
                ),
            )
        except BadRequest as error:  # people may refuse voice messages
            raise Unreachable(detail=error.message) from error
        return str(message.message_id)

    async def replace(self, address: Address, message_id: str, content: Content) -> tuple[str, ...]:
        """Put the content in place of a message; what does not fit is sent behind it. The ids of
        the messages. Raises Gone, Unreachable, NotDelivered.
        """
        first, *rest = await render_long(content.text)
        await self._edit(address, message_id, first, () if rest else content.buttons)
        return (message_id, *await self._send_parts(address, rest, content, None))

    async def _send_parts(
        self, address: Address, parts: Sequence[Part], content: Content, reply_to: str | None
    ) -> tuple[str, ...]:
        ids: list[str] = []
        for i, part in enumerate(parts, start=1):
            rows = content.buttons if i == len(parts) else ()
            ids.append(await self._send(address, part, rows, reply_to if i == 1 else None))
        return tuple(ids)

    async def _send(self, address: Address, part: Part, rows: Rows, reply_to: str | None) -> str:
        async def sent(part: Part) -> str:
            return await self._deliver(
                address, lambda: self._send_once(address, part, rows, reply_to)
            )

        return await self._or_plain(part, sent)

    async def _edit(self, address: Address, message_id: str, part: Part, rows: Rows) -> None:
        async def edited(part: Part) -> None:
            try:
                await self._deliver(
                    address,
                    lambda: self._edit_once(address, message_id, part, rows),
                    repeatable=True,
                )
            except BadRequest as error:
                if is_gone(error):
                    raise Gone from error
                if not is_unchanged(error):
                    raise

        await self._or_plain(part, edited)

    async def _or_plain(self, part: Part, say: Callable[[Part], Awaitable[T]]) -> T:
        """Say it; if Telegram does not take it so, say it without formatting."""
        try:
            try:
                return await say(part)
            except BadRequest as error:
                if is_closed(error) or not part.entities:
                    raise
                return await say(part.plain)
        except BadRequest as error:
            raise Unreachable(detail=error.message) from error

    async def _deliver(
        self, address: Address, call: Callable[[], Awaitable[T]], *, repeatable: bool = False
    ) -> T:
        try:
            return await self._calls.deliver(address.chat, call, repeatable=repeatable)
        except ChatMigrated as error:
            self._moved[address.chat] = error.new_chat_id
            return await self._calls.deliver(address.chat, call, repeatable=repeatable)

    # Previews: made once and at once. They raise Held and every TelegramError.

    async def try_send(self, address: Address, part: Part, rows: Rows, reply_to: str | None) -> str:
        """The id of the message."""
        return await self._calls.attempt(
            address.chat, lambda: self._send_once(address, part, rows, reply_to)
        )

    async def try_edit(self, address: Address, message_id: str, part: Part, rows: Rows) -> None:
        """Nothing to change is no error."""
        try:
            await self._calls.attempt(
                address.chat, lambda: self._edit_once(address, message_id, part, rows)
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise

    async def try_delete(self, address: Address, message_id: str) -> None:
        """What is gone already, or is too old to be deleted, stays as it is. Raises nothing."""
        with suppress(Held, TelegramError):
            await self._calls.attempt(
                address.chat,
                lambda: self._bot.delete_message(self._chat(address), int(message_id)),
            )

    async def try_draft(
        self, address: Address, draft_id: int, part: Part, *, can_stop: bool
    ) -> None:
        """Show a preview in a private chat, or another in its place."""

        async def call() -> None:
            await self._bot.send_message_draft(
                self._chat(address),
                draft_id,
                part.text,
                message_thread_id=_thread(address),
                entities=part.entities,
                api_kwargs={"can_stop": True} if can_stop else None,  # Bot API 10.3
            )

        await self._calls.attempt(address.chat, call)

    async def try_typing(self, address: Address) -> None:
        """Show that something is being written."""

        async def call() -> None:
            await self._bot.send_chat_action(
                self._chat(address), ChatAction.TYPING, message_thread_id=_thread(address)
            )

        await self._calls.attempt(address.chat, call)

    # Single calls

    async def _send_once(
        self, address: Address, part: Part, rows: Rows, reply_to: str | None
    ) -> str:
        message = await self._bot.send_message(
            self._chat(address),
            part.text,
            entities=part.entities,
            message_thread_id=_thread(address),
            link_preview_options=_NO_PREVIEW,
            reply_markup=_keyboard(rows),
            reply_parameters=None
            if reply_to is None
            else ReplyParameters(int(reply_to), allow_sending_without_reply=True),
        )
        return str(message.message_id)

    async def _edit_once(self, address: Address, message_id: str, part: Part, rows: Rows) -> None:
        await self._bot.edit_message_text(
            part.text,
            chat_id=self._chat(address),
            message_id=int(message_id),
            entities=part.entities,
            link_preview_options=_NO_PREVIEW,
            reply_markup=_keyboard(rows),
        )

    def _chat(self, address: Address) -> int:
        return self._moved.get(address.chat) or int(address.chat)


def _thread(address: Address) -> int | None:
    return int(address.thread) if address.thread else None


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup([[_button(button) for button in row] for row in rows])


def _button(button: Button) -> InlineKeyboardButton:
    style = None if button.style is Style.PLAIN else button.style.value
    return InlineKeyboardButton(button.label, callback_data=button.action, style=style)
