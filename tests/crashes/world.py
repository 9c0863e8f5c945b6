"""What outlives a process that dies: a database, a provider, and a chat in which people read."""

import asyncio
import copy
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avatar.incoming import Incoming
from avatar.ports import ChatRequest, Ended
from avatar.providers import providers_for
from avatar.records import Address, Attachment, Author, Finish, Usage
from bot import composition
from bot.commands import Command
from bot.dispatcher import Dispatcher
from bot.handlers.desk import Desk
from bot.screen import Button, Content, Speaker
from bot.settings import Settings
from bot.wording import PERHAPS_AGAIN
from storage.database import Database
from tests.avatar.make import NOW
from tests.crashes.death import Death, Killed
from tests.dialogs.stage import AT_ONCE, EXAMPLES
from tests.jobs.world import Remote

ADDRESS = Address(platform="telegram", chat="1")
ANN = Author(platform="telegram", external_id="1", name="Ann")
AFTER = timedelta(minutes=3)  # that a dead process stays dead: longer than any lease


class Clock:
    """Jumps ahead while a process is dead."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return NOW + self.ahead + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class Chat:
    """Fulfils `bot.screen.Messenger`; what stands in the one chat there is."""

    platform: str = "telegram"
    shown: dict[str, Content] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        id_ = str(len(self.shown) + 1)
        self.shown[id_] = content
        return (id_,)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        self.shown[message_id] = content

    def texts(self) -> list[str]:
        return [content.text for content in self.shown.values()]

    def button(self, label: str) -> tuple[str, Button]:
        """The newest of that label, and the message it stands under."""
        for id_, content in reversed(self.shown.items()):
            for row in content.buttons:
                for button in row:
                    if button.label.startswith(label):
                        return id_, button
        raise AssertionError(f"no button {label!r} in {self.texts()}")


class Hand:
    """A process's messenger: calls that change the chat are steps."""

    platform = "telegram"

    def __init__(self, chat: Chat, death: Death) -> None:
        self._mortal = death.around(chat, "platform")

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        ids: tuple[str, ...] = await self._mortal.send(address, content)
        return ids

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        await self._mortal.edit(address, message_id, content)

    def open_sight(
        self,
        address: Address,
        *,
        reply_to: str | None = None,
        private: bool = True,
        stop: Button | None = None,
        speaker: Speaker | None = None,
        in_place_of: Sequence[str] = (),
    ) -> "Sight":
        return Sight(self, address)

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
        raise NotImplementedError  # no avatar here has a voice

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        return address, message_id

    @asynccontextmanager
    async def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AsyncIterator[Path]:
        yield Path(attachment.ref)

    def aside(self, incoming: Incoming) -> Address:
        return incoming.address

    async def administers(self, incoming: Incoming) -> bool:
        return True

    async def hears_all(self, address: Address) -> bool:
        return True

    def link(self, code: str) -> str:
        return ""

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        pass


class Sight:
    """Nothing is seen of a reply before its end."""

    def __init__(self, hand: Hand, address: Address) -> None:
        self._hand, self._address = hand, address

    def show(self, text: str) -> None:
        pass

    async def finish(self, content: Content) -> tuple[str, ...]:
        return await self._hand.send(self._address, content)

    async def close(self) -> None:
        pass


class Model:
    """Fulfils `avatar.ports.ChatModel`."""

    def __init__(self, death: Death) -> None:
        self._death = death

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Ended]:
        self._death.step("provider.stream: not asked")
        yield f"You said {request.turns[-1].text}"
        self._death.step("provider.stream: in the middle")
        yield ", I heard."
        usage = Usage(prompt_tokens=10, completion_tokens=5)
        yield Ended(finish=Finish.STOP, usage=usage)
        self._death.step("provider.stream: answered")


class Backend:
    """What the composition root takes for a provider."""

    def __init__(self, remote: Remote, death: Death) -> None:
        self.chat = Model(death)
        self.trainer = death.around(remote, "provider")
        self.transcriber = self.speaker = self.moderator = None

    async def warm_up(self) -> None:
        pass


@dataclass(frozen=True)
class Said:
    """Somebody writes, or presses the newest button of a label."""

    text: str = ""
    press: str = ""
    file: bool = False


WAIT = Said()  # until no training runs and no notice is owed
Walk = Sequence[Said]


@dataclass
class Process:
    """One life of the bot."""

    world: "World"
    dispatcher: Dispatcher
    desk: Desk

    async def take(self, number: int, said: Said) -> None:
        """What the platform hands over, until it is answered."""
        if said is WAIT:
            await self.desk.idle()
            return
        await self.dispatcher.receive(self.world.incoming(number, said))
        await self.dispatcher.quiet()


class World:
    """Outlives processes."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, like: "World | None" = None
    ) -> None:
        """With `like`, one in which the same happened."""
        self.folder = folder
        folder.mkdir()
        self.chat, self.remote, self.clock = Chat(), Remote(), Clock()
        if like is not None:
            shutil.copyfile(like.folder / "avatar.db", folder / "avatar.db")
            self.chat.shown |= like.chat.shown
            self.remote = copy.deepcopy(like.remote)
            self.clock.ahead = like.clock() - NOW
        self.url = f"sqlite+aiosqlite:///{folder}/avatar.db"
        self._monkeypatch = monkeypatch
        self._writing, self._write = Database.writing, Database.write
        self._handed: dict[int, Incoming] = {}  # a platform hands over the same again

    def incoming(self, number: int, said: Said) -> Incoming:
        if number not in self._handed:
            under, action = f"in {self.folder.name} {number}", None
            if said.press:
                under, button = self.chat.button(said.press)
                action = button.action
            attachment = Attachment(
                ref=str(EXAMPLES), name=EXAMPLES.name, size=None, kind="document"
            )
            self._handed[number] = Incoming(
                update_id=f"{self.folder.name}/{number}",
                address=ADDRESS,
                author=ANN,
                message_id=under,
                sent_at=self.clock(),
                text=said.text,
                attachments=(attachment,) if said.file else (),
                action=action,
            )
        return self._handed[number]

    @asynccontextmanager
    async def process(self, death: Death) -> AsyncIterator[Process]:
        """A life, which may end in between."""

        @asynccontextmanager
        async def backends(*_: object) -> AsyncIterator[Mapping[str, Any]]:
            yield {"openai": Backend(self.remote, death)}

        settings = Settings(
            telegram_token="123456:" + "a" * 35,
            database_url=self.url,
            operators=frozenset({("telegram", "1")}),
            poll_seconds=0.1,
            providers=providers_for(api_key="k", base_url=None, base_model=None),
        )
        with self._monkeypatch.context() as patch:
            patch.setattr(composition, "backends", backends)
            patch.setattr(composition, "GRACE", 0.1)
            patch.setattr(Database, "writing", death.writing(self._writing))
            patch.setattr(Database, "write", death.write(self._write))
            messengers = {"telegram": Hand(self.chat, death)}
            built = composition.bot(settings, messengers, clock=self.clock, windows=AT_ONCE)
            with suppress(Killed, BaseExceptionGroup):
                async with built as (dispatcher, desk):
                    yield Process(self, dispatcher, desk)

    async def live(self, walk: Walk, *, begin: int, death: Death) -> int:
        """Take a walk from a place on until its end, or death; how far it came."""
        place = begin
        async with self.process(death) as process:

            async def go() -> None:
                nonlocal place
                for place in range(begin, len(walk)):
                    await process.take(place, walk[place])
                    if death.came.is_set():
                        return  # what was being answered will not be
                await process.dispatcher.quiet()
                await process.desk.idle()

            going = asyncio.ensure_future(go())
            dying = asyncio.ensure_future(death.came.wait())
            await asyncio.wait({going, dying}, return_when=asyncio.FIRST_COMPLETED)
            dying.cancel()
            if death.came.is_set():
                going.cancel()
                with suppress(BaseException):
                    await going
            else:
                await going
        return place

    def unmarked(self) -> list[str]:
        """What stands in the chat and does not say that it may be a repetition."""
        return [text for text in self.chat.texts() if PERHAPS_AGAIN not in text]
