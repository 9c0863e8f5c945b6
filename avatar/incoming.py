"""What comes in from platforms: plain data that can be stored and answered elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from avatar.accounts import Way
from avatar.records import Address, Attachment, Author

DRAFT = "draft"  # the fact that something was pressed under a reply that is being written: which


@dataclass(frozen=True, kw_only=True, slots=True)
class RepliedTo:
    """The message that an incoming message answers."""

    message_id: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    author: Author | None = None
    from_us: bool = False
    quote: str = ""  # the part of it that the answer is about, where the person chose one


class Reaction(StrEnum):
    """What somebody did with a thumb under a message."""

    UP = "up"
    DOWN = "down"
    UP_GONE = "up_gone"  # taken away again
    DOWN_GONE = "down_gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What a platform handed us: plain data that can be stored and answered elsewhere."""

    update_id: str  # unique for (platform, bot)
    address: Address
    author: Author
    message_id: str  # the person's message; for a button or a reaction, the one it stands under
    sent_at: datetime
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    action: str | None = None  # the code of the button that was pressed
    reply_to: RepliedTo | None = None
    private: bool = True  # a chat of one person with the bot
    addressed: bool = True  # False: said in a group to nobody in particular
    follows: bool = False  # so too, but right behind what was addressed: a part of it, or nothing
    administers: bool = False  # the platform said with it that the author runs the group
    roles: tuple[str, ...] = ()  # the author's in the group, where the platform has such
    forwarded: str | None = None  # passed on from this speaker ("": unknown); None: their own words
    album: str = ""  # the same for files that were sent together
    edited: bool = False  # a message that was sent before says this now
    reaction: Reaction | None = None
    language: str = ""  # the author's, as a tag (en, ms, zh-hans), where the platform says it
    way: Way = Way.CHAT
    facts: Mapping[str, str] = field(default_factory=dict)  # what belongs to another way, or DRAFT


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """An incoming message that lies in the inbox, with those that are one turn with it."""

    id: int
    incoming: Incoming
    attempts: int  # how often answering was begun before
    received_at: datetime
    more: tuple["Received", ...] = ()  # what was said right behind it, in order
    answer: Mapping[str, object] | None = None  # what was to be shown, if that is known already
    shown: bool | None = None  # showing was begun: True: it may have arrived, False: it did not

    @property
    def parts(self) -> tuple[Incoming, ...]:
        """Everything that is answered at once, in order."""
        return (self.incoming, *(each.incoming for each in self.more))

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.id, *(each.id for each in self.more))
