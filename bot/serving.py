"""The platforms of one process: which are served, and what it does for each."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatar.conversation import Conversation
from avatar.language import speaking
from avatar.meter import UNCOUNTED
from avatar.ports import Clock
from avatar.stores import Heard, Store
from bot.composition import Ground, bot, completion, conversation_on, ground, now, sealer_of
from bot.dispatcher import Dispatcher
from bot.health import Health, connecting
from bot.inline import InlineAnswers
from bot.roles import Role
from bot.screen import Messenger, Receive
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.metrics import Metrics
    from bot.telegram.webhook import Webhooks
    from bot.terminal.interactive import Screen
    from bot.web import Web

log = logging.getLogger(__name__)


async def serve(settings: Settings, role: Role = Role.ALL) -> None:
    """Telegram and Discord, where there is a token; else the terminal. Returns when the terminal's
    input ends; ends by cancellation.
    """
    if settings.in_terminal:
        await _serve_terminal(settings)
    else:
        await _serve_platforms(settings, role)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Share:
    """What this process does for every platform that it reaches."""

    role: Role
    settings: Settings
    on: Ground
    messengers: dict[str, Messenger]
    dispatcher: Dispatcher | None  # None: nothing is answered here
    ask: InlineAnswers | None  # None: nothing is received here
    health: Health
    webhooks: "Webhooks | None"

    async def of(
        self,
        messenger: Messenger,
        receiving: Callable[[Receive], Coroutine[None, None, None]],
        *,
        alone: str | None,
        stand_by: Callable[[], Coroutine[Any, Any, Any]] | None = None,
    ) -> None:
        """Until cancelled, or refused by the platform. `alone` names the account, where only one
        process may receive for it; `stand_by` is what the others do.
        """
        self.messengers[messenger.platform] = messenger
        if self.role.answers and self.dispatcher is not None:
            await self.dispatcher.resume({messenger.platform})
        receive = self.on.receive
        if self.role.receives and alone is None:
            await receiving(receive)
            return
        standing = asyncio.create_task((stand_by or asyncio.Event().wait)())

        async def take() -> None:
            standing.cancel()
            await asyncio.gather(standing, return_exceptions=True)
            await receiving(receive)

        try:
            if self.role.receives and alone is not None:
                await self.on.queue.alone(alone, take)
            else:
                await standing
        finally:
            standing.cancel()


async def _serve_platforms(settings: Settings, role: Role) -> None:
    """One bot behind all platforms that are set up. What one of them refuses ends all; one that
    cannot be reached yet holds up neither the other nor the jobs.
    """
    messengers: dict[str, Messenger] = {}
    health, metrics = Health(), metrics_of(settings)
    meter = metrics or UNCOUNTED
    webhooks = webhooks_of(settings) if role.receives else None
    async with AsyncExitStack() as platforms, ground(settings) as on, AsyncExitStack() as inner:
        dispatcher = None
        conversation: AbstractAsyncContextManager[Conversation]
        if role is Role.RECEIVER:
            conversation = conversation_on(settings, on, meter=meter)
        else:
            built = bot(settings, messengers, meter=meter, health=health, role=role, on=on)
            dispatcher, desk = await inner.enter_async_context(built)
            conversation = nullcontext(desk.conversation)
        ask = None
        if role.receives and settings.telegram_token is not None:
            # Asked while somebody types, and answered at once by who receives.
            ask = InlineAnswers(
                on.store,
                await inner.enter_async_context(conversation),
                clock=now,
                operators=settings.operators,
            )
        await inner.enter_async_context(web(settings, on.store, health, metrics, webhooks))
        share = _Share(
            role=role,
            settings=settings,
            on=on,
            messengers=messengers,
            dispatcher=dispatcher,
            ask=ask,
            health=health,
            webhooks=webhooks,
        )
        serving: list[Coroutine[Any, Any, None]] = []
        if settings.telegram_token is not None:
            health.parts["telegram"] = connecting
            serving.append(_serve_telegram(share, platforms))
        if settings.discord_token is not None:
            health.parts["discord"] = connecting
            serving.append(_serve_discord(share, platforms))
        await _together(serving)


def metrics_of(settings: Settings) -> "Metrics | None":
    """What adds up what happens; None: there is no port at which it could be read."""
    if settings.http_port is None:
        return None
    from bot.metrics import Metrics

    return Metrics()


@asynccontextmanager
async def web(
    settings: Settings,
    store: Store,
    health: Health,
    metrics: "Metrics | None",
    webhooks: "Webhooks | None" = None,
    *,
    clock: Clock = now,
) -> "AsyncIterator[Web | None]":
    """The HTTP server, where a port is set for it."""
    if settings.http_port is None or metrics is None:
        yield None
        return
    from bot.probes import routes
    from bot.web import Web

    served = Web(host=settings.http_host, port=settings.http_port)
    served.add(*routes(health, metrics, store, clock=clock))
    if webhooks is not None:
        served.add(webhooks.route)
    async with served:
        yield served


def webhooks_of(settings: Settings) -> "Webhooks | None":
    """Where Telegram hands updates over; None: it is asked for them."""
    if settings.telegram_webhook_url is None:
        return None
    from bot.telegram.webhook import Webhooks

    sealer = sealer_of(settings)

    def secret(bot_id: str) -> str:
        return settings.telegram_webhook_secret or sealer.made(f"telegram webhook {bot_id}")

    return Webhooks(settings.telegram_webhook_url, secret=secret)


async def _serve_telegram(share: _Share, platforms: AsyncExitStack) -> None:
    from bot.telegram.accounts import TelegramAccounts
    from bot.telegram.inline import InlineQueries
    from bot.telegram.platform import TelegramPlatform

    settings, ask = share.settings, share.ask

    def connect(token: str) -> TelegramPlatform:
        folder = settings.telegram_local_files
        return TelegramPlatform(
            token,
            api_url=settings.telegram_api_url,
            receives=share.role.receives,
            local_files=None if folder is None else Path(folder),
            inline=None if ask is None else InlineQueries(ask),
        )

    main = await platforms.enter_async_context(connect(settings.telegram_token or ""))
    telegram = await platforms.enter_async_context(
        TelegramAccounts(main, share.on.store, connect=connect, webhooks=share.webhooks)
    )
    share.health.parts["telegram"] = lambda: main.fault
    log.info("serving Telegram as @%s", main.username)
    # With webhooks, any process may take what Telegram hands over.
    alone = f"telegram:{main.username}" if share.webhooks is None else None
    await share.of(telegram, telegram.serve, alone=alone, stand_by=telegram.stand_by)


async def _serve_discord(share: _Share, platforms: AsyncExitStack) -> None:
    from bot.discord.platform import DiscordPlatform

    settings, store = share.settings, share.on.store
    discord = await platforms.enter_async_context(
        DiscordPlatform(
            settings.discord_token or "",
            api_url=settings.discord_api_url,
            gateway_url=settings.discord_gateway_url,
            receives=share.role.receives,
            picture_of=store.picture,
        )
    )
    platform = discord.messenger.platform
    share.health.parts["discord"] = lambda: discord.fault
    log.info("serving Discord as %s", discord.username)
    log.info("to add it to a server, open %s", discord.invitation)

    async def heard(bot: str, limit: int) -> Heard:
        return await store.heard(platform=platform, bot=bot, limit=limit)

    async def receiving(receive: Receive) -> None:
        await discord.serve(receive, completion(settings, store), heard=heard)

    await share.of(discord.messenger, receiving, alone=f"discord:{discord.username}")


async def _together(serving: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Until the first of them fails; the others are cancelled then."""
    tasks = [asyncio.create_task(each) for each in serving]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _screen() -> "Screen | None":
    """A screen, where a person sits at one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    from bot.terminal.interactive import Screen

    return Screen()


async def _serve_terminal(settings: Settings) -> None:
    from bot.terminal import platform as terminal
    from bot.terminal.messenger import ADDRESS, TerminalMessenger
    from bot.welcome import welcome

    screen = _screen()
    messenger = TerminalMessenger(screen or terminal.LinePaper(sys.stdout))
    person = terminal.author()
    settings = replace(
        settings, operators=settings.operators | {(person.platform, person.external_id)}
    )
    health, metrics = Health(), metrics_of(settings)
    meter = metrics or UNCOUNTED
    async with (
        bot(settings, {messenger.platform: messenger}, meter=meter, health=health) as (
            dispatcher,
            desk,
        ),
        web(settings, desk.store, health, metrics),
    ):
        with speaking(await desk.store.language(ADDRESS)):
            await messenger.send(ADDRESS, await welcome(desk, person))
        if screen is not None:
            await screen.converse(
                messenger, receive=dispatcher.receive, settled=dispatcher.settled, desk=desk
            )
        else:
            await terminal.read_lines(
                sys.stdin.buffer,
                messenger,
                receive=dispatcher.receive,
                settled=dispatcher.settled,
                finished=desk.idle,
            )
