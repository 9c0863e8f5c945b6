"""Accounts at a platform that avatars act with: bots of their own, and those of people who let an
avatar answer for them. And the rule when it does.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from avatar.daytime import DAY, minute_of, read_span, within
from avatar.errors import BadText
from avatar.language import tr

SILENCE = timedelta(hours=1)  # after the owner wrote in a chat themselves
HONESTY = (
    "You answer in the name of the owner of this account, who is away. You are an AI and not that "
    "person: whoever sincerely asks whether they talk to a human or to a machine is told the truth."
)
MIN_HONESTY, MAX_HONESTY = 20, 1_000  # characters
_ZONE = re.compile(r"(?:\s+(?:UTC)?([+-])(\d{1,2})(?::([0-5]\d))?)?\Z", re.ASCII | re.IGNORECASE)
_MOST_ZONE = 14 * 60  # minutes


class Way(StrEnum):
    """How something came in: said to the bot, or in one of these ways, which commands and
    buttons do not reach.
    """

    CHAT = "chat"
    ACCOUNT = "account"  # said in one of somebody's own chats, which a bot of ours answers
    DELETED = "deleted"  # messages of such a chat were deleted there
    CONNECTION = "connection"  # somebody connected a bot with their account, or took it away
    GUEST = "guest"  # said to the bot by its name in a chat that it is not in
    MOVED = "moved"  # a chat has another name from here on
    OWN_BOT = "own_bot"  # a bot was made for an avatar, or has another token


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnBot:
    """A bot that belongs to one avatar, or the wish for one."""

    id: int
    platform: str
    avatar_id: int
    person_id: int | None  # who asked for it
    asked_at: datetime
    external_id: str | None  # the platform's id of it; None: it is not made yet
    username: str
    token: str | None = field(repr=False)  # None: there is none, or it cannot be unsealed
    stopped_at: datetime | None  # an owner stopped it
    trouble: str  # why it does not run, in words for its owners; "": nothing is known
    dressed: str  # marks of the words and the picture that it was given, with a colon between

    @property
    def made(self) -> bool:
        return self.external_id is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """A part of each day, in minutes from midnight at a place so many minutes east of UTC. It may
    reach over midnight.
    """

    begins: int
    ends: int
    zone: int = 0

    def hold(self, now: datetime) -> bool:
        minute = (now.hour * 60 + now.minute + self.zone) % DAY
        return within(minute, begins=self.begins, ends=self.ends)


def read_hours(text: str) -> Hours:
    """`22:00-07:00 +8`: hours and, if they are not UTC, how far the place is from it. Raises
    BadText.
    """
    span = read_span(text)
    behind = None if span is None else _ZONE.match(span.rest)
    if span is not None and behind is not None and None not in {span.begins[1], span.ends[1]}:
        begins, ends = minute_of(span.begins), minute_of(span.ends)
        zone = int(behind[2] or 0) * 60 + int(behind[3] or 0)
        if begins is not None and ends is not None and begins != ends and zone <= _MOST_ZONE:
            return Hours(begins=begins, ends=ends, zone=-zone if behind[1] == "-" else zone)
    raise BadText(
        reason=tr(
            "I cannot read these hours. Write them like 22:00-07:00 +8, with the hours that your "
            "place is ahead of UTC (or behind: -5)."
        )
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody's own account, in whose chats an avatar answers for them."""

    id: int
    platform: str
    bot: str  # the bot that they connected
    connection: str  # the platform's id of that
    person_id: int
    avatar_id: int
    enabled: bool  # False: they took the bot away again
    can_reply: bool
    away: bool  # whether the avatar answers at all
    hours: Hours | None  # when; None: always
    strangers_only: bool  # only where the owner never wrote themselves
    honesty: str | None  # their words for `HONESTY`


def answers(
    account: Account, *, owner_wrote_at: datetime | None, said_at: datetime, now: datetime
) -> bool:
    """Whether the avatar answers what was said at a time in a chat of the account, where its owner
    wrote last at another (None: never, as far as was seen). Both are told by the platform: a clock
    of ours that goes back makes the silence no longer.
    """
    if not (account.enabled and account.can_reply and account.away):
        return False
    if account.hours is not None and not account.hours.hold(now):
        return False
    if owner_wrote_at is None:
        return True
    return not account.strangers_only and said_at - owner_wrote_at >= SILENCE
