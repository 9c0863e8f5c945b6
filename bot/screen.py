"""What is shown to people, as data, and the port through which a platform shows it.

`Content` is the same for every platform: Markdown and buttons. A platform renders it as its
people expect (entities in Telegram, plain text in a pipe).
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from avatar.accounts import OwnBot
from avatar.incoming import Incoming
from avatar.records import Address, Attachment, Avatar
from bot.commands import Command


class Style(StrEnum):
    """How a button looks where a platform has colours."""

    PLAIN = "plain"
    PRIMARY = "primary"
    SUCCESS = "success"
    DANGER = "danger"


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """Something to press. `action` is a code of `bot.actions`, at most 64 bytes."""

    label: str
    action: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file to be handed to somebody."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One of several things in a list, with what can be done with it."""

    text: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A list whose entries have buttons of their own."""

    head: str
    entries: tuple[Entry, ...]
    buttons: tuple[tuple[Button, ...], ...] = ()  # of the list

    @property
    def content(self) -> "Content":
        """As a message: where buttons can stand at the end only, they stand there."""
        rows = (*(entry.buttons for entry in self.entries if entry.buttons), *self.buttons)
        text = "\n\n".join([self.head, *(entry.text for entry in self.entries)])
        return Content(text=text, buttons=rows, card=self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A message: Markdown, rows of buttons, and perhaps a file before it."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    file: File | None = None  # sent with new messages, not with edits
    card: Card | None = None  # the same, for platforms that show buttons beside their entries


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Who speaks, for platforms where avatars can have names and faces of their own."""

    name: str
    avatar_id: int = 0
    picture: str | None = None  # tells one picture from another; None: there is none

    @classmethod
    def of(cls, avatar: Avatar) -> "Speaker":
        """An avatar, as it is now."""
        return cls(name=avatar.name, avatar_id=avatar.id, picture=avatar.picture)


class Sight(Protocol):
    """A reply while it is being written. Typing is shown from the beginning."""

    def show(self, text: str) -> None:
        """The whole text so far. Never blocks, never raises: the platform paints when it may."""
        ...

    async def finish(self, content: Content) -> tuple[str, ...]:
        """Show the whole reply, formatted, exactly once; the ids of its messages (several when it
        is long). Raises DeliveryError when it could not be shown.
        """
        ...

    async def close(self) -> None:
        """Stop painting and typing. Without `finish` before, what was shown stays or goes as the
        platform likes. Can be called twice.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What stands of a reply that was cut short."""

    text: str  # "": nothing
    ids: tuple[str, ...] = ()  # of its messages


@runtime_checkable
class Cuttable(Protocol):
    """A sight of a platform where what was shown of a reply can be shortened."""

    async def cut(self) -> Left | None:
        """In place of `finish`: say nothing more. Of what was shown, whole sentences stay; without
        any it is taken away, or made to look ended where that cannot be done. None: nothing of it
        was shown, and what it was to take the place of stands. Raises NotDelivered: then it is to
        be asked for once more.
        """
        ...


class Messenger(Protocol):
    """A platform as seen by what wants to say something there."""

    @property
    def platform(self) -> str: ...

    async def send(
        self, address: Address, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """The ids of the messages it became; buttons stand under the last. `reply_to` is the
        `message_id` of what this answers; it is shown where that helps. Rate limits of the
        platform are waited for within reason. Raises Unreachable or NotDelivered.
        """
        ...

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        """Show something else in place of a message; "nothing changed" is no error. `quiet` edits
        (progress) may be left out. Raises Unreachable or NotDelivered.
        """
        ...

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
        """Begin to show a reply. `stop` is offered while it is written, where that is possible;
        `speaker` is who speaks, for platforms where avatars can have names of their own. It takes
        the place of the messages `in_place_of`, where messages can be changed.
        """
        ...

    async def send_voice(
        self, address: Address, sound: bytes, *, speaker: Speaker | None = None
    ) -> tuple[str, ...]:
        """A voice message (Ogg with Opus) of `speaker`, like `open_sight`'s; its id. Raises
        Unreachable or NotDelivered.
        """
        ...

    def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AbstractAsyncContextManager[Path]:
        """A file that holds an attachment, gone when the context ends (unless it is the person's
        own file). Raises BadText when it is larger than `limit` bytes or than the platform lets
        bots have, or does not exist; NotDelivered when it could not be had now.
        """
        ...

    def aside(self, incoming: Incoming) -> Address:
        """Where the author can be told later what is for them alone: the same address, unless the
        platform can do better.
        """
        ...

    async def administers(self, incoming: Incoming) -> bool:
        """Whether the author runs the group where they said it; alone with the bot, everybody
        does. Raises NotDelivered when it cannot be found out now.
        """
        ...

    async def hears_all(self, address: Address) -> bool:
        """Whether what is said to nobody in particular there reaches the bot."""
        ...

    def link(self, code: str) -> str:
        """An address that opens a chat with the bot in which `/start CODE` is said; empty: the
        platform has none, and people type it.
        """
        ...

    def stands(self, address: Address, message_id: str) -> tuple[Address, str]:
        """Where a message really stands that `send` put at an address, and its id there: what is
        sent aside stands elsewhere.
        """
        ...

    async def offer_commands(self, address: Address, commands: Sequence[Command]) -> None:
        """Make these the menu of one private chat. Raises nothing; a no-op without menus."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """A conversation of its own beside a channel."""

    address: Address
    link: str  # Markdown
    hears_all: bool  # False: only what names the bot or answers it reaches it there


@runtime_checkable
class Threads(Protocol):
    """A messenger of a platform where the bot can open threads."""

    async def open_thread(self, incoming: Incoming, *, name: str) -> Thread:
        """Raises BadText where that is not possible, and NotDelivered."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BotWish:
    """A bot that somebody may make with a tap."""

    label: str  # of the button
    name: str
    username: str  # proposed; the person may choose another


@runtime_checkable
class OwnBots(Protocol):
    """A messenger of a platform where avatars can have bots of their own."""

    def can_make_bots(self, address: Address) -> bool:
        """Whether a bot can be made from there: not in groups, not from a bot that was made so,
        and only where the platform lets ours.
        """
        ...

    async def offer_bot(self, address: Address, content: Content, wish: BotWish) -> None:
        """Show the content with a button that makes a bot. Raises Unreachable or NotDelivered."""
        ...

    async def take_bot(self, own_bot: OwnBot, *, external_id: str, username: str) -> None:
        """Fetch the token of a bot that was made, or got another token, keep it and start the bot.
        Raises NotDelivered.
        """
        ...

    def look_again(self) -> None:
        """What is stored of bots changed: start and stop them accordingly."""
        ...


class Receive(Protocol):
    """A platform hands over what came in, in order. When this returns, all of it lies in the
    inbox, or lay there before.
    """

    async def __call__(self, *incoming: Incoming) -> None: ...
