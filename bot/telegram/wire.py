"""What is put into a chat, as calls of the Bot API."""

import itertools
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from telegram import Message
from telegram.error import BadRequest, ChatMigrated, NetworkError, TelegramError

from avatar.errors import NotDelivered, Unreachable
from avatar.language import tr
from avatar.records import Address
from bot.kept import keep
from bot.screen import Button, Content, File, Style
from bot.telegram.calls import Calls, Unanswered, is_gone, is_unchanged, or_plain
from bot.telegram.markdown import Part, render_long
from bot.telegram.numbers import Numbers
from bot.telegram.pace import Pace
from bot.telegram.rates import Kind, Limits
from bot.telegram.request import Connection, not_carried_out
from bot.telegram.threads import connection_of, topic_of

log = logging.getLogger(__name__)

T = TypeVar("T")

Rows = Sequence[Sequence[Button]]

# The addresses that a model writes are no reason for a picture under every reply.
_NO_PREVIEW = {"is_disabled": True}
_BEGUN = 1_000  # contents of which a part was delivered, at most
_SENDS = 3  # of a message whose answer gets lost again and again


class Gone(Exception):
    """There is no such message to be edited any more."""


class Lost(Exception):
    """A message may stand in the chat, and its id is not known."""


class Wire:
    """The bot's hand. `send_content`, `replace` and `delete` must arrive, the `try_` ones are
    previews.
    """

    def __init__(self, connection: Connection, pace: Pace, limits: Limits) -> None:
        self._connection = connection
        self._calls = Calls(pace, limits)
        # Parts that were delivered, behind their file, of what has to be sent once more.
        self._begun: OrderedDict[tuple[Address, Content], list[str]] = OrderedDict()
        self.numbers = Numbers()
        # Messages that grew as previews of replies (where, to what) that have to be sent once more,
        # and what they say.
        self.growing: OrderedDict[tuple[Address, str | None], tuple[str, str]] = OrderedDict()
        self._moved: dict[str, int] = {}  # groups that became supergroups: their new id
        self._draft_ids = itertools.count(secrets.randbelow(2**30) + 1)
        self.has_drafts = True  # False: this server does not know them

    def held(self, address: Address) -> float:
        """How many seconds the chat must not be written to."""
        return self._calls.held(address.chat)

    def wait(self, address: Address, kind: Kind) -> float:
        """How many seconds a preview had better wait."""
        return self._calls.wait(address.chat, kind)

    def new_draft_id(self) -> int:
        """Never 0, which Telegram does not take."""
        return next(self._draft_ids)

    # What must arrive

    async def send_content(
        self, address: Address, content: Content, *, reply_to: str | None
    ) -> tuple[str, ...]:
        """Send all parts; the buttons stand under the last. A file that Telegram does not take is
        told of. Said once more after NotDelivered, it goes on behind the parts that were delivered.
        Raises Unreachable, NotDelivered.
        """
        ids, text, taken = self._begun.pop((address, content), None), content.text, True
        if ids is None:
            ids = []
            if content.file is not None:
                taken = await self._send_file(address, content.file)
        if not taken:
            text += "\n\n" + tr("(The file itself is missing: Telegram did not take it here.)")
        parts = await render_long(text)
        try:
            await self._send_parts(address, parts, content, reply_to, ids)
        except NotDelivered:
            if ids or taken:
                self._remember(address, content, ids)
            raise
        return tuple(ids)

    def keep_growing(
        self, address: Address, answers: str | None, message_id: str, says: str
    ) -> None:
        """The reply that this message previews could not be shown yet."""
        keep(self.growing, (address, answers), (message_id, says), most=_BEGUN)

    def _remember(self, address: Address, content: Content, ids: list[str]) -> None:
        if ids or content.file is not None:
            keep(self._begun, (address, content), ids, most=_BEGUN)

    async def _send_file(self, address: Address, file: File) -> bool:
        """False: Telegram does not take it, and would not the next time: files are not allowed in
        that chat, or it is too large. Raises Unreachable, NotDelivered.
        """
        document = partial(
            self._connection.bot.send_document, document=file.content, filename=file.name
        )
        try:
            await self._upload(address, document)
        except BadRequest as error:
            log.warning("a file of %s bytes was refused: %s", len(file.content), error.message)
            return False
        return True

    async def send_voice(self, address: Address, sound: bytes) -> str:
        """A voice message; its id. Raises Unreachable, NotDelivered."""
        try:
            return await self._upload(
                address, partial(self._connection.bot.send_voice, voice=sound)
            )
        except BadRequest as error:  # people may refuse voice messages
            raise Unreachable(detail=error.message) from error

    async def _upload(self, address: Address, send: Callable[..., Awaitable[Message]]) -> str:
        """Send what is no text, once; the id of its message. It cannot be looked for when the
        answer gets lost. Raises BadRequest, Unreachable, NotDelivered.
        """
        try:
            message = await self._deliver(
                address,
                lambda: send(
                    chat_id=self._chat(address),
                    business_connection_id=connection_of(address),
                    message_thread_id=topic_of(address),
                ),
            )
        except Unanswered as error:
            raise NotDelivered(
                perhaps=True, detail="it is not known whether the file arrived"
            ) from error
        return self._sent(address, message.message_id)

    def _sent(self, address: Address, number: int) -> str:
        """Note the number of a message that was sent; its id."""
        if connection_of(address) is None:
            self.numbers.saw(self._chat(address), number)
        return str(number)

    async def replace(self, address: Address, message_id: str, content: Content) -> tuple[str, ...]:
        """Put the content in place of a message; what does not fit is sent behind it. The ids of
        the messages. Raises Gone, Unreachable, NotDelivered.
        """
        ids = self._begun.pop((address, content), [])
        parts = await render_long(content.text)
        if not ids:
            rows = content.buttons if len(parts) == 1 else ()
            await self._edit(address, message_id, parts[0], rows)
            ids.append(message_id)
        try:
            await self._send_parts(address, parts, content, None, ids)
        except NotDelivered:
            self._remember(address, content, ids)
            raise
        return tuple(ids)

    async def _send_parts(
        self,
        address: Address,
        parts: Sequence[Part],
        content: Content,
        reply_to: str | None,
        ids: list[str],
    ) -> None:
        """Send the parts that have no id yet, and note theirs."""
        for i, part in list(enumerate(parts, start=1))[len(ids) :]:
            rows = content.buttons if i == len(parts) else ()
            ids.append(await self._send(address, part, rows, reply_to if i == 1 else None))

    async def _send(self, address: Address, part: Part, rows: Rows, reply_to: str | None) -> str:
        async def sent(part: Part) -> str:
            return await self._send_surely(address, part, rows, reply_to)

        return await or_plain(part, sent)

    async def _send_surely(
        self, address: Address, part: Part, rows: Rows, reply_to: str | None
    ) -> str:
        """Send a message once, also when the answer to that gets lost. Raises what `_deliver`
        does.
        """
        for tries in range(1, _SENDS + 1):
            before, chat = self._newest(address), self._chat(address)
            try:
                return await self._deliver(
                    address, lambda: self._send_once(address, part, rows, reply_to)
                )
            except Unanswered as error:
                # Nothing is known of the numbers here, or of those of the supergroup that the
                # group has become: it cannot be found.
                if before is None or chat != self._chat(address):
                    raise NotDelivered(
                        perhaps=True, detail="it is not known whether it arrived"
                    ) from error
                await self._calls.pause(tries)
                if (found := await self._find(address, part, rows, before)) is not None:
                    return found
        raise NotDelivered(perhaps=True, detail="the answer got lost again and again")

    def _newest(self, address: Address) -> int | None:
        """The newest number where a message goes; None: a lost one cannot be looked for. In the
        chats of a person's account it must not be: their own messages can be edited there, too.
        """
        if connection_of(address) is not None:
            return None
        return self.numbers.newest(self._chat(address))

    async def _find(self, address: Address, part: Part, rows: Rows, after: int) -> str | None:
        """The id of a message that was sent after the one numbered so and perhaps arrived; None:
        it did not. Telegram says of an edit that changes nothing that it changes nothing, and so
        which number the message has.
        """
        chat = self._chat(address)
        for number in self.numbers.unknown(chat, after=after):
            try:
                await self._edit_surely(address, chat, number, part, rows)
            except Gone:
                continue
            return self._sent(address, number)
        return None

    async def _edit(self, address: Address, message_id: str, part: Part, rows: Rows) -> None:
        async def edited(part: Part) -> None:
            await self._edit_surely(address, int(address.chat), int(message_id), part, rows)

        await or_plain(part, edited)

    async def _edit_surely(
        self, address: Address, chat: int, number: int, part: Part, rows: Rows
    ) -> None:
        """Edit the message that has this number in this chat. Nothing to change is no error. In the
        supergroup that a group has become the number is another message's. Raises Gone, and what
        `Calls.deliver` does.
        """
        try:
            await self._calls.deliver(
                address.chat,
                lambda: self._edit_once(address, chat, number, part, rows),
                repeatable=True,
            )
        except ChatMigrated as error:
            self._moved[address.chat] = error.new_chat_id
            raise Gone from error
        except BadRequest as error:
            if is_gone(error):
                raise Gone from error
            if not is_unchanged(error):
                raise

    async def _deliver(self, address: Address, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.deliver(address.chat, call)
        except ChatMigrated as error:
            self._moved[address.chat] = error.new_chat_id
            return await self._calls.deliver(address.chat, call)

    async def delete(self, address: Address, message_id: str) -> bool:
        """What is gone already, too old to be deleted or not ours to delete (in somebody's own
        chat, without that right) stays as it is: False. Raises nothing.
        """
        bot, number = self._connection.bot, int(message_id)
        connection = connection_of(address)
        with suppress(Unreachable, NotDelivered, TelegramError):
            await self._calls.deliver(
                address.chat,
                # The chats of an account are numbered like the bot's own, and are others.
                lambda: (
                    bot.delete_message(int(address.chat), number)
                    if connection is None
                    else bot.delete_business_messages(connection, [number])
                ),
                repeatable=True,
            )
            return True
        return False

    # Previews: made once and at once. They raise Held and every TelegramError.

    async def try_send(self, address: Address, part: Part, rows: Rows, reply_to: str | None) -> str:
        """The id of the message. If the answer gets lost, it is looked for, as long as that may
        take. Raises Lost when that is of no use.
        """
        before = self._newest(address)
        try:
            return await self._calls.attempt(
                address.chat, Kind.PREVIEW, lambda: self._send_once(address, part, rows, reply_to)
            )
        except NetworkError as error:
            if not_carried_out(error):
                raise
            if before is None:
                raise Lost from error
        await self._calls.pause(1)
        try:
            found = await self._find(address, part, rows, before)
        except (NotDelivered, Unreachable, TelegramError) as error:
            raise Lost from error
        if found is None:
            raise NetworkError("a preview did not arrive")
        return found

    async def try_edit(self, address: Address, message_id: str, part: Part, rows: Rows) -> None:
        """Nothing to change is no error."""
        try:
            await self._calls.attempt(
                address.chat,
                Kind.PREVIEW,
                lambda: self._edit_once(address, int(address.chat), int(message_id), part, rows),
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise

    async def try_draft(
        self, address: Address, draft_id: int, part: Part, *, can_stop: bool
    ) -> None:
        """Show a preview in a private chat, or another in its place."""
        given = self._to(address) | {"draft_id": draft_id, "text": part.text}
        if part.entities:
            given["entities"] = _entities(part)
        if can_stop:
            given["can_stop"] = True  # Bot API 10.3
        await self._calls.attempt(
            address.chat, Kind.DRAFT, lambda: self._connection.call("sendMessageDraft", given)
        )

    async def try_typing(self, address: Address) -> None:
        """Show that something is being written."""
        given = self._to(address) | {"action": "typing"}
        await self._calls.attempt(
            address.chat, Kind.TYPING, lambda: self._connection.call("sendChatAction", given)
        )

    # Single calls

    async def _send_once(
        self, address: Address, part: Part, rows: Rows, reply_to: str | None
    ) -> str:
        given = self._to(address) | _said(part, rows)
        if reply_to is not None:
            given["reply_parameters"] = {
                "message_id": int(reply_to),
                "allow_sending_without_reply": True,
            }
        message = await self._connection.call("sendMessage", given)
        return self._sent(address, int(message["message_id"]))

    async def _edit_once(
        self, address: Address, chat: int, number: int, part: Part, rows: Rows
    ) -> None:
        given: dict[str, Any] = {"chat_id": chat, "message_id": number}
        if (connection := connection_of(address)) is not None:
            given["business_connection_id"] = connection
        await self._connection.call("editMessageText", given | _said(part, rows))

    def _to(self, address: Address) -> dict[str, Any]:
        to: dict[str, Any] = {"chat_id": self._chat(address)}
        if (topic := topic_of(address)) is not None:
            to["message_thread_id"] = topic
        if (connection := connection_of(address)) is not None:
            to["business_connection_id"] = connection
        return to

    def _chat(self, address: Address) -> int:
        return self._moved.get(address.chat) or int(address.chat)


def _said(part: Part, rows: Rows) -> dict[str, Any]:
    """A message as Telegram's JSON describes it."""
    said: dict[str, Any] = {"text": part.text, "link_preview_options": _NO_PREVIEW}
    if part.entities:
        said["entities"] = _entities(part)
    if rows:
        said["reply_markup"] = {"inline_keyboard": [list(map(_button, row)) for row in rows]}
    return said


def _entities(part: Part) -> list[dict[str, Any]]:
    return [entity.to_dict() for entity in part.entities]


def _button(button: Button) -> dict[str, str]:
    said = {"text": button.label, "callback_data": button.action}
    return said if button.style is Style.PLAIN else {**said, "style": button.style.value}
