"""A message of a chat export: who said what, when, in which chat."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from avatar.language import noted

Progress = Callable[[int, int], None]  # bytes read so far, bytes in all


class Drop(StrEnum):
    """Why a message is not in the examples; the value is how a report puts it, and is
    given to `tr`."""

    # what the export says of the message
    SERVICE = noted("notices of the chat itself")
    DELETED = noted("deleted messages")
    FORWARDED = noted("forwarded from elsewhere")
    BOT = noted("said by a bot")
    MEDIA = noted("pictures, stickers, files and the like without text")
    # what its text is
    EMPTY = noted("without text")
    LINK = noted("links alone")
    # its place in the chat
    ABSENT = noted("in conversations in which the person says nothing")
    UNPROMPTED = noted("of the person, with nothing before to answer")
    UNANSWERED = noted("not answered by the person")
    TOO_LONG = noted("too far from a reply of the person to fit into an example")
    # limits over all
    REPEATED = noted("in examples that end with the same reply as others")
    CHAT_SHARE = noted("in examples beyond one chat's share")
    TOO_MANY = noted("in examples beyond the most that are kept")
    OTHER_CHAT = noted("in chats that were not chosen")


class Said(NamedTuple):
    """One message of a chat; a named tuple, since there are millions of them and a frozen
    dataclass takes three times as long to make.
    """

    chat: str  # the chat's id within the export
    speaker: str  # the speaker's id within the export; a name where there is no id
    name: str  # the speaker's, as shown
    at: float  # seconds since 1970, UTC; exports without a zone are taken as UTC
    text: str  # fit to be kept; "" where there was none
    id: str = ""  # within its chat; "" where the format has none
    reply_to: str = ""  # the id of the message it answers
    drop: Drop | None = None  # what the export itself says against it


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """What an export says of a chat, or of itself; may come before the messages or after."""

    chat: str = ""
    title: str = ""
    owner: str = ""  # the id of the speaker whose export this is
