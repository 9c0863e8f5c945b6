"""What is said on Discord: the `Messenger` of one bot."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from pathlib import Path

from avatar.errors import BadText, DeliveryError, NotDelivered
from avatar.incoming import Incoming
from avatar.language import noted, tr
from avatar.records import Address, Attachment
from bot.commands import Command
from bot.discord.calls import Gone
from bot.discord.client import Client
from bot.discord.files import downloaded
from bot.discord.pace import Pace
from bot.discord.personas import PictureOf
from bot.discord.places import aside, stands
from bot.discord.sight import DiscordSight
from bot.discord.ticket import ticket_of
from bot.discord.wire import Shown, Wire
from bot.screen import Button, Content, File, Sight, Speaker, Thread

log = logging.getLogger(__name__)

_SPOKEN = noted("As a voice message:")


class DiscordMessenger:
    """Fulfils `bot.screen.Messenger` and `bot.screen.Threads`."""

    platform = "discord"

    def __init__(self, client: Client, pace: Pace, picture_of: PictureOf | None = None) -> None:
        self._client = client
        self._pace = pace
        self._wire = Wire(client, pace, picture_of)

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """Send it; long content becomes several messages, or a file."""
        return await self._wire.send_content(address, content, reply_to=reply_to)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        """Put it in place of a message. If that is gone, quiet edits are left out and others are
        sent anew.
        """
        answered = message_id if ticket_of(message_id) is not None else None
        try:
            await self._wire.replace(address, [Shown(id=message_id)], content, reply_to=answered)
        except Gone:
            if not quiet:
                await self._wire.send_content(address, content, reply_to=answered)
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
        return DiscordSight(
            self._wire,
            address,
            pace=self._pace,
            reply_to=reply_to,
            stop=stop,
            speaker=speaker,
            in_place_of=in_place_of,
        )

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
        """As a file that can be played: bots have no voice messages."""
        persona = None if speaker is None else await self._wire.personas.of(address, speaker)
        return await self._wire.send_content(
            address,
            Content(text=tr(_SPOKEN), file=File(name="answer.ogg", content=sound)),
            reply_to=None,
            persona=persona,
        )

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        """The file in a temporary folder."""
        return downloaded(self._client, attachment, limit=limit)

    async def administers(self, incoming: Incoming) -> bool:
        """Who may manage the server, as Discord says with each command and press."""
        return incoming.private or incoming.administers

    async def hears_all(self, address: Address) -> bool:
        """With the message content intent."""
        return self._client.reads_servers or not address.thread

    def link(self, code: str) -> str:
        """Discord's links carry nothing to a bot."""
        return ""

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        """In the channel that its id names."""
        return stands(address, message_id)

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """Discord offers the same slash commands to everybody."""

    def aside(self, incoming: Incoming) -> Address:
        """By direct message, where others could read along."""
        return aside(incoming.address, incoming.author.external_id)

    async def open_thread(self, incoming: Incoming, *, name: str) -> Thread:
        """A thread in the channel. Raises BadText in direct messages, and where the bot may not."""
        address = incoming.address
        if incoming.private:
            raise BadText(reason=tr("Threads exist in servers only; here, just write."))
        try:
            made = await self._wire.open_thread(address, name=name)
        except NotDelivered:
            raise
        except DeliveryError as error:
            reason = tr("I cannot open a thread here: I may not, or this is one already.")
            raise BadText(reason=reason, detail=error.detail) from error
        with suppress(DeliveryError, Gone):  # they find it by its link, too
            await self._wire.add_to_thread(made, incoming.author.external_id)
        return Thread(
            address=replace(address, thread=str(made)),
            link=f"<#{made}>",
            hears_all=self._client.reads_servers,
        )
