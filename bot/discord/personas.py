"""Avatars that speak under their own names in servers, by webhooks.

An operator switches that on by giving the bot the permission "Manage Webhooks" in a channel. A
webhook is made when it is first needed: one for all avatars without a picture, and one for each
that has one, since Discord shows a webhook's own picture. Whoever deletes it or takes the
permission back switches it off, and the bot speaks for itself again.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import discord
from discord.http import Route

from avatar.errors import DeliveryError, Unreachable
from avatar.records import Address
from bot.discord.calls import Calls, Gone, Stale
from bot.discord.client import Client
from bot.discord.places import place_of
from bot.kept import keep
from bot.screen import Speaker

log = logging.getLogger(__name__)

_NAME = 80  # characters
_SHARED = "Avatars"  # the name, in a channel's settings, of the webhook of those without a picture

_THREADS = frozenset({10, 11, 12})  # types of channels
_WITH_WEBHOOKS = frozenset({0, 2, 5})  # text, voice, announcements
_REFUSED = 600.0  # seconds until it is tried again where it was refused
_CHANNELS = 1_000  # of which something is remembered

# The picture of an avatar, by its id, as a data: URL.
PictureOf = Callable[[int], Awaitable[str | None]]
_NOT_TAKEN = ("clyde", "discord")  # names that Discord keeps for itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """An avatar with a mouth of its own in one channel."""

    name: str
    channel: int  # that the webhook belongs to
    picture: int  # whose picture it shows, by the avatar's id; 0: nobody's
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where webhooks speak."""

    channel: int
    thread: int | None = None  # of that channel


@dataclass(frozen=True, kw_only=True, slots=True)
class _Webhook:
    id: int
    token: str
    name: str


class Personas:
    """Finds and makes webhooks."""

    def __init__(self, client: Client, calls: Calls, picture_of: PictureOf | None = None) -> None:
        self._client = client
        self._calls = calls
        self._picture_of = picture_of
        # By channel, and whose picture it shows.
        self._known: OrderedDict[tuple[int, int], _Webhook] = OrderedDict()
        # Two replies at once in threads of one channel are to find one webhook, not to make two.
        self._looking: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        # By channel, for those that the gateway did not tell of: what was asked, or until when
        # nothing is asked.
        self._asked: OrderedDict[int, _Place | float] = OrderedDict()

    async def of(self, address: Address, speaker: Speaker) -> Persona | None:
        """None: here the bot speaks for itself."""
        place, name = place_of(address), speaker.name
        if not name or place.private or place.person is not None:
            return None
        if any(word in name.lower() for word in _NOT_TAKEN):
            return None
        try:
            where = await self._where(place.channel)
            if where is None:
                return None
            async with self._looking.setdefault(where.channel, asyncio.Lock()):
                picture, webhook = await self._webhook(where.channel, speaker)
        except Unreachable as error:
            log.info("no webhook in channel %s: %s", place.channel, error.detail)
            if self._client.get_channel(place.channel) is None:
                later = time.monotonic() + _REFUSED
                keep(self._asked, place.channel, later, most=_CHANNELS)
            return None
        except (DeliveryError, Gone, Stale) as error:
            log.info("no webhook in channel %s: %s", place.channel, error)
            return None
        return Persona(
            name=name[:_NAME],
            channel=where.channel,
            picture=picture,
            webhook=webhook.id,
            token=webhook.token,
            thread=where.thread,
        )

    async def _where(self, id_: int) -> _Place | None:
        """None: webhooks do not speak there, or are not ours to manage."""
        found = self._client.get_channel(id_)
        if found is not None:
            return _told(found)
        # A process that only answers is told of no channels. It asks once, and whether webhooks may
        # be managed there shows when it is done.
        known = self._asked.get(id_)
        if isinstance(known, float):
            if time.monotonic() < known:
                return None
            known = None
        if known is None:
            route = Route("GET", "/channels/{channel_id}", channel_id=id_)
            known = _read(await self._calls.call(route))
            keep(self._asked, id_, known or time.monotonic() + _REFUSED, most=_CHANNELS)
        return known

    def forget(self, persona: Persona) -> None:
        """Its webhook is gone."""
        self._known.pop((persona.channel, persona.picture), None)

    async def _webhook(self, channel: int, speaker: Speaker) -> tuple[int, _Webhook]:
        """Whose picture it shows, and the webhook."""
        if speaker.picture is not None and self._picture_of is not None:
            name = f"{_SHARED} {speaker.avatar_id} {speaker.picture}"
            known = self._known.get((channel, speaker.avatar_id))
            if known is not None and known.name == name:
                return speaker.avatar_id, known
            url = await self._picture_of(speaker.avatar_id)
            if url is not None:
                try:
                    found = await self._found(channel, name, url)
                except Unreachable as error:  # there can be 15 webhooks in a channel
                    log.info("no webhook with a picture in channel %s: %s", channel, error.detail)
                else:
                    keep(self._known, (channel, speaker.avatar_id), found, most=_CHANNELS)
                    return speaker.avatar_id, found
        known = self._known.get((channel, 0))
        if known is None:
            known = await self._found(channel, _SHARED, None)
            keep(self._known, (channel, 0), known, most=_CHANNELS)
        return 0, known

    async def _found(self, channel: int, name: str, picture: str | None) -> _Webhook:
        """The webhook of that name; one of the same avatar with another picture is changed."""
        route = Route("GET", "/channels/{channel_id}/webhooks", channel_id=channel)
        app = str(self._client.app_id)
        there = await self._calls.call(route)
        ours = [w for w in there if w.get("application_id") == app and w.get("token")]
        made = next((w for w in ours if w["name"] == name), None)
        if made is None:
            body = {"name": name} if picture is None else {"name": name, "avatar": picture}
            before = name.rpartition(" ")[0] + " "
            old = next((w for w in ours if picture and w["name"].startswith(before)), None)
            if old is None:
                route = Route("POST", "/channels/{channel_id}/webhooks", channel_id=channel)
                made = await self._calls.call(route, body, repeatable=False)
            else:
                route = Route("PATCH", "/webhooks/{webhook_id}", webhook_id=old["id"])
                made = await self._calls.call(route, body)
        return _Webhook(id=int(made["id"]), token=str(made["token"]), name=name)


def _told(found: object) -> _Place | None:
    """What the gateway told of a channel, with the bot's permissions there."""
    thread = found if isinstance(found, discord.Thread) else None
    channel = found if thread is None else thread.parent
    if not isinstance(channel, discord.TextChannel | discord.VoiceChannel):
        return None
    if not channel.permissions_for(channel.guild.me).manage_webhooks:
        return None
    return _Place(channel=channel.id, thread=None if thread is None else thread.id)


def _read(channel: Any) -> _Place | None:
    """What the API told of a channel."""
    id_, type_ = int(channel["id"]), channel["type"]
    if type_ in _THREADS:
        return _Place(channel=int(channel["parent_id"]), thread=id_)
    return _Place(channel=id_) if type_ in _WITH_WEBHOOKS else None
