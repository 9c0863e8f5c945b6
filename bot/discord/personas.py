"""Avatars that speak under their own names in servers, by webhooks.

An operator switches that on by giving the bot the permission "Manage Webhooks" in a channel. The
webhook is made when it is first needed; whoever deletes it or takes the permission back switches it
off, and the bot speaks for itself again.
"""

import logging
from dataclasses import dataclass

import discord
from discord.http import Route

from avatar.errors import DeliveryError
from avatar.records import Address
from bot.discord.calls import Calls, Gone, Stale
from bot.discord.client import Client
from bot.discord.places import place_of

log = logging.getLogger(__name__)

_NAME = 80  # characters
_NOT_TAKEN = ("clyde", "discord")  # names that Discord keeps for itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """An avatar with a mouth of its own in one channel."""

    name: str
    channel: int  # that the webhook belongs to
    webhook: int
    token: str
    thread: int | None  # of that channel, where it speaks

    def route(self, method: str, message: int | None = None) -> Route:
        """To say something, or to change or delete a message."""
        path = "/webhooks/{webhook_id}/{webhook_token}"
        path += "" if message is None else f"/messages/{message}"
        return Route(method, path, webhook_id=self.webhook, webhook_token=self.token)

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the address."""
        return {} if self.thread is None else {"thread_id": str(self.thread)}


class Personas:
    """Finds and makes webhooks."""

    def __init__(self, client: Client, calls: Calls) -> None:
        self._client = client
        self._calls = calls
        self._known: dict[int, tuple[int, str]] = {}  # channel → its webhook and the token

    async def of(self, address: Address, name: str) -> Persona | None:
        """None: here the bot speaks for itself."""
        place = place_of(address)
        if not name or place.private or place.person is not None:
            return None
        if any(word in name.lower() for word in _NOT_TAKEN):
            return None
        found = self._client.get_channel(place.channel)
        thread = found if isinstance(found, discord.Thread) else None
        channel = found if thread is None else thread.parent
        if not isinstance(channel, discord.TextChannel | discord.VoiceChannel):
            return None
        if not channel.permissions_for(channel.guild.me).manage_webhooks:
            return None
        try:
            webhook, token = await self._webhook(channel.id)
        except (DeliveryError, Gone, Stale) as error:
            log.info("no webhook in channel %s: %s", channel.id, error)
            return None
        return Persona(
            name=name[:_NAME],
            channel=channel.id,
            webhook=webhook,
            token=token,
            thread=None if thread is None else thread.id,
        )

    def forget(self, persona: Persona) -> None:
        """Its webhook is gone."""
        self._known.pop(persona.channel, None)

    async def _webhook(self, channel: int) -> tuple[int, str]:
        known = self._known.get(channel)
        if known is None:
            route = Route("GET", "/channels/{channel_id}/webhooks", channel_id=channel)
            ours = str(self._client.app_id)
            there = await self._calls.call(route)
            found = [w for w in there if w.get("application_id") == ours and w.get("token")]
            made = found[0] if found else await self._made(channel)
            known = self._known[channel] = (int(made["id"]), str(made["token"]))
        return known

    async def _made(self, channel: int) -> dict[str, str]:
        route = Route("POST", "/channels/{channel_id}/webhooks", channel_id=channel)
        made: dict[str, str] = await self._calls.call(route, {"name": "Avatars"}, repeatable=False)
        return made
