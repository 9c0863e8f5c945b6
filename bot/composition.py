"""The composition root: what is built from the settings, in which order it starts and ends."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from avatar.conversation import Conversation
from avatar.exports import Exports
from avatar.importing import Imports
from avatar.incoming import Incoming
from avatar.invitations import Invitations
from avatar.learning_path import LearningPath
from avatar.limiter import Limiter
from avatar.linking import Linking
from avatar.looking import Looking
from avatar.meter import UNCOUNTED, Meter
from avatar.models import Models
from avatar.ports import Clock
from avatar.stores import Store
from avatar.teaching import Teaching
from avatar.training import Trainings
from avatar.unlearning import Unlearning
from avatar.voices import Voices
from avatar.work import WorkQueue
from backends.backend import Backend
from bot.completion import Completion
from bot.dispatcher import Dispatcher, Permissions, passes
from bot.handlers import Handlers
from bot.handlers.desk import Desk
from bot.health import Health
from bot.herald import BotHerald
from bot.joining import Windows
from bot.lanes import LaneQueue
from bot.overhearing import Ears
from bot.roles import Role
from bot.running import Running
from bot.screen import Messenger
from bot.settings import Settings
from jobs.follower import Follower
from jobs.notices import Deliverer
from jobs.retention import Retention
from jobs.retirement import RetirementWatch
from jobs.scheduler import Scheduler
from jobs.timekeeping import Timekeeper
from storage.database import data_folder
from storage.sealing import Sealer
from storage.store import SqlStore, open_store

if TYPE_CHECKING:
    from modelserver.server import ModelServer


# Seconds that replies in progress get at the end. With what platforms and servers take before and
# after (bot/discord: 1.5, bot/web: 1, the model server: 1) the process is gone within ten.
GRACE = 5.0
MODEL_SERVER = "modelserver"  # its folder, beside the database
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
                    data_folder(settings.database_url) / MODEL_SERVER
                )
                base_url = (await stack.enter_async_context(server)).base_url
            made[provider.name] = Backend(
                provider, api_key=settings.keys.get(provider.name), base_url=base_url
            )
            stack.push_async_callback(made[provider.name].aclose)
        yield made


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What every process of an installation stands on."""

    store: SqlStore
    queue: WorkQueue
    ears: Ears

    async def receive(self, *incoming: Incoming) -> None:
        """Take what a platform hands over: what is to be answered lies in the inbox then."""
        await self.queue.put(*await self.ears.kept(incoming))


@asynccontextmanager
async def ground(
    settings: Settings, *, clock: Clock = now, windows: Windows | None = None
) -> AsyncIterator[Ground]:
    """The store, and the queue behind the inbox: in this process, or, on PostgreSQL, one that many
    processes share. The terminal's person sits at one process, so its queue is there.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(settings.database_url, sealer=sealer_of(settings))
        )
        queue: WorkQueue
        if settings.in_terminal or store.database.is_sqlite:
            queue = LaneQueue(store, passes=passes, clock=clock)
        else:
            from storage.queue import open_queue

            queue = await stack.enter_async_context(
                open_queue(
                    store, passes=passes, concurrency=settings.worker_concurrency, clock=clock
                )
            )
        # Telegram hands over by webhooks to whichever process it reaches.
        others_hear = settings.telegram_webhook_url is not None and not store.database.is_sqlite
        ears = Ears(store, clock=clock, windows=windows, inbox=store if others_hear else None)
        yield Ground(store=store, queue=queue, ears=ears)


@asynccontextmanager
async def bot(
    settings: Settings,
    messengers: Mapping[str, Messenger],
    *,
    model_server: "Callable[[Path], ModelServer] | None" = None,
    clock: Clock = now,
    windows: Windows | None = None,
    meter: Meter = UNCOUNTED,
    health: Health | None = None,
    role: Role = Role.ALL,
    on: Ground | None = None,
) -> AsyncIterator[tuple[Dispatcher, Desk]]:
    """Everything but the platforms: the way in, and the use-cases. `on` is what it stands on, where
    that is known to others already.
    """
    async with AsyncExitStack() as stack:
        base = on
        if base is None:
            base = await stack.enter_async_context(ground(settings, clock=clock, windows=windows))
        store, queue = base.store, base.queue
        served = await stack.enter_async_context(backends(settings, model_server))
        providers = settings.providers
        trainers = {name: backend.trainer for name, backend in served.items()}
        scheduler = _scheduler(settings, store, messengers, served=served, clock=clock, meter=meter)
        nudge = scheduler.nudge if role.follows else queue.nudge
        limiter = Limiter(store, limits=settings.limits, operators=settings.operators)
        trainings = Trainings(store, providers=providers, limiter=limiter, nudge=nudge)
        desk = Desk(
            store=store,
            learning_path=LearningPath(store),
            trainings=trainings,
            imports=Imports(store, trainings=trainings, region=settings.phone_region),
            looking=Looking(store),
            teaching=Teaching(store),
            unlearning=Unlearning(store),
            exports=Exports(store, providers=providers, trainers=trainers),
            voices=Voices(
                store,
                providers=providers,
                transcribers={name: backend.transcriber for name, backend in served.items()},
                speakers={name: backend.speaker for name, backend in served.items()},
                limiter=limiter,
                clock=clock,
                meter=meter,
            ),
            conversation=_conversation(settings, store, served, clock=clock, meter=meter),
            invitations=Invitations(store),
            limiter=limiter,
            linking=Linking(store),
            models=Models(store, providers=providers, trainers=trainers),
            providers=providers,
            trainers=trainers,
            running=Running(queue),
            clock=clock,
            meter=meter,
            keeps=settings.messages_keep,
            idle=partial(_until_idle, store),
        )
        handlers = Handlers(desk)
        dispatcher = Dispatcher(
            store,
            queue=queue,
            ears=base.ears,
            messengers=messengers,
            commands=handlers.commands,
            presses=handlers.presses,
            chat=handlers.chat,
            ways=handlers.ways,
            reactions=handlers.reactions,
            windows=windows,
            permissions=permissions(settings),
            clock=clock,
            meter=meter,
        )
        if role.follows:
            if health is not None:
                health.parts["jobs"] = scheduler.fault
            await stack.enter_async_context(scheduler.running())
            await queue.nudges(scheduler.nudge)
        stack.push_async_callback(_end, dispatcher, scheduler)
        if role.answers:
            warming = asyncio.create_task(served[providers.default.name].warm_up())
            stack.callback(warming.cancel)
            await dispatcher.resume(set(messengers))
        yield dispatcher, desk


@asynccontextmanager
async def conversation_on(
    settings: Settings, on: Ground, *, clock: Clock = now, meter: Meter = UNCOUNTED
) -> AsyncIterator[Conversation]:
    """For a process that only takes what comes in, and is asked things that nobody waits long for:
    those do not lie in the inbox.
    """
    async with backends(settings) as served:
        yield _conversation(settings, on.store, served, clock=clock, meter=meter)


def _conversation(
    settings: Settings,
    store: Store,
    served: Mapping[str, Backend],
    *,
    clock: Clock,
    meter: Meter,
) -> Conversation:
    return Conversation(
        store,
        models={name: backend.chat for name, backend in served.items()},
        providers=settings.providers,
        limiter=Limiter(store, limits=settings.limits, operators=settings.operators),
        clock=clock,
        meter=meter,
    )


async def _end(dispatcher: Dispatcher, scheduler: Scheduler) -> None:
    """Replies and jobs in progress get their seconds side by side: all of it ends within ten."""
    await asyncio.gather(dispatcher.close(grace=GRACE), scheduler.finish())


def _scheduler(
    settings: Settings,
    store: Store,
    messengers: Mapping[str, Messenger],
    *,
    served: Mapping[str, Backend],
    clock: Clock,
    meter: Meter,
) -> Scheduler:
    """What follows, delivers and watches, under leases that carry this process's name."""
    herald = BotHerald(store, messengers)
    trainers = {name: backend.trainer for name, backend in served.items()}
    owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
    poll = timedelta(seconds=settings.poll_seconds)
    return Scheduler(
        follower=Follower(
            store,
            trainers=trainers,
            moderators={
                name: backend.moderator
                for name, backend in served.items()
                if backend.moderator is not None
            },
            providers=settings.providers,
            herald=herald,
            poll=poll,
            owner=owner,
            clock=clock,
            meter=meter,
        ),
        deliverer=Deliverer(store, herald=herald, owner=owner, clock=clock, meter=meter),
        watch=RetirementWatch(store, trainers=trainers, providers=settings.providers),
        retention=Retention(store, keep=settings.messages_keep),
        timekeeper=Timekeeper(store, poll=poll),
        poll=poll,
        clock=clock,
    )


def permissions(settings: Settings) -> Permissions:
    """Who may do what, beyond what the store knows of owners."""
    return Permissions(
        operators=settings.operators, anyone_creates=settings.avatar_creation == "anyone"
    )


def completion(settings: Settings, store: Store, *, clock: Clock = now) -> Completion:
    """What a platform may ask while somebody is typing."""
    return Completion(
        store, permissions=permissions(settings), providers=settings.providers, clock=clock
    )


async def _until_idle(store: Store) -> None:
    """Wait until no training runs and no notice is owed."""
    while (  # noqa: ASYNC110  (what is owed stands in the database: no event tells of it)
        await store.next_job_due() or await store.next_notice_due()
    ) is not None:
        await asyncio.sleep(IDLE_LOOK)


def sealer_of(settings: Settings) -> Sealer:
    """What seals the secrets that are remembered."""
    return Sealer(settings.secret_key, folder=data_folder(settings.database_url))
