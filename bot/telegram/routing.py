"""What is said in Telegram by several bots: each address names the one that speaks there."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from avatar.errors import NotDelivered
from avatar.incoming import Incoming
from avatar.records import Address, Attachment
from bot.commands import Command
from bot.screen import Button, Content, Sight, Speaker
from bot.telegram.guests import Guests
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.platform import TelegramPlatform
from bot.telegram.threads import GUEST

NOT_SERVED_SECONDS = 20.0  # it may be about to start


class TelegramRouter:
    """Fulfils `bot.screen.Messenger` for all bots of this process."""

    platform = "telegram"

    def __init__(self, main: TelegramPlatform) -> None:
        self._guests = Guests()
        self._main = main
        self._own: dict[str, TelegramPlatform] = {}  # by the bot's id; those that run
        self._known: set[str] = set()  # ids of all bots of avatars

    def _of(self, address: Address) -> TelegramPlatform:
        """The bot that speaks at an address: the main one, if it is none of an avatar's. Raises
        NotDelivered for one that does not run now.
        """
        own = self._own.get(address.bot)
        if own is None and address.bot in self._known:
            raise NotDelivered(
                retry_after=NOT_SERVED_SECONDS, detail=f"bot {address.bot} does not run"
            )
        return own or self._main

    def _messenger(self, address: Address) -> TelegramMessenger:
        return self._of(address).messenger

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """Send it; to a call from elsewhere it is the one answer."""
        if address.thread == GUEST:
            return (await self._guests.answer(self._of(address).bot, reply_to, content),)
        return await self._messenger(address).send(address, content, reply_to=reply_to)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        await self._messenger(address).edit(address, message_id, content, quiet=quiet)

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
        """Begin to show a reply. Raises NotDelivered while the bot does not run."""
        if address.thread == GUEST:
            return self._guests.open_sight(self._of(address).bot, reply_to)
        return self._messenger(address).open_sight(
            address,
            reply_to=reply_to,
            private=private,
            stop=stop,
            speaker=speaker,
            in_place_of=in_place_of,
        )

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
        return await self._messenger(address).send_voice(address, sound, speaker=speaker)

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        return self._main.messenger.stands(address, message_id)

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        return self._messenger(address).download(address, attachment, limit=limit)

    def aside(self, incoming: Incoming) -> Address:
        return self._main.messenger.aside(incoming)

    async def administers(self, incoming: Incoming) -> bool:
        return await self._messenger(incoming.address).administers(incoming)

    async def hears_all(self, address: Address) -> bool:
        return await self._messenger(address).hears_all(address)

    def link(self, code: str) -> str:
        """To the main bot: that one talks as every avatar."""
        return self._main.messenger.link(code)

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        try:
            messenger = self._messenger(address)
        except NotDelivered:
            return
        await messenger.offer_commands(address, commands)
