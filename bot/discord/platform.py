"""Discord, beside other things in one event loop: events in, messages out."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import discord

from avatar.errors import AvatarError
from avatar.incoming import Incoming
from avatar.patience import until_written
from avatar.stores import Heard
from bot.commands import COMMANDS, Command
from bot.completion import Completion
from bot.discord import reading, slash
from bot.discord.answering import Answering
from bot.discord.client import Client
from bot.discord.messenger import DiscordMessenger
from bot.discord.pace import Pace
from bot.discord.personas import PictureOf
from bot.discord.places import place_of
from bot.kept import keep
from bot.screen import Receive

log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES = 4  # to take what came in
_REMEMBERED = 500  # channels in which something said during a broken session is looked for
_MISSED = 100  # messages in each of them
_OVERLAP = timedelta(minutes=1)
_ABSENCE = timedelta(days=1)  # what was said longer ago, to no process, is not answered any more
_GRACE = 1.5  # seconds at the end for what came in and does not lie in the inbox yet
_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    attach_files=True,
    read_message_history=True,
)
_WRONG_TOKEN = 4004  # how the gateway closes then


class TokenRefused(AvatarError):
    """Discord does not accept the token in DISCORD_TOKEN. Copy it again from the Developer Portal
    (and check DISCORD_API_URL, if it is set).
    """


class GatewayRefused(AvatarError):
    """Discord's gateway does not take this bot (code {code}). The log of the Developer Portal may
    say why.
    """


class DiscordPlatform:
    """One bot.

    `async with` logs in: it raises TokenRefused, and waits as long as Discord cannot be reached.
    `serve` then hands over what comes in until it is cancelled. `messenger` can be used until the
    context ends, also when nothing is handed over any more.
    """

    messenger: DiscordMessenger  # known inside of `async with`

    def __init__(
        self,
        token: str,
        *,
        api_url: str | None = None,
        gateway_url: str | None = None,
        commands: Sequence[Command] = COMMANDS,
        pace: Pace | None = None,
        receives: bool = True,
        picture_of: PictureOf | None = None,
    ) -> None:
        """Without `receives` it only logs in, to answer: another process is at the gateway.
        `picture_of` tells what an avatar looks like, by its id.
        """
        self._token = token
        self._urls = (api_url, gateway_url)
        self._commands = commands
        self._pace = pace or Pace()
        self._receives = receives
        self._picture_of = picture_of
        self._work: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        # By channel: the newest id that was seen there, and the server.
        self._last: OrderedDict[int, tuple[int, int | None]] = OrderedDict()
        self._behind: dict[int, tuple[int, int | None]] = {}  # those of them still to be read
        self._asks: set[asyncio.Task[Any]] = set()
        self._sessions = 0
        self._receive: Receive | None = None
        self._heard: Callable[[str, int], Awaitable[Heard]] | None = None

    async def __aenter__(self) -> Self:
        self._client = await self._logged_in()
        try:
            if self._receives:
                await slash.synced(self._client, self._commands)
        except BaseException:
            await self._client.close()
            raise
        self.messenger = DiscordMessenger(self._client, self._pace, self._picture_of)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.close()

    @property
    def fault(self) -> str | None:
        """Why nothing comes in, in a few words; None: it does."""
        in_session = self._sessions > 0 and self._client.ws.open
        return None if in_session else "no session at the gateway"

    @property
    def username(self) -> str:
        """The bot's name."""
        return self._client.me.name

    @property
    def invitation(self) -> str:
        """The address at which people add the bot to a server, with the permissions it uses."""
        return discord.utils.oauth_url(
            self._client.app_id,
            permissions=_PERMISSIONS,
            scopes=("bot", "applications.commands"),
        )

    async def _logged_in(self) -> Client:
        wait = self._pace.pause
        while True:
            client = Client(pace=self._pace, api_url=self._urls[0], gateway_url=self._urls[1])
            try:
                await client.login(self._token)
            except discord.LoginFailure as error:
                await client.close()
                raise TokenRefused(detail=str(error)) from error
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                await client.close()
                log.warning("Discord cannot be reached: %s; next try in %.0f s", error, wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, self._pace.longest)
            except BaseException:
                await client.close()
                raise
            else:
                return client

    async def serve(
        self,
        receive: Receive,
        completion: Completion | None = None,
        *,
        heard: Callable[[str, int], Awaitable[Heard]] | None = None,
    ) -> None:
        """Take what comes in, in order, until cancelled. `heard` tells (for the bot's id) in which
        places, at most so many, and up to where earlier processes heard it: what was said there
        since is read first. Raises TokenRefused, GatewayRefused.
        """
        client = self._client
        answering = Answering(client, self._pace, completion)
        client.on_said = self._said
        client.on_edited = self._edited
        client.on_reacted = self._reacted
        client.on_asked = partial(self._asked, answering)
        client.on_session = self._session
        client.on_servers = self._servers
        self._receive = receive
        self._heard = heard
        taking = asyncio.create_task(self._take_all())
        try:
            await self._stay_connected()
        finally:
            if client.ws is not None:
                await client.ws.close(code=1000)
            await self._end(taking)

    async def taken(self) -> None:
        """Wait until all that the gateway has told lies in the inbox."""
        while self._asks:
            await asyncio.wait(set(self._asks))
        await self._work.join()

    async def _stay_connected(self) -> None:
        """Dropped connections are discord.py's business: it resumes, or begins anew. So is reading
        what the gateway tells; what it cannot read ends the session, and a new one begins.
        """
        while True:
            try:
                await self._client.connect()
            except discord.PrivilegedIntentsRequired:
                log.warning("the message content intent is not granted: going on without it")
                self._client.want_content(wanted=False)
            except discord.ConnectionClosed as error:
                if error.code == _WRONG_TOKEN:
                    raise TokenRefused(detail=str(error)) from error
                raise GatewayRefused(code=error.code, detail=str(error)) from error
            except Exception:
                log.exception("the gateway told something that cannot be read: connecting anew")
                if self._client.ws is not None:
                    await self._client.ws.close(code=1000)
                await asyncio.sleep(self._pace.identify)
            else:
                return

    async def _end(self, taking: asyncio.Task[None]) -> None:
        """What was handed to us by the gateway is not sent again: take it in."""
        emptied = asyncio.create_task(self.taken())
        await asyncio.wait({emptied, taking}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
        ending = (emptied, taking, *self._asks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    # What the gateway tells, in its order. None of these waits.

    def _said(self, said: discord.Message) -> None:
        incoming = reading.message(said, me=self._client.me, app=self._client.app_id)
        if (incoming is not None and incoming.addressed) or said.channel.id in self._last:
            self._note(said.channel.id, said.id, reading.server_of(said))
        self._take(incoming)

    def _edited(self, said: discord.Message) -> None:
        self._take(reading.edit(said, me=self._client.me, app=self._client.app_id))

    def _reacted(self, reacted: discord.RawReactionActionEvent) -> None:
        self._take(reading.reaction(reacted, me=self._client.me, now=datetime.now(UTC)))

    def _take(self, incoming: Incoming | None) -> None:
        """In its turn; None: it is not for the bot."""
        if incoming is not None:
            self._work.put_nowait(partial(self._hand_over, incoming))

    def _note(self, channel: int, newest: int, server: int | None) -> None:
        """Remember up to where a channel was heard."""
        before, _ = self._last.get(channel, (0, None))
        keep(self._last, channel, (max(before, newest), server), most=_REMEMBERED)

    def _asked(self, answering: Answering, asked: discord.Interaction) -> None:
        if asked.channel_id is not None:
            self._note(asked.channel_id, asked.id, asked.guild_id)
        self._begun(self._ask(answering, asked))

    def _begun(self, ask: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """In a task that ends with the platform."""
        task = asyncio.create_task(ask)
        self._asks.add(task)
        task.add_done_callback(self._asks.discard)
        return task

    async def _ask(self, answering: Answering, asked: discord.Interaction) -> None:
        if await answering.at_once(asked):
            return
        incoming = reading.interaction(asked, me=self._client.me)
        if incoming is None:
            return
        acknowledged = self._begun(answering.acknowledged(asked))
        self._work.put_nowait(partial(self._hand_over, incoming, acknowledged))

    def _session(self) -> None:
        """A new session began. What was said since the last one is not told by the gateway."""
        self._sessions += 1
        if self._sessions == 1:
            self._work.put_nowait(self._after_absence)
        else:
            self._behind = {**self._last, **self._behind}

    def _servers(self) -> None:
        """Now it can be told what of what was missed is for the bot: what is said in its threads,
        and to its role.
        """
        self._work.put_nowait(self._catch_up)

    # One after another

    async def _take_all(self) -> None:
        while True:
            work = await self._work.get()
            try:
                await work()
            except Exception:
                log.exception("something that came in could not be taken")
            finally:
                self._work.task_done()

    async def _hand_over(
        self, incoming: Incoming, acknowledged: asyncio.Task[bool] | None = None
    ) -> None:
        """Behind what was missed in its channel. An interaction is taken only when Discord knows
        that it was: else the person reads that the bot did not respond, and does it again.
        """
        if acknowledged is not None and not await acknowledged:
            return
        await self._read_on(place_of(incoming.address).channel)
        await self._give(incoming)

    async def _give(self, incoming: Incoming) -> None:
        """What cannot be taken after some tries is left out, so that it does not stand in the way
        of the rest.
        """
        if self._receive is None:
            return
        for tries in range(1, _TRIES + 1):
            try:
                await until_written(partial(self._receive, incoming))
            except Exception:
                log.exception("message %s could not be taken", incoming.update_id)
                if tries < _TRIES:
                    await asyncio.sleep(self._pace.taking * 2 ** (tries - 1))
            else:
                return
        log.error("message %s was left out after %s tries", incoming.update_id, _TRIES)

    async def _after_absence(self) -> None:
        """What was said while no process was there: in the places that earlier ones knew."""
        if self._heard is None:
            return
        heard = await self._heard(str(self._client.me.id), _REMEMBERED)
        since = datetime.now(UTC) - _ABSENCE
        if heard.until is not None:  # the inbox drops what it has seen
            # Later than now: the clock went back since, and what it was is not known.
            since = max(since, min(heard.until, datetime.now(UTC)) - _OVERLAP)
        newest = discord.utils.time_snowflake(since)
        for address in heard.addresses:  # the newest first
            channel = place_of(address).channel
            known = (newest, int(address.chat) if address.thread else None)
            self._behind[channel] = known  # earlier than what a session since then begins with
            if len(self._last) < _REMEMBERED and channel not in self._last:
                self._last[channel] = known
                self._last.move_to_end(channel, last=False)

    async def _catch_up(self) -> None:
        """Read on in one channel; in the next, behind what came in meanwhile."""
        if self._behind:
            await self._read_on(next(iter(self._behind)))
        if self._behind:
            self._work.put_nowait(self._catch_up)

    async def _read_on(self, id_: int) -> None:
        """Look for what was said in a channel while no session was there. What was told by the
        gateway too is dropped by the inbox.
        """
        if id_ not in self._behind:
            return
        newest, server = self._behind.pop(id_)
        try:
            channel = await self._channel(id_, server)
            async for said in channel.history(
                after=discord.Object(newest), limit=_MISSED, oldest_first=True
            ):
                incoming = reading.message(said, me=self._client.me, app=self._client.app_id)
                if incoming is not None and incoming.addressed:
                    await self._give(incoming)
                self._note(id_, said.id, server)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("what was said in channel %s was not read: %s", id_, error)

    async def _channel(self, id_: int, server: int | None) -> discord.abc.Messageable:
        """What the gateway did not tell of is asked for: it may be a thread that was archived."""
        found = self._client.get_channel(id_)
        if found is None and server is not None:
            found = await self._client.fetch_channel(id_)
        if isinstance(found, discord.abc.Messageable):
            return found
        return self._client.get_partial_messageable(id_, guild_id=server)
