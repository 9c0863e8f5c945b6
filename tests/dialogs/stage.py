"""Where whole conversations are tried: the real bot, in the terminal, on Telegram and on Discord.

The bot is the one of the composition root, with the real `openai` package talking HTTP to the real
model server, and a real SQLite file. Telegram is a server that stands in for the Bot API, reached
by the real python-telegram-bot; Discord one that stands in for its API and gateway, reached by the
real discord.py.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from avatar.ports import Clock
from avatar.providers import Providers, providers_for
from bot.commands import BY_NAME, Kind
from bot.composition import bot, completion, now
from bot.discord.pace import Pace as DiscordPace
from bot.discord.platform import DiscordPlatform
from bot.discord.slash import NUMBERS, here, option_name
from bot.dispatcher import Dispatcher
from bot.handlers.desk import Desk
from bot.inline import InlineAnswers
from bot.joining import Windows
from bot.screen import Messenger
from bot.serving import serve, webhooks_of
from bot.settings import Settings
from bot.telegram.accounts import TelegramAccounts
from bot.telegram.inline import InlineQueries
from bot.telegram.pace import Pace
from bot.telegram.platform import TelegramPlatform
from bot.terminal.messenger import TerminalMessenger
from bot.terminal.platform import LinePaper, Typed, author
from bot.web import Web
from bot.welcome import welcome
from modelserver.imitator.engine import Imitator
from modelserver.server import ModelServer
from tests.bot.telegram.make import FREE
from tests.standins import discord_api
from tests.standins.discord_api import Asked, DiscordStandIn
from tests.standins.telegram_api import ANN, Document, TelegramStandIn

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "malaysian.jsonl"
PACE = Pace(
    draft=0.01,
    refresh=5,
    edit=0.01,
    thinking=0,
    typing=5,
    patience=2,
    pause=0.01,
    poll=1,
    longest=0.05,
)

AT_ONCE = Windows(quiet=0.0)  # nobody is waited for
EMBEDDED = providers_for(api_key=None, base_url=None, base_model=None)
DISCORD_PACE = DiscordPace(
    edit=0.01,
    typing=5,
    patience=5,
    pause=0.01,
    longest=0.05,
    identify=0.01,
    servers=0.01,
    taking=0.01,
    form=2,
)


def model_server(folder: Path, *, word_seconds: float = 0.0) -> ModelServer:
    return ModelServer(folder, engine=Imitator(word_seconds=word_seconds), training_seconds=0.2)


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Something goes on while inside; it is cancelled at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def both_platforms(folder: Path) -> AsyncIterator[tuple[TelegramStandIn, DiscordStandIn]]:
    """The bot on Telegram and on Discord, with Ann on Discord as its operator."""
    async with DiscordStandIn() as discord, TelegramStandIn() as telegram:
        settings = Settings(
            telegram_token=telegram.token,
            telegram_api_url=telegram.url,
            discord_token=discord.token,
            discord_api_url=discord.api_url,
            discord_gateway_url=discord.gateway_url,
            database_url=f"sqlite+aiosqlite:///{folder}/avatar.db",
            operators=frozenset({("discord", str(discord_api.ANN))}),
            poll_seconds=0.1,
        )
        async with meanwhile(serve(settings)):
            await discord.heard()
            yield telegram, discord


class Stage(Protocol):
    """One person at one platform."""

    desk: Desk
    dispatcher: Dispatcher

    async def say(self, text: str) -> str:
        """Everything that is shown in answer."""
        ...

    async def press(self, label: str) -> str:
        """Press the newest button of that label."""
        ...

    async def train(self, path: Path) -> str:
        """Send a file to /train."""
        ...

    async def waited(self) -> str:
        """What is shown until no training runs and no notice is owed, since the last thing was
        said: a notice may come before anybody waits for it.
        """
        ...


async def play(stage: Stage, table: Sequence[tuple[str, str]]) -> None:
    """Say the left side and look for the right one; "!x" must not be there. `[Label]` presses."""
    for said, expected in table:
        if said == "(wait)":
            shown = await stage.waited()
        elif said == "(train)":
            shown = await stage.train(EXAMPLES)
        elif said.startswith("["):
            shown = await stage.press(said.strip("[]"))
        else:
            shown = await stage.say(said)
        for part in expected.split(" & "):
            if part.startswith("!"):
                assert part[1:] not in shown, f"{said!r} showed {part[1:]!r}:\n{shown}"
            else:
                assert part in shown, f"{said!r} did not show {part!r}:\n{shown}"


class TerminalStage:
    def __init__(
        self, out: io.StringIO, messenger: TerminalMessenger, dispatcher: Dispatcher, desk: Desk
    ) -> None:
        self._out = out
        self._messenger = messenger
        self._typed = Typed(messenger)
        self._since = 0
        self.dispatcher = dispatcher
        self.desk = desk

    async def say(self, text: str) -> str:
        start = self._since = len(self._out.getvalue())
        incoming = self._typed.incoming(text)
        await self.dispatcher.receive(incoming)
        await self.dispatcher.settled(incoming)
        return self._out.getvalue()[start:]

    async def press(self, label: str) -> str:
        labels = [button.label for button in self._messenger.buttons]
        assert label in labels, f"no button {label!r}, only {labels}"
        return await self.say(str(labels.index(label) + 1))

    async def train(self, path: Path) -> str:
        return await self.say(f"/train {path}")

    async def waited(self) -> str:
        await self.desk.idle()
        return self._out.getvalue()[self._since :]


@asynccontextmanager
async def terminal_stage(
    folder: Path,
    *,
    word_seconds: float = 0.0,
    clock: Clock = now,
    providers: Providers | None = None,
    database_url: str | None = None,
) -> AsyncIterator[TerminalStage]:
    """The bot at a terminal without a person; what is typed is the operator's."""
    out = io.StringIO()
    messenger = TerminalMessenger(LinePaper(out))
    person = author()
    settings = Settings(
        database_url=database_url or f"sqlite+aiosqlite:///{folder}/avatar.db",
        operators=frozenset({(person.platform, person.external_id)}),
        poll_seconds=0.1,
        providers=providers or EMBEDDED,
    )
    serving = partial(model_server, word_seconds=word_seconds)
    built = bot(settings, {"terminal": messenger}, model_server=serving, clock=clock)
    async with built as (dispatcher, desk):
        await welcome(desk, person)
        yield TerminalStage(out, messenger, dispatcher, desk)


class TelegramStage:
    def __init__(
        self, standin: TelegramStandIn, dispatcher: Dispatcher, desk: Desk, user: int = ANN
    ) -> None:
        self.standin = standin
        self.dispatcher = dispatcher
        self.desk = desk
        self.user = user
        self._since: dict[int, str] = {}

    async def say(self, text: str) -> str:
        before = self._since = self._seen()
        # /why is said in answer to the avatar's last message.
        reply_to = max(before) if text == "/why" else None
        self.standin.say(text, chat=self.user, reply_to=reply_to)
        return await self._answer(before)

    async def press(self, label: str) -> str:
        before = self._since = self._seen()
        self.standin.press(label, chat=self.user)
        return await self._answer(before)

    async def train(self, path: Path) -> str:
        return await self.send("/train", Document(name=path.name, content=path.read_bytes()))

    async def send(self, text: str, document: Document) -> str:
        """A file, and the words under it."""
        before = self._since = self._seen()
        self.standin.say(text, chat=self.user, document=document)
        return await self._answer(before)

    async def forge(self, code: str) -> str:
        """Press a button that nobody was shown, under a message of one's own."""
        before = self._seen()
        place = {"message_id": max(before), "date": 1, "text": "x"}
        place["chat"] = {"id": self.user, "type": "private", "first_name": "Forger"}
        self.standin.press_forged(code, place, user=self.user)
        return await self._answer(before)

    async def waited(self) -> str:
        await self.desk.idle()
        return self._news(self._since)

    async def settled(self) -> None:
        """Wait until all that the bot was told is answered."""
        await self.standin.taken()
        await self.dispatcher.quiet()
        await self.standin.settled(quiet=0.03)  # what nobody waits for: a press is confirmed

    def elsewhere(self, *, user: int, standin: TelegramStandIn | None = None) -> "TelegramStage":
        """Another person, or another bot, of the same installation."""
        return TelegramStage(standin or self.standin, self.dispatcher, self.desk, user=user)

    async def _answer(self, before: dict[int, str]) -> str:
        await self.settled()
        return self._news(before)

    def _seen(self) -> dict[int, str]:
        return {
            id_: "\n".join([shown.text, *(f"[{label}]" for label in shown.labels)])
            for id_, shown in self.standin.messages(self.user).items()
        }

    def _news(self, before: dict[int, str]) -> str:
        return "\n\n".join(text for id_, text in self._seen().items() if before.get(id_) != text)


@asynccontextmanager
async def telegram_stage(
    folder: Path,
    *,
    operators: tuple[int, ...] = (ANN,),
    clock: Clock = now,
    windows: Windows = AT_ONCE,
    providers: Providers | None = None,
    serving: Callable[[Path], ModelServer] | None = None,
    standin: TelegramStandIn | None = None,
    pushed: bool = False,
    poll_seconds: float = 0.1,
    anyone_creates: bool = False,
) -> AsyncIterator[TelegramStage]:
    """The bot on Telegram, with Ann as its operator and an avatar called Demo that she owns.
    `pushed`: Telegram hands updates over by webhooks.
    """
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(standin or TelegramStandIn())
        settings = Settings(
            telegram_token=server.token,
            telegram_api_url=server.url,
            database_url=f"sqlite+aiosqlite:///{folder}/avatar.db",
            operators=frozenset({("telegram", str(id_)) for id_ in operators}),
            poll_seconds=poll_seconds,
            providers=providers or EMBEDDED,
            telegram_webhook_url="http://127.0.0.1" if pushed else None,
            avatar_creation="anyone" if anyone_creates else "operators",
        )
        web, webhooks = Web(), webhooks_of(settings)
        if webhooks is not None:
            web.add(webhooks.route)
            await stack.enter_async_context(web)
            webhooks.moved(web.url)

        messengers: dict[str, Messenger] = {}
        platforms = await stack.enter_async_context(AsyncExitStack())
        built = bot(
            settings,
            messengers,
            model_server=serving or model_server,
            clock=clock,
            windows=windows,
        )
        dispatcher, desk = await stack.enter_async_context(built)
        ask = InlineAnswers(
            desk.store, desk.conversation, clock=clock, operators=settings.operators
        )

        def connect(token: str) -> TelegramPlatform:
            inline = InlineQueries(ask, pause=0.05)
            return TelegramPlatform(
                token, api_url=server.url, pace=PACE, limits=FREE, inline=inline
            )

        main = await platforms.enter_async_context(connect(server.token))
        telegram = await platforms.enter_async_context(
            TelegramAccounts(
                main,
                desk.store,
                connect=connect,
                webhooks=webhooks,
                look_seconds=2 * poll_seconds,
                again_seconds=0.1,
            )
        )
        messengers["telegram"] = telegram
        await dispatcher.resume({"telegram"})
        await stack.enter_async_context(meanwhile(telegram.serve(dispatcher.receive)))
        stage = TelegramStage(server, dispatcher, desk)
        await stage.say("/newavatar Demo")
        yield stage


def as_slash(text: str) -> tuple[str, dict[str, str | int]] | None:
    """The slash command that a person would use for a typed one. None: Discord's client would not
    let them send it so, and it is an ordinary message.
    """
    name, _, rest = text.removeprefix("/").partition(" ")
    command = BY_NAME.get(name)
    if not text.startswith("/") or command is None or command not in here([command]):
        return None
    values: dict[str, str | int] = {}
    for parameter in command.parameters:
        rest = rest.strip()
        word, _, behind = rest.partition(" ")
        if parameter.kind is Kind.TEXT:
            word, behind = rest, ""
        if not word or parameter.kind is Kind.FILE:
            if parameter.required:
                return None
            break
        if parameter.kind in NUMBERS:
            if not (word.isascii() and word.isdigit() and 1 <= int(word) < 2**53):
                return None
            values[option_name(parameter)] = int(word)
        elif parameter.words and not parameter.open and word not in parameter.words:
            return None
        else:
            values[option_name(parameter)] = word
        rest = behind
    return None if rest.strip() else (name, values)


class DiscordStage:
    def __init__(
        self,
        standin: DiscordStandIn,
        platform: DiscordPlatform,
        dispatcher: Dispatcher,
        desk: Desk,
        *,
        user: int = discord_api.ANN,
        channel: int | None = None,
    ) -> None:
        self.standin = standin
        self.platform = platform
        self.dispatcher = dispatcher
        self.desk = desk
        self.user = user
        self.channel = channel or discord_api.DIRECT[user]
        self._since: dict[int, str] = {}

    async def say(self, text: str) -> str:
        before = self._since = self._seen()
        channel, user, standin = self.channel, self.user, self.standin
        if text == "/why":  # in the menu of the avatar's last message
            asked = standin.menu("Why this reply", max(before), channel=channel, user=user)
        elif (slash := as_slash(text)) is not None:
            asked = standin.slash(*slash, channel=channel, user=user)
        else:
            standin.say(text, channel=channel, user=user)
            return await self._answer(before)
        return await self._answer(before, asked)

    async def press(self, label: str) -> str:
        before = self._since = self._seen()
        self.standin.press(label, channel=self.channel, user=self.user)
        return await self._answer(before)

    async def train(self, path: Path) -> str:
        document = discord_api.Document(name=path.name, content=path.read_bytes())
        return await self.send("train", document)

    async def send(self, name: str, document: discord_api.Document) -> str:
        """A slash command with a file."""
        before = self._since = self._seen()
        self.standin.slash(name, channel=self.channel, user=self.user, document=document)
        return await self._answer(before)

    async def waited(self) -> str:
        await self.desk.idle()
        return self._news(self._since)

    def elsewhere(self, *, user: int, channel: int) -> "DiscordStage":
        """Another person, or another channel, of the same bot."""
        return DiscordStage(
            self.standin, self.platform, self.dispatcher, self.desk, user=user, channel=channel
        )

    async def _answer(self, before: dict[int, str], asked: Asked | None = None) -> str:
        await self.standin.settled()
        await self.platform.taken()
        await self.dispatcher.quiet()
        await self.standin.settled()
        form = asked.form_text if asked is not None else ""
        return "\n\n".join(filter(None, [form, self._news(before)]))

    def _seen(self) -> dict[int, str]:
        return {
            id_: "\n".join([shown.text, *(f"[{label}]" for label in shown.labels)])
            for id_, shown in self.standin.messages(self.channel).items()
        }

    def _news(self, before: dict[int, str]) -> str:
        return "\n\n".join(text for id_, text in self._seen().items() if before.get(id_) != text)


@asynccontextmanager
async def discord_stage(
    folder: Path,
    *,
    operators: tuple[int, ...] = (discord_api.ANN,),
    clock: Clock = now,
    windows: Windows = AT_ONCE,
    providers: Providers | None = None,
    standin: DiscordStandIn | None = None,
    poll_seconds: float = 0.1,
) -> AsyncIterator[DiscordStage]:
    """The bot on Discord, with Ann as its operator and an avatar called Demo that she owns."""
    async with standin or DiscordStandIn() as server:
        settings = Settings(
            discord_token=server.token,
            discord_api_url=server.api_url,
            discord_gateway_url=server.gateway_url,
            database_url=f"sqlite+aiosqlite:///{folder}/avatar.db",
            operators=frozenset({("discord", str(id_)) for id_ in operators}),
            poll_seconds=poll_seconds,
            providers=providers or EMBEDDED,
        )
        desks: list[Desk] = []

        async def picture_of(avatar_id: int) -> str | None:
            return await desks[0].store.picture(avatar_id)

        platform = DiscordPlatform(
            server.token,
            api_url=server.api_url,
            gateway_url=server.gateway_url,
            pace=DISCORD_PACE,
            picture_of=picture_of,
        )
        async with platform:
            messengers = {"discord": platform.messenger}
            built = bot(
                settings, messengers, model_server=model_server, clock=clock, windows=windows
            )
            async with built as (dispatcher, desk):
                desks.append(desk)
                offers = completion(settings, desk.store, clock=clock)
                async with meanwhile(platform.serve(dispatcher.receive, offers)):
                    await server.heard()
                    stage = DiscordStage(server, platform, dispatcher, desk)
                    await stage.say("/newavatar Demo")
                    yield stage


# By the name of a platform.
STAGES: Mapping[str, Callable[..., AbstractAsyncContextManager[Stage]]] = {
    "terminal": terminal_stage,
    "telegram": telegram_stage,
    "discord": discord_stage,
}
