"""What is said in Telegram: the `Messenger` of one bot."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TypeVar

from telegram import BotCommandScopeChat, Message
from telegram.constants import ChatMemberStatus
from telegram.error import RetryAfter, TelegramError

from avatar.errors import NotDelivered
from avatar.incoming import Incoming
from avatar.records import Address, Attachment
from bot.commands import Command
from bot.screen import Button, Content, Sight, Speaker
from bot.telegram.files import downloaded
from bot.telegram.menu import offer
from bot.telegram.pace import Pace
from bot.telegram.places import is_group
from bot.telegram.rates import Limits
from bot.telegram.request import Connection, seconds
from bot.telegram.sight import TelegramSight
from bot.telegram.wire import Gone, Wire

log = logging.getLogger(__name__)

T = TypeVar("T")

_ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_ADMIN_SECONDS = 60.0  # for how long it is believed who is one
_KNOWN_ADMINS = 1_000
_KNOWN_MENUS = 20_000


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
        self._admins: dict[tuple[str, str], tuple[bool, float]] = {}  # and until when it counts
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

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
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

    async def administers(self, incoming: Incoming) -> bool:
        """Owners and administrators of the group, as Telegram says; asked once in a while. Only
        they can speak in the name of the group; who speaks for a channel is not known.
        """
        chat, who = incoming.address.chat, incoming.author.external_id
        if incoming.private or who == chat:
            return True
        return not is_group(who) and await self._is_admin(chat, who)

    async def hears_all(self, address: Address) -> bool:
        """With the bot's privacy mode off, or where it is an administrator itself."""
        if not is_group(address.chat):
            return True
        me = await self._asked(self._connection.bot.get_me)
        if me.can_read_all_group_messages:
            return True
        return await self._is_admin(address.chat, str(me.id))

    def link(self, code: str) -> str:
        """A deep link."""
        return f"https://t.me/{self._connection.bot.username}?start={code}"

    async def _is_admin(self, chat: str, user: str) -> bool:
        now = asyncio.get_running_loop().time()
        known = self._admins.get((chat, user))
        if known is None or known[1] < now:
            member = await self._asked(
                partial(self._connection.bot.get_chat_member, int(chat), int(user))
            )
            if len(self._admins) >= _KNOWN_ADMINS:
                self._admins.clear()
            known = (member.status in _ADMINS, now + _ADMIN_SECONDS)
            self._admins[chat, user] = known
        return known[0]

    @staticmethod
    async def _asked(question: Callable[[], Awaitable[T]]) -> T:
        try:
            return await question()
        except RetryAfter as error:
            raise NotDelivered(retry_after=seconds(error), detail=error.message) from error
        except TelegramError as error:
            raise NotDelivered(detail=error.message) from error

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        """It stands where it was sent."""
        return address, message_id

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """The menu of a private chat, set when it is another than before."""
        names = tuple(command.name for command in commands)
        if self._menus.get(address.chat) == names:
            return
        if await offer(self._connection.bot, commands, BotCommandScopeChat(int(address.chat))):
            if len(self._menus) >= _KNOWN_MENUS:
                self._menus.clear()  # they are set once more, which does no harm
            self._menus[address.chat] = names


def _mark(address: Address, reply_to: str | None) -> str | None:
    """Which message is marked as answered: none in a private chat, where it would only be noise."""
    return reply_to if is_group(address.chat) else None
