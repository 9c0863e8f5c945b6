"""What a chat export holds: who said what, when, in which chat."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One message of a chat."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Somebody who speaks in an export."""

    id: str
    name: str
    messages: int
    usable: int  # of these, those that have words of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """One chat of an export."""

    id: str
    title: str
    messages: int
    speakers: tuple[Speaker, ...]  # most messages first
    first: datetime | None  # None: no message
    last: datetime | None
    in_order: bool  # the file has its messages oldest first
    silence: float  # seconds without a message after which a conversation has ended

    @property
    def is_group(self) -> bool:
        return len(self.speakers) > 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What there is to choose from."""

    format: str  # "Telegram"
    chats: tuple[Chat, ...]  # most messages first
    speakers: tuple[Speaker, ...]  # over all chats, most messages first
    owner: str | None  # the id of the speaker whose export this is, where the file says so
    ignored: tuple[str, ...]  # files of an archive that are no chats

    @property
    def messages(self) -> int:
        return sum(chat.messages for chat in self.chats)

    def speaker(self, speaker_id: str) -> Speaker | None:
        return next((s for s in self.speakers if s.id == speaker_id), None)


Read = Callable[[Progress | None], Iterator[Said | Heading]]


class Export:
    """A chat export that was recognised; its file is read again with each call.

    Everything here blocks and belongs in a thread. Raises BadDataset where the file is broken.
    """

    def __init__(self, *, form: str, source: str, read: Read, ignored: tuple[str, ...]) -> None:
        self.form = form  # the format's name
        self.source = source  # the file's name, safe to show
        self._read = read
        self._ignored = ignored

    def overview(self, progress: Progress | None = None) -> Overview:
        """Chats, speakers and how much there is of each."""
        from avatar.dataset.overview import Count

        count = Count()
        for item in self._read(progress):
            count.add(item)
        return count.overview(form=self.form, ignored=self._ignored)

    def messages(
        self, chats: Collection[str] | None = None, progress: Progress | None = None
    ) -> Iterator[Said]:
        """The messages of the chats (None: of all), those of one chat together, as they stand in
        the file.
        """
        for item in self._read(progress):
            if isinstance(item, Said) and (chats is None or item.chat in chats):
                yield item
