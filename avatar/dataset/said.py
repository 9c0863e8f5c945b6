"""A message of a chat export: who said what, when, in which chat."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Progress = Callable[[int, int], None]  # bytes read so far, bytes in all


class Drop(StrEnum):
    """Why a message is not in the examples; the value is how a report puts it."""

    # what the export says of the message
    SERVICE = "notices of the chat itself"
    DELETED = "deleted messages"
    FORWARDED = "forwarded from elsewhere"
    BOT = "said by a bot"
    MEDIA = "pictures, stickers, files and the like without text"
    # what its text is
    EMPTY = "without text"
    LINK = "links alone"
    # its place in the chat
    ABSENT = "in conversations in which the person says nothing"
    UNPROMPTED = "of the person, with nothing before to answer"
    UNANSWERED = "not answered by the person"
    TOO_LONG = "too far from a reply of the person to fit into an example"
    # limits over all
    REPEATED = "in examples that end with the same reply as others"
    CHAT_SHARE = "in examples beyond one chat's share"
    TOO_MANY = "in examples beyond the most that are kept"
    OTHER_CHAT = "in chats that were not chosen"


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
