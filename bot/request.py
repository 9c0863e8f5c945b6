"""One thing that somebody asked for, with everything a handler needs to answer it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from avatar.chat_stores import Found
from avatar.errors import AvatarNotFound, Barred
from avatar.incoming import Incoming
from avatar.records import Avatar, Chat, Person
from bot.screen import Content, Messenger


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Who asks what, where."""

    inbox_id: int
    again: bool  # answering it was begun before: something of it may be done already
    shown: bool | None  # showing the answer was begun: True: it may have arrived, False: it did not
    incoming: Incoming
    parts: tuple[Incoming, ...]  # it, and what was said right behind it and is one turn with it
    person: Person
    chat: Chat
    about: Avatar | None  # the avatar of the chat, or the one that a button belongs to
    manages: bool  # whether the person may manage that avatar
    operator: bool  # whether they run this installation
    creates: bool  # whether the person may make avatars
    rest: str  # commands: what was typed behind the name
    now: datetime
    received_at: datetime
    messenger: Messenger
    barred: str = ""  # the name of the chat's avatar, where it has blocked the person
    unseen: bool = False  # there is one, which does not exist for the person
    met: bool = True  # whether they talked with that avatar before

    @property
    def avatar(self) -> Avatar:
        """The avatar that this is about. Raises AvatarNotFound where there is none yet, and
        Barred where it does not talk to the person.
        """
        if self.barred:
            raise Barred(avatar=self.barred)
        if self.about is None:
            raise AvatarNotFound(slug="")
        return self.about


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a handler answers."""

    content: Content
    in_place: bool = False  # instead of the message whose button was pressed


# A handler may also show things by itself and answer nothing.
Answer = Shown | Content | None
CommandHandler = Callable[[Request], Awaitable[Answer]]
ReactionHandler = Callable[[Request, Found], Awaitable[Answer]]
PressHandler = Callable[[Request, tuple[int, ...]], Awaitable[Answer]]
