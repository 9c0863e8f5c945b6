"""What is said in the terminal: the `Messenger` for one person on one screen."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from avatar.errors import BadText
from avatar.incoming import Incoming
from avatar.language import tr
from avatar.records import Address, Attachment
from avatar.text import visible
from bot.commands import Command
from bot.downloads import larger
from bot.screen import Button, Content, File, Sight, Speaker

ADDRESS = Address(platform="terminal", chat="terminal")


class Paper(Protocol):
    """Where it is written: plain lines, or a terminal with colours. Nothing reaches it that would
    steer a terminal, whatever a model says.
    """

    def content(self, content: Content) -> None:
        """A whole message."""
        ...

    def progress(self, content: Content) -> None:
        """Something that changes quietly."""
        ...

    def reply(self) -> "ReplyPaper":
        """Begin a reply that grows."""
        ...


class ReplyPaper(Protocol):
    """A reply that grows."""

    def grow(self, text: str) -> None:
        """The whole text so far."""
        ...

    def end(self, content: Content) -> None:
        """The final text."""
        ...

    def close(self) -> None:
        """Stop, whatever was shown. Can be called twice."""
        ...


class TerminalMessenger:
    """Fulfils `bot.screen.Messenger`. Ids of messages grow, also over restarts."""

    platform = "terminal"

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._next = time.time_ns() // 1000
        self.buttons: tuple[Button, ...] = ()  # of what was shown last, in order
        self.shown_id = ""  # of what was shown last

    def new_id(self) -> str:
        self._next += 1
        return str(self._next)

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """Print it."""
        return (self._show(content),)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        """Print it anew: a terminal cannot take lines back. Quiet edits go where they fit."""
        if quiet:
            self._paper.progress(_harmless(content))
        else:
            self._show(content)

    def _show(self, content: Content) -> str:
        if content.file is not None:
            content = replace(content, text=f"{content.text}\n\n{_kept(content.file)}")
        self._paper.content(_harmless(content))
        return self.noted(content)

    def noted(self, content: Content) -> str:
        """Remember what was shown last, for the numbers of its buttons."""
        self.buttons = tuple(button for row in content.buttons for button in row)
        self.shown_id = self.new_id()
        return self.shown_id

    def open_sight(
        self,
        address: Address,
        *,
        reply_to: str | None = None,
        private: bool = True,
        stop: Button | None = None,
        speaker: Speaker | None = None,
        in_place_of: Sequence[str] = (),
    ) -> Sight:
        """Begin to show a reply."""
        return _TerminalSight(self, self._paper.reply())

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
        """As a file: a terminal is silent."""
        return (
            self._show(
                Content(text=tr("As a voice message:"), file=File(name="answer.ogg", content=sound))
            ),
        )

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        """The person's own file."""
        return _own_file(Path(attachment.ref), attachment.name, limit)

    def aside(self, incoming: Incoming) -> Address:
        """There is nobody else."""
        return incoming.address

    async def administers(self, incoming: Incoming) -> bool:
        """Whoever sits there runs it."""
        return True

    async def hears_all(self, address: Address) -> bool:
        """Every line is for the bot."""
        return True

    def link(self, code: str) -> str:
        """There are no links."""
        return ""

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        """It stands where it was sent."""
        return address, message_id

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """The terminal completes commands by itself."""


def _harmless(content: Content) -> Content:
    """Without control characters: they would move the cursor, rename the window, hide lines."""
    rows = tuple(
        tuple(replace(button, label=visible(button.label)) for button in row)
        for row in content.buttons
    )
    return replace(content, text=visible(content.text), buttons=rows)


def _kept(file: File) -> str:
    """Put a file where the person is; what to tell them of it."""
    path = Path(file.name)
    number = 1
    while path.exists():  # never in place of something of theirs
        number += 1
        path = Path(f"{Path(file.name).stem}-{number}{Path(file.name).suffix}")
    try:
        path.write_bytes(file.content)
    except OSError:
        return tr("The file {file} could not be written here.", file=file.name)
    return tr("Written to the file {path}.", path=path)


@asynccontextmanager
async def _own_file(path: Path, name: str, limit: int) -> AsyncIterator[Path]:
    def problem() -> str | None:
        try:
            if not path.exists():
                return tr("There is no file {file}. Check its path.", file=name)
            if not path.is_file():
                return tr("{file} is not an ordinary file.", file=name)
            if path.stat().st_size > limit:
                return larger(name, limit)
            with path.open("rb"):
                return None
        except (OSError, ValueError):
            return tr("The file {file} cannot be read. Check its path and permissions.", file=name)

    if (reason := await asyncio.to_thread(problem)) is not None:
        raise BadText(reason=reason)
    yield path


class _TerminalSight:
    """Fulfils `bot.screen.Sight`."""

    def __init__(self, messenger: TerminalMessenger, paper: ReplyPaper) -> None:
        self._messenger = messenger
        self._paper = paper

    def show(self, text: str) -> None:
        self._paper.grow(visible(text))

    async def finish(self, content: Content) -> tuple[str, ...]:
        self._paper.end(_harmless(content))
        return (self._messenger.noted(content),)

    async def close(self) -> None:
        self._paper.close()
