"""What is said in Telegram: the `Messenger` of one bot."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from telegram import BotCommandScopeChat, Message

from avatar.errors import NotDelivered
from avatar.records import Address, Attachment, Incoming
from bot.commands import Command
from bot.screen import Button, Content, Sight, Speaker
from bot.telegram.files import downloaded
from bot.telegram.menu import menu, offer
from bot.telegram.pace import Pace
from bot.telegram.rates import Limits
from bot.telegram.request import Connection
from bot.telegram.sight import TelegramSight
from bot.telegram.wire import Gone, Wire

log = logging.getLogger(__name__)


class TelegramMessenger:
    """Fulfils `bot.screen.Messenger`."""

    platform = "telegram"

    def __init__(
        self,
        connection: Connection,
        pace: Pace,
        limits: Limits | None = None,
        *,
        local: Path | None = None,
    ) -> None:
        self._connection = connection
        self._pace = pace
        self._local = local  # where a Bot API server of our own keeps files
        self._wire = Wire(connection, pace, limits or Limits())
        self._menus: dict[str, tuple[str, ...]] = {}  # chat → the commands it was offered last

    def saw(self, message: Message) -> None:
        """A message came in. Its number tells which one the next has; not so in chats of somebody
        else's account, which are numbered there.
        """
        if message.business_connection_id is not None:
            return
        self._wire.numbers.saw(message.chat.id, message.message_id)

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """Send it; long content becomes several messages."""
        return await self._wire.send_content(address, content, reply_to=_mark(address, reply_to))

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        """Put it in place of a message. If that was deleted, quiet edits are left out and others
        are sent anew.
        """
        if quiet and self._wire.held(address):
            return
        try:
            await self._wire.replace(address, message_id, content)
        except Gone:
            if not quiet:
                await self._wire.send_content(address, content, reply_to=None)
        except NotDelivered as error:
            if not quiet:
                raise
            log.info("a quiet edit did not arrive: %s", error.detail)

    def open_sight(
        self,
        address: Address,
        *,
        reply_to: str | None = None,
        private: bool = True,
        stop: Button | None = None,
        speaker: Speaker | None = None,
        in_place_of: Sequence[str] = (),
    ) -> Sight:
        """Begin to show a reply."""
        return TelegramSight(
            self._wire,
            address,
            pace=self._pace,
            drafts=private and self._wire.has_drafts,
            answers=reply_to,
            reply_to=_mark(address, reply_to),
            stop=stop,
            in_place_of=in_place_of,
        )

    async def send_voice(self, address: Address, sound: bytes) -> tuple[str, ...]:
        """A voice message."""
        return (await self._wire.send_voice(address, sound),)

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        """The file in a temporary folder, or where our own server keeps it."""
        return downloaded(self._connection, attachment, limit=limit, local=self._local)

    def aside(self, incoming: Incoming) -> Address:
        """The same chat: a bot cannot begin a private one."""
        return incoming.address

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        """It stands where it was sent."""
        return address, message_id

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """The menu of a private chat, set when it is another than before."""
        entries = menu(commands)
        names = tuple(entry.command for entry in entries)
        if self._menus.get(address.chat) == names:
            return
        if await offer(self._connection.bot, entries, BotCommandScopeChat(int(address.chat))):
            self._menus[address.chat] = names


def _mark(address: Address, reply_to: str | None) -> str | None:
    """Which message is marked as answered: none in a private chat (its number is positive), where
    it would only be noise.
    """
    return None if int(address.chat) > 0 else reply_to
