"""Chats and the turns said in them, as they have to be remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from avatar.records import Address, Avatar, Chat, Finish, Message, Pair, Role, Turn, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """What became of a look for old messages."""

    count: int
    looked_to: int | None  # the id from which to go on; None: nothing older is left


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """All that a reply needs, read at one moment."""

    chat: Chat
    avatar: Avatar
    pair: Pair
    turns: tuple[Turn, ...]  # of the current conversation, oldest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One of a platform's messages that make a turn."""

    platform_id: str
    text: str | None = None  # what it says of a turn that was sent in several


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What a person said, and what a pair of versions answered."""

    chat_id: int
    avatar_id: int
    person_id: int
    said: str
    said_at: datetime
    reply: str
    pair: Pair
    usage: Usage
    cost: int | None  # micro-dollars
    finish: Finish
    inbox_id: int
    retry_of: int | None = None  # a person's turn that says `said` now and is answered anew
    parts: Sequence[Part] = ()  # the platform's messages that it was said in


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A turn that one of a platform's messages belongs to."""

    message: Message
    address: Address
    asks: bool  # it is the question what that reply should have said


class ChatStore(Protocol):
    """Chats and the turns said in them."""

    async def chat(self, address: Address, *, now: datetime, language: str = "") -> Chat:
        """The chat at an address; made as needed, with the avatar that its bot belongs to, or the
        oldest public one, and in the language with this tag.
        """
        ...

    async def talk_to(
        self, chat_id: int, avatar_id: int, *, now: datetime, brought: bool = False
    ) -> None:
        """The chat talks to that avatar from now on, in a new conversation; `brought`: one of its
        owners says so. Raises Refused where the chat's bot belongs to another avatar.
        """
        ...

    async def newest_said_at(self) -> datetime | None:
        """When the newest message was said that is kept, as its platform tells it."""
        ...

    async def drop_messages(self, *, before: datetime, after: int, limit: int) -> Dropped:
        """Delete those of the `limit` next messages by id that were said before a time, with their
        replies. What was spent stays counted.
        """
        ...

    async def new_conversation(self, chat_id: int, *, now: datetime) -> None: ...

    async def context(self, chat_id: int, *, limit: int, before: int | None = None) -> Context:
        """Raises AvatarNotFound when the chat has no avatar. `limit` bounds the turns; `before`: no
        message with that id, and none behind it.
        """
        ...

    async def add_exchange(self, exchange: Exchange, *, now: datetime) -> Message | None:
        """Both turns of an exchange and what it cost, in one write; returns the reply. None: they
        wished to be forgotten meanwhile, and nothing but the cost is remembered. The older replies
        to a turn that is answered anew leave the conversation.
        """
        ...

    async def reply_to_inbox(self, inbox_id: int) -> Message | None:
        """The reply that was stored for this incoming message, if the process died after that."""
        ...

    async def shown_as(
        self, message_id: int, *, address: Address, platform_ids: Sequence[str]
    ) -> None:
        """Remember as which of the platform's messages a reply was shown, if it is remembered."""
        ...

    async def was_shown(self, message_id: int) -> bool:
        """Whether it is known as which of the platform's messages a reply was shown."""
        ...

    async def asked_as(
        self, message_id: int, *, address: Address, platform_ids: Sequence[str]
    ) -> None:
        """Remember as which messages it was asked what a reply should have said."""
        ...

    async def find_message(self, address: Address, platform_id: str) -> Message | None:
        """The turn that one of the platform's messages is (or asks about), in any thread of the
        address's chat.
        """
        ...

    async def found(self, address: Address, platform_id: str) -> Found | None:
        """The same, with where it stands."""
        ...

    async def parts(self, message_id: int) -> tuple[Part, ...]:
        """The platform's messages that a turn was sent in or is shown as, oldest first."""
        ...

    async def was_asked(self, message_id: int) -> bool:
        """Whether it was asked what a reply should have said."""
        ...

    async def shown_answer(self, question_id: int) -> tuple[Part, ...]:
        """The platform's messages that show the newest reply to a person's turn; of a reply that
        was stored and not shown yet, those of the one before it.
        """
        ...

    async def newest(self, chat_id: int, role: Role) -> Message | None:
        """The last turn of a person, or of the avatar, in the current conversation."""
        ...

    async def before(self, message_id: int, *, limit: int) -> tuple[Message, ...]:
        """A stored reply, its question and the turns before them in their chat and with their
        avatar, oldest first.
        """
        ...

    async def count_messages(self, person_id: int) -> int:
        """How many messages of theirs and replies to them are stored: all that `forget` deletes."""
        ...
