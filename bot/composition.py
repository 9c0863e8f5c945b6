"""The composition root: what is built from the settings, in which order it starts and ends."""

import asyncio
import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatar.conversation import Conversation
from avatar.errors import AvatarError
from avatar.exports import Exports
from avatar.importing import Imports
from avatar.invitations import Invitations
from avatar.learning_path import LearningPath
from avatar.limiter import Limiter
from avatar.linking import Linking
from avatar.looking import Looking
from avatar.meter import UNCOUNTED, Meter
from avatar.models import Models
from avatar.ports import Clock
from avatar.records import Incoming
from avatar.stores import Heard, Store
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
from bot.health import Health, connecting, routes
from bot.herald import BotHerald
from bot.inline import InlineAnswers
from bot.joining import Windows
from bot.lanes import LaneQueue
from bot.metrics import Metrics
from bot.overhearing import Ears
from bot.roles import Role
from bot.running import Running
from bot.screen import Messenger, Receive
from bot.settings import Settings
from bot.web import Web
from jobs.follower import Follower
from jobs.notices import Deliverer
from jobs.retention import Retention
from jobs.retirement import RetirementWatch
from jobs.scheduler import Scheduler
from storage.database import data_folder
from storage.sealing import Sealer
from storage.store import SqlStore, open_store

if TYPE_CHECKING:
    from bot.telegram.webhook import Webhooks
    from bot.terminal.interactive import Screen
    from modelserver.server import ModelServer

log = logging.getLogger(__name__)

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
async def ground(settings: Settings, *, clock: Clock = now) -> AsyncIterator[Ground]:
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
        yield Ground(store=store, queue=queue, ears=Ears(store, clock=clock))


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
            base = await stack.enter_async_context(ground(settings, clock=clock))
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
            imports=Imports(store, trainings=trainings),
            looking=Looking(store),
            teaching=Teaching(store),
            unlearning=Unlearning(store),
            exports=Exports(store, providers=providers, trainers=trainers),
            voices=Voices(
                store,
                providers=providers,
                transcribers={name: backend.transcriber for name, backend in served.items()},
                speakers={name: backend.speaker for name, backend in served.items()},
                clock=clock,
                meter=meter,
            ),
            conversation=Conversation(
                store,
                models={name: backend.chat for name, backend in served.items()},
                providers=providers,
                limiter=limiter,
                clock=clock,
                meter=meter,
            ),
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
    return Completion(store, permissions=permissions(settings), clock=clock)


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


async def backup_installation(settings: Settings, path: Path) -> None:
    """Write everything into one file, and print what was written."""
    from modelserver.copying import snapshot
    from storage.backup import backup

    with tempfile.TemporaryDirectory(prefix="avatar-bot-") as folder:
        data = data_folder(settings.database_url) / MODEL_SERVER

        def files() -> Mapping[str, Path]:
            found = snapshot(data, Path(folder))
            return {f"{MODEL_SERVER}/{name}": file for name, file in found.items()}

        kept = await backup(settings.database_url, path, files=files, now=now())
    rows = sum(each.rows or 0 for each in kept)
    count = sum(each.rows is None for each in kept)
    sys.stdout.write(
        f"{path}: {rows} rows and {count} files of the model server, read again and compared.\n"
    )


class NotRestored(AvatarError):
    """A bot is running on {folder}: stop it, then restore. Nothing was changed."""


async def restore_installation(settings: Settings, path: Path, *, force: bool) -> None:
    """Put everything of such a file back, and print what was put."""
    from modelserver.copying import unused
    from modelserver.shelf import FolderInUse
    from storage.backup import restore

    folder = data_folder(settings.database_url)
    try:
        with unused(folder / MODEL_SERVER):
            kept = await restore(
                settings.database_url,
                path,
                force=force,
                folder=folder,
                keep=frozenset({MODEL_SERVER}),
            )
    except FolderInUse as error:
        raise NotRestored(folder=folder / MODEL_SERVER, detail=str(error)) from error
    rows = sum(each.rows or 0 for each in kept)
    sys.stdout.write(f"{rows} rows of {path} are back and compared.\n")


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
    desk: Desk | None
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
    health, metrics = Health(), Metrics()
    webhooks = webhooks_of(settings) if role.receives else None
    async with AsyncExitStack() as platforms, ground(settings) as on, AsyncExitStack() as inner:
        dispatcher = desk = None
        if role is not Role.RECEIVER:
            built = bot(settings, messengers, meter=metrics, health=health, role=role, on=on)
            dispatcher, desk = await inner.enter_async_context(built)
        await inner.enter_async_context(web(settings, on.store, health, metrics, webhooks))
        share = _Share(
            role=role,
            settings=settings,
            on=on,
            messengers=messengers,
            dispatcher=dispatcher,
            desk=desk,
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


@asynccontextmanager
async def web(
    settings: Settings,
    store: Store,
    health: Health,
    metrics: Metrics,
    webhooks: "Webhooks | None" = None,
    *,
    clock: Clock = now,
) -> AsyncIterator[Web | None]:
    """The HTTP server, where a port is set for it."""
    if settings.http_port is None:
        yield None
        return
    served = Web(host=settings.http_host, port=settings.http_port)
    served.add(*routes(health, metrics, store, clock=clock))
    if webhooks is not None:
        served.add(webhooks.route)
    async with served:
        yield served


def sealer_of(settings: Settings) -> Sealer:
    """What seals the secrets that are remembered."""
    return Sealer(settings.secret_key, folder=data_folder(settings.database_url))


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

    settings, desk = share.settings, share.desk
    # Asked while somebody types, and answered at once by who receives: with no model at hand there
    # is nothing to answer with.
    ask = None if desk is None else InlineAnswers(desk.store, desk.conversation, clock=desk.clock)

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
    health, metrics = Health(), Metrics()
    async with (
        bot(settings, {messenger.platform: messenger}, meter=metrics, health=health) as (
            dispatcher,
            desk,
        ),
        web(settings, desk.store, health, metrics),
    ):
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
