"""From what is typed to `Incoming`, and the two ways of reading it."""

import asyncio
import getpass
import itertools
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO

from avatar.incoming import Incoming
from avatar.records import Attachment, Author
from bot.commands import BY_NAME, Kind
from bot.screen import Content, Receive
from bot.terminal.messenger import ADDRESS, TerminalMessenger
from bot.terminal.plain import plain

PERSON_ID = "operator"  # there is one person at a terminal, and they run this installation


def author() -> Author:
    """Who sits at the terminal."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "you"
    return Author(platform="terminal", external_id=PERSON_ID, name=name)


class Typed:
    """Makes an `Incoming` of a line."""

    def __init__(self, messenger: TerminalMessenger) -> None:
        self._messenger = messenger
        self._author = author()
        self._count = itertools.count()

    def incoming(self, line: str) -> Incoming:
        """A message; or the press of a button, when the line is the number of one shown last."""
        messenger, text, action = self._messenger, line, None
        attachments: tuple[Attachment, ...] = ()
        digits = line.strip()
        if digits.isascii() and digits.isdigit() and len(digits) < 4:
            number = int(digits)
            if 1 <= number <= len(messenger.buttons):
                text, action = "", messenger.buttons[number - 1].action
        if action is None:
            text, attachments = _with_file(line)
        return Incoming(
            update_id=f"{time.time_ns()}-{next(self._count)}",
            address=ADDRESS,
            author=self._author,
            message_id=messenger.shown_id if action is not None else messenger.new_id(),
            sent_at=datetime.now(UTC),
            text=text,
            attachments=attachments,
            action=action,
        )


def _with_file(line: str) -> tuple[str, tuple[Attachment, ...]]:
    """A command whose parameter is a file takes a path: it becomes an attachment."""
    head, _, rest = line.strip().partition(" ")
    command = BY_NAME.get(head.removeprefix("/").lower()) if head.startswith("/") else None
    path_text = rest.strip()
    wants = command is not None and any(p.kind is Kind.FILE for p in command.parameters)
    if not wants or not path_text:
        return line, ()
    if len(path_text) > 1 and path_text[0] == path_text[-1] and path_text[0] in "\"'":
        path_text = path_text[1:-1]
    try:
        path = Path(path_text).expanduser().absolute()
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL byte, an unknown ~user
        path, size = Path(path_text.replace("\x00", "")), None
    return head, (Attachment(ref=str(path), name=path_text[-200:], size=size, kind="document"),)


class LinePaper:
    """Plain text: each message with its buttons, then an empty line."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def content(self, content: Content) -> None:
        lines = [plain(content.text)]
        buttons = [button for row in content.buttons for button in row]
        lines += [f"[{i}] {button.label}" for i, button in enumerate(buttons, start=1)]
        self._output.write("\n".join(lines) + "\n\n")
        self._output.flush()

    def progress(self, content: Content) -> None:
        """Nobody watches a pipe."""

    def reply(self) -> "LineReply":
        return LineReply(self)


class LineReply:
    """A reply is printed once, at its end."""

    def __init__(self, paper: LinePaper) -> None:
        self._paper = paper

    def grow(self, text: str) -> None:
        pass

    def end(self, content: Content) -> None:
        self._paper.content(content)

    def close(self) -> None:
        pass


class LineReader:
    """Lines of a stream, read in a thread that does not keep the process from ending."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._wanted = threading.Semaphore(0)
        threading.Thread(target=self._read, name="terminal-lines", daemon=True).start()

    async def next(self) -> str | None:
        """The next line without its end; None at the end of the input."""
        self._wanted.release()
        line = await self._lines.get()
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None

    def _read(self) -> None:
        line = b"begin"
        while line:
            self._wanted.acquire()
            try:
                line = self._stream.readline()
            except (OSError, ValueError):  # closed under us
                line = b""
            try:
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
            except RuntimeError:  # the loop has ended
                return


async def read_lines(
    stream: BinaryIO,
    messenger: TerminalMessenger,
    *,
    receive: Receive,
    settled: Callable[[Incoming], Awaitable[None]],
    finished: Callable[[], Awaitable[None]],
) -> None:
    """Take each line as a message and wait for its answer before the next; at the end wait until
    no training runs and no notice is owed.
    """
    reader, typed = LineReader(stream), Typed(messenger)
    while (line := await reader.next()) is not None:
        if not line.strip():
            continue
        incoming = typed.incoming(line)
        await receive(incoming)
        await settled(incoming)
    await finished()
