"""The composition root: what is built from the settings, in which order it starts and ends."""

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from avatar.conversation import Conversation
from avatar.learning_path import LearningPath
from avatar.ports import Clock, Store
from avatar.providers import EMBEDDED, Provider, provider_for
from avatar.training import Trainings
from backends.backend import Backend
from bot.dispatcher import Dispatcher, Permissions
from bot.handlers import Handlers
from bot.handlers.desk import Desk
from bot.herald import BotHerald
from bot.screen import Messenger
from bot.settings import Settings
from jobs.follower import Follower
from jobs.notices import Deliverer
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
async def _backend(
    settings: Settings, model_server: "Callable[[Path], ModelServer] | None"
) -> AsyncIterator[tuple[Provider, Backend]]:
    """The provider that the settings name; with none, the model server in this process."""
    async with AsyncExitStack() as stack:
        provider = provider_for(api_key=settings.openai_api_key, base_url=settings.openai_base_url)
        base_url = settings.openai_base_url
        if provider is EMBEDDED:
            from modelserver.server import ModelServer

            server = (model_server or ModelServer)(
                data_folder(settings.database_url) / "modelserver"
            )
            base_url = (await stack.enter_async_context(server)).base_url
        backend = Backend(
            api_key=settings.openai_api_key,
            base_url=base_url,
            hyperparameters=provider.hyperparameters,
        )
        stack.push_async_callback(backend.aclose)
        yield provider, backend


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
        provider, backend = await stack.enter_async_context(_backend(settings, model_server))
        herald = BotHerald(store, messengers)
        owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
        poll = timedelta(seconds=settings.poll_seconds)
        scheduler = Scheduler(
            follower=Follower(
                store,
                trainers={provider.name: backend.trainer},
                herald=herald,
                poll=poll,
                owner=owner,
                clock=clock,
            ),
            deliverer=Deliverer(store, herald=herald, owner=owner, clock=now),
            store=store,
            poll=poll,
            clock=clock,
        )

        desk = Desk(
            store=store,
            learning_path=LearningPath(store),
            trainings=Trainings(store, provider=provider, nudge=scheduler.nudge),
            conversation=Conversation(
                store,
                models={provider.name: backend.chat},
                providers={provider.name: provider},
                clock=clock,
            ),
            providers={provider.name: provider},
            trainers={provider.name: backend.trainer},
            provider=provider,
            base_model=settings.base_model or provider.base_model or "",
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
            permissions=Permissions(
                operators=settings.operators,
                anyone_creates=settings.avatar_creation == "anyone",
            ),
            clock=clock,
        )
        await stack.enter_async_context(scheduler.running())
        stack.push_async_callback(dispatcher.close, grace=GRACE)
        warming = asyncio.create_task(backend.warm_up())
        stack.callback(warming.cancel)
        if waiting := await dispatcher.resume():
            log.info("%s messages were not answered when the last process ended", waiting)
        yield dispatcher, desk


async def _until_idle(store: Store) -> None:
    """Wait until no training runs and no notice is owed."""
    while (  # noqa: ASYNC110  (what is owed stands in the database: no event tells of it)
        await store.next_job_due() or await store.next_notice_due()
    ) is not None:
        await asyncio.sleep(IDLE_LOOK)


async def serve(settings: Settings) -> None:
    """Telegram, when there is a token; else the terminal. Returns when the terminal's input ends;
    ends by cancellation.
    """
    if settings.telegram_token is not None:
        await _serve_telegram(settings, settings.telegram_token)
    else:
        await _serve_terminal(settings)


async def _serve_telegram(settings: Settings, token: str) -> None:
    from bot.telegram.platform import TelegramPlatform

    async with TelegramPlatform(token, api_url=settings.telegram_api_url) as platform:
        messenger = platform.messenger
        async with bot(settings, {messenger.platform: messenger}) as (dispatcher, _):
            log.info("serving Telegram as @%s", platform.username)
            await platform.poll(dispatcher.receive)


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
