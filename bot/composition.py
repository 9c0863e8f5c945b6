"""The composition root: what is built from the settings, in which order it starts and ends."""

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatar.conversation import Conversation
from avatar.importing import Imports
from avatar.invitations import Invitations
from avatar.learning_path import LearningPath
from avatar.limiter import Limiter
from avatar.linking import Linking
from avatar.models import Models
from avatar.ports import Clock
from avatar.stores import Store
from avatar.teaching import Teaching
from avatar.training import Trainings
from avatar.unlearning import Unlearning
from backends.backend import Backend
from bot.completion import Completion
from bot.dispatcher import Dispatcher, Permissions
from bot.handlers import Handlers
from bot.handlers.desk import Desk
from bot.herald import BotHerald
from bot.screen import Messenger
from bot.settings import Settings
from jobs.follower import Follower
from jobs.notices import Deliverer
from jobs.retirement import RetirementWatch
from jobs.scheduler import Scheduler
from storage.database import data_folder
from storage.store import open_store

if TYPE_CHECKING:
    from bot.terminal.interactive import Screen
    from modelserver.server import ModelServer

log = logging.getLogger(__name__)

GRACE = 8.0  # seconds that replies in progress get at the end
IDLE_LOOK = 0.1  # seconds between looks whether trainings and notices are done


def now() -> datetime:
    """The clock of everything."""
    return datetime.now(UTC)


@asynccontextmanager
async def backends(
    settings: Settings, model_server: "Callable[[Path], ModelServer] | None" = None
) -> AsyncIterator[Mapping[str, Backend]]:
    """A client for each provider; where it is the one in this process, that is started."""
    made = {}
    async with AsyncExitStack() as stack:
        for provider in settings.providers.values():
            base_url = provider.base_url
            if base_url is None:
                from modelserver.server import ModelServer

                server = (model_server or ModelServer)(
                    data_folder(settings.database_url) / "modelserver"
                )
                base_url = (await stack.enter_async_context(server)).base_url
            made[provider.name] = Backend(
                provider, api_key=settings.keys.get(provider.name), base_url=base_url
            )
            stack.push_async_callback(made[provider.name].aclose)
        yield made


@asynccontextmanager
async def bot(
    settings: Settings,
    messengers: Mapping[str, Messenger],
    *,
    model_server: "Callable[[Path], ModelServer] | None" = None,
    clock: Clock = now,
) -> AsyncIterator[tuple[Dispatcher, Desk]]:
    """Everything but the platforms: the way in, and the use-cases."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url))
        served = await stack.enter_async_context(backends(settings, model_server))
        providers = settings.providers
        trainers = {name: backend.trainer for name, backend in served.items()}
        herald = BotHerald(store, messengers)
        owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
        poll = timedelta(seconds=settings.poll_seconds)
        scheduler = Scheduler(
            follower=Follower(
                store,
                trainers=trainers,
                providers=providers,
                herald=herald,
                poll=poll,
                owner=owner,
                clock=clock,
            ),
            deliverer=Deliverer(store, herald=herald, owner=owner, clock=clock),
            watch=RetirementWatch(store, trainers=trainers, providers=providers),
            store=store,
            poll=poll,
            clock=clock,
        )

        limiter = Limiter(store, limits=settings.limits, operators=settings.operators)
        trainings = Trainings(store, providers=providers, limiter=limiter, nudge=scheduler.nudge)
        desk = Desk(
            store=store,
            learning_path=LearningPath(store),
            trainings=trainings,
            imports=Imports(store, trainings=trainings),
            teaching=Teaching(store),
            unlearning=Unlearning(store),
            conversation=Conversation(
                store,
                models={name: backend.chat for name, backend in served.items()},
                providers=providers,
                limiter=limiter,
                clock=clock,
            ),
            invitations=Invitations(store),
            limiter=limiter,
            linking=Linking(store),
            models=Models(store, providers=providers, trainers=trainers),
            providers=providers,
            trainers=trainers,
            clock=clock,
            idle=partial(_until_idle, store),
        )
        handlers = Handlers(desk)
        dispatcher = Dispatcher(
            store,
            messengers=messengers,
            commands=handlers.commands,
            presses=handlers.presses,
            chat=handlers.chat,
            permissions=permissions(settings),
            clock=clock,
        )
        await stack.enter_async_context(scheduler.running())
        stack.push_async_callback(dispatcher.close, grace=GRACE)
        warming = asyncio.create_task(served[providers.default.name].warm_up())
        stack.callback(warming.cancel)
        await dispatcher.resume(set(messengers))
        yield dispatcher, desk


def permissions(settings: Settings) -> Permissions:
    """Who may do what, beyond what the store knows of owners."""
    return Permissions(
        operators=settings.operators, anyone_creates=settings.avatar_creation == "anyone"
    )


def completion(settings: Settings, desk: Desk) -> Completion:
    """What a platform may ask while somebody is typing."""
    return Completion(desk.store, permissions=permissions(settings), clock=desk.clock)


async def _until_idle(store: Store) -> None:
    """Wait until no training runs and no notice is owed."""
    while (  # noqa: ASYNC110  (what is owed stands in the database: no event tells of it)
        await store.next_job_due() or await store.next_notice_due()
    ) is not None:
        await asyncio.sleep(IDLE_LOOK)


async def copy_installation(source: str, target: str) -> None:
    """Carry everything from one database to another, and print what was carried."""
    from storage.copying import copy

    async for each in copy(source, target):
        sys.stdout.write(f"{each.table}: {each.rows} rows, sha256 {each.checksum[:16]}\n")
    sys.stdout.write("Everything was carried over and compared.\n")


async def check_providers(settings: Settings) -> bool:
    """Print what works at every provider; whether all of it does."""
    from bot.checking import check

    good = True
    async with backends(settings) as served:
        async for line, works in check(
            settings.providers,
            chats={name: backend.chat for name, backend in served.items()},
            trainers={name: backend.trainer for name, backend in served.items()},
            keys=settings.keys,
        ):
            good = good and works
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return good


async def serve(settings: Settings) -> None:
    """Telegram and Discord, where there is a token; else the terminal. Returns when the terminal's
    input ends; ends by cancellation.
    """
    if settings.in_terminal:
        await _serve_terminal(settings)
    else:
        await _serve_platforms(settings)


async def _serve_platforms(settings: Settings) -> None:
    """One bot behind all platforms that are set up. What one of them refuses ends all; one that
    cannot be reached yet holds up neither the other nor the jobs.
    """
    messengers: dict[str, Messenger] = {}
    async with AsyncExitStack() as platforms, bot(settings, messengers) as (dispatcher, desk):
        serving: list[Coroutine[Any, Any, None]] = []
        if settings.telegram_token is not None:
            serving.append(_serve_telegram(settings, platforms, messengers, dispatcher))
        if settings.discord_token is not None:
            serving.append(_serve_discord(settings, platforms, messengers, dispatcher, desk))
        await _together(serving)


async def _serve_telegram(
    settings: Settings,
    platforms: AsyncExitStack,
    messengers: dict[str, Messenger],
    dispatcher: Dispatcher,
) -> None:
    from bot.telegram.platform import TelegramPlatform

    telegram = await platforms.enter_async_context(
        TelegramPlatform(settings.telegram_token or "", api_url=settings.telegram_api_url)
    )
    messengers[telegram.messenger.platform] = telegram.messenger
    log.info("serving Telegram as @%s", telegram.username)
    await dispatcher.resume({telegram.messenger.platform})
    await telegram.poll(dispatcher.receive)


async def _serve_discord(
    settings: Settings,
    platforms: AsyncExitStack,
    messengers: dict[str, Messenger],
    dispatcher: Dispatcher,
    desk: Desk,
) -> None:
    from bot.discord.platform import DiscordPlatform

    discord = await platforms.enter_async_context(
        DiscordPlatform(
            settings.discord_token or "",
            api_url=settings.discord_api_url,
            gateway_url=settings.discord_gateway_url,
        )
    )
    messengers[discord.messenger.platform] = discord.messenger
    log.info("serving Discord as %s", discord.username)
    log.info("to add it to a server, open %s", discord.invitation)
    await dispatcher.resume({discord.messenger.platform})
    await discord.serve(dispatcher.receive, completion(settings, desk))


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
    async with bot(settings, {messenger.platform: messenger}) as (dispatcher, desk):
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
