"""discord.py's client, with addresses of its own: no state that another client would share."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord.http import HTTPClient, Route
from yarl import URL

from avatar.certificates import refused_certificate, said_of
from bot.discord.pace import Pace

log = logging.getLogger(__name__)

# The bot does not speak in voice channels: that what they need is missing is no news.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False

_ANSWER = aiohttp.ClientTimeout(total=30, connect=10)
_LONGEST_WAIT = 30.0  # for one rate limit; what would wait longer fails, and is tried again later


def intents(*, content: bool) -> discord.Intents:
    """What the bot wants to be told of. `content` is the text of messages in servers that do not
    address the bot, which Discord must have granted.
    """
    wanted = discord.Intents.none()
    wanted.guilds = wanted.guild_messages = wanted.dm_messages = True
    wanted.guild_reactions = wanted.dm_reactions = True
    wanted.message_content = content
    return wanted


class CertificateRefused(aiohttp.ClientConnectorCertificateError):
    """aiohttp's error for it, with a text for people who run a bot."""

    def __str__(self) -> str:
        return said_of(self.host, refused_certificate(self.certificate_error) or "")


class Http(HTTPClient):
    """Calls another API and another gateway than Discord's, where one is named."""

    def __init__(self, *args: Any, api_url: str | None, gateway_url: str | None) -> None:
        super().__init__(*args, max_ratelimit_timeout=_LONGEST_WAIT)
        self._api_url = api_url
        self._gateway_url = None if gateway_url is None else URL(gateway_url)

    async def request(self, route: Route, **kwargs: Any) -> Any:
        """A call of the API, with rate limits and 5xx handled by discord.py."""
        if self._api_url is not None and route.url.startswith(Route.BASE):
            route.url = self._api_url + route.url.removeprefix(Route.BASE)
        try:
            return await super().request(route, **{"timeout": _ANSWER, **kwargs})
        except aiohttp.ClientConnectorCertificateError as error:
            raise CertificateRefused(*error.args) from error

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Connect to the gateway, also where the library names its default one."""
        if self._gateway_url is not None:
            url = str(self._gateway_url.with_query(URL(url).query))
        try:
            return await super().ws_connect(url, compress=compress)
        except aiohttp.ClientConnectorCertificateError as error:
            told = CertificateRefused(*error.args)
            log.warning("Discord's gateway cannot be reached: %s", told)  # what asks says only when
            raise told from error


class Client(discord.Client):
    """One bot. What its gateway tells is handed to those that the platform sets."""

    on_said: Callable[[discord.Message], None] | None = None
    on_edited: Callable[[discord.Message], None] | None = None
    on_reacted: Callable[[discord.RawReactionActionEvent], None] | None = None
    on_asked: Callable[[discord.Interaction], None] | None = None
    on_session: Callable[[], None] | None = None  # a new one, not one that was resumed
    on_servers: Callable[[], None] | None = None  # its servers are known

    def __init__(self, *, pace: Pace, api_url: str | None, gateway_url: str | None) -> None:
        super().__init__(
            intents=intents(content=False),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=pace.servers,
        )
        self._pace = pace
        http = Http(self.loop, api_url=api_url, gateway_url=gateway_url)
        self.http = http
        self._connection.http = http

    @property
    def me(self) -> discord.ClientUser:
        """Who the bot is, after the login."""
        if self.user is None:
            raise RuntimeError("not logged in")
        return self.user

    @property
    def app_id(self) -> int:
        """The application's id, after the login."""
        if self.application_id is None:
            raise RuntimeError("not logged in")
        return self.application_id

    @property
    def reads_servers(self) -> bool:
        """Whether the text of messages that do not address the bot is seen."""
        return self.intents.message_content

    def want_content(self, *, wanted: bool) -> None:
        """Ask for that from the next session on."""
        self._connection._intents.message_content = wanted

    async def setup_hook(self) -> None:
        """Known only after the login: whether the message content intent is granted."""
        flags = self.application_flags
        self.want_content(
            wanted=flags.gateway_message_content or flags.gateway_message_content_limited
        )

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Discord starts one session in 5 s."""
        if not initial:
            await asyncio.sleep(self._pace.identify)

    async def on_message(self, message: discord.Message) -> None:
        """discord.py's event."""
        if self.on_said is not None:
            self.on_said(message)

    async def on_raw_message_edit(self, edit: discord.RawMessageUpdateEvent) -> None:
        """discord.py's event, also for messages that it does not hold."""
        if self.on_edited is not None:
            self.on_edited(edit.message)

    async def on_raw_reaction_add(self, reaction: discord.RawReactionActionEvent) -> None:
        """discord.py's event."""
        if self.on_reacted is not None:
            self.on_reacted(reaction)

    async def on_raw_reaction_remove(self, reaction: discord.RawReactionActionEvent) -> None:
        """discord.py's event."""
        if self.on_reacted is not None:
            self.on_reacted(reaction)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """discord.py's event."""
        if self.on_asked is not None:
            self.on_asked(interaction)

    async def on_connect(self) -> None:
        """discord.py's event for READY."""
        if self.on_session is not None:
            self.on_session()

    async def on_ready(self) -> None:
        """discord.py's event for the last server of a session."""
        if self.on_servers is not None:
            self.on_servers()
