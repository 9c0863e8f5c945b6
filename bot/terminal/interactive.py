"""The terminal with a person at it: completion, streamed replies with colours, progress below."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from avatar.incoming import Incoming
from avatar.language import speaking, tr
from bot.commands import COMMANDS, Parameter
from bot.completion import Offer, offers
from bot.handlers.desk import Desk
from bot.screen import Content, Receive
from bot.terminal.messenger import ADDRESS, TerminalMessenger
from bot.terminal.plain import plain
from bot.terminal.platform import Typed

COMMANDS_HERE = {each.name: each for each in COMMANDS if each.exists_on(ADDRESS.platform)}


class Screen:
    """Fulfils `bot.terminal.messenger.Paper`, and converses until Ctrl-D."""

    def __init__(self) -> None:
        self._progress = ""

    def content(self, content: Content) -> None:
        """A whole message."""
        self._progress = ""
        console = Console()
        console.print(Markdown(content.text))
        buttons = [button for row in content.buttons for button in row]
        for number, button in enumerate(buttons, start=1):
            console.print(Text(f"[{number}] {button.label}", style="cyan"))
        console.print()

    def progress(self, content: Content) -> None:
        """Shown below the prompt."""
        self._progress = " ".join(plain(content.text).split())

    def reply(self) -> "GrowingReply":
        """Begin a reply."""
        return GrowingReply(self)

    async def converse(
        self,
        messenger: TerminalMessenger,
        *,
        receive: Receive,
        settled: Callable[[Incoming], Awaitable[None]],
        desk: Desk,
    ) -> None:
        """Read, hand over, wait for the answer; until the input ends."""
        typed = Typed(messenger)
        session: PromptSession[str] = PromptSession(
            completer=CommandCompleter(desk),
            complete_while_typing=True,
            bottom_toolbar=lambda: self._progress or None,
            refresh_interval=0.5,
        )
        while True:
            try:
                with patch_stdout(raw=True):
                    line = await session.prompt_async("> ", handle_sigint=False)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if not line.strip():
                continue
            incoming = typed.incoming(line)
            with _interrupts(lambda: receive(typed.incoming("/stop"))):
                await receive(incoming)
                await settled(incoming)


@contextlib.contextmanager
def _interrupts(stop: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """While a reply is written, Ctrl-C stops the reply and not the program."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    tasks: set[asyncio.Task[None]] = set()

    async def stopping() -> None:
        await stop()

    def pressed() -> None:
        task = asyncio.ensure_future(stopping())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


class GrowingReply:
    """A reply that is painted as it comes: finished paragraphs stay, the last one is alive."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console()
        self._printed = 0  # characters that stand above the live part
        self._live = Live(
            Text("…", style="dim"), console=self._console, refresh_per_second=12, transient=True
        )
        self._live.start()

    def grow(self, text: str) -> None:
        """The whole text so far."""
        end = finished(text, self._printed)
        if end > self._printed:
            self._console.print(Markdown(text[self._printed : end]))
            self._console.print()
            self._printed = end
        self._live.update(Markdown(text[self._printed :]))

    def end(self, content: Content) -> None:
        """The final text: what is left of it is printed for good."""
        self._live.stop()
        self._screen.content(Content(text=content.text[self._printed :], buttons=content.buttons))

    def close(self) -> None:
        """Take the live part away."""
        self._live.stop()


def finished(text: str, start: int) -> int:
    """Up to where a text's paragraphs are complete: an empty line outside of a code block."""
    end, fenced, place = start, False, start
    for line in text[start:].splitlines(keepends=True):
        place += len(line)
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if not line.strip() and line.endswith("\n") and not fenced:
            end = place
    return end


class CommandCompleter(Completer):
    """Completes commands, and the numbers of versions behind them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Completion is asynchronous only."""
        return iter(())

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        name, space, rest = text[1:].partition(" ")
        if not space:
            for command, about in await self._commands(name):
                yield Completion(f"/{command}", -len(text), display_meta=about)
            return
        named = COMMANDS_HERE.get(name)
        words = rest.split(" ")
        if named is None or len(words) > len(named.parameters):
            return
        for offer in await self._offers(named.parameters[len(words) - 1]):
            if offer.value.startswith(words[-1]):
                yield Completion(offer.value, -len(words[-1]), display_meta=offer.label)

    async def _commands(self, begin: str) -> list[tuple[str, str]]:
        """Names and what they do."""
        with speaking(await self._desk.store.language(ADDRESS)):
            return [
                (command.name, tr(command.help))
                for command in COMMANDS_HERE.values()
                if command.name.startswith(begin)
            ]

    async def _offers(self, parameter: Parameter) -> tuple[Offer, ...]:
        store = self._desk.store
        chat = await store.chat(ADDRESS, now=self._desk.clock())
        avatar = None if chat.avatar_id is None else await store.avatar(chat.avatar_id)
        with speaking(chat.language):
            return await offers(
                store,
                parameter,
                avatar=avatar,
                person_id=None,
                platform=ADDRESS.platform,
                providers=self._desk.providers,
            )
