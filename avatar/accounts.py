"""Accounts at a platform that avatars act with: bots of their own, and those of people who let an
avatar answer for them. And the rule when it does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

SILENCE = timedelta(hours=1)  # after the owner wrote in a chat themselves
DAY = 24 * 60  # minutes
HONESTY = (
    "You answer in the name of the owner of this account, who is away. You are an AI and not that "
    "person: whoever sincerely asks whether they talk to a human or to a machine is told the truth."
)
MAX_HONESTY = 1_000  # characters


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
    dressed: str  # a mark of the name, description and menu that it was given

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
        if self.begins <= self.ends:
            return self.begins <= minute < self.ends
        return minute >= self.begins or minute < self.ends


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


def answers(account: Account, *, owner_wrote_at: datetime | None, now: datetime) -> bool:
    """Whether the avatar answers in a chat of the account, where its owner wrote last at that
    time (None: never, as far as was seen).
    """
    if not (account.enabled and account.can_reply and account.away):
        return False
    if account.hours is not None and not account.hours.hold(now):
        return False
    if owner_wrote_at is None:
        return True
    return not account.strangers_only and now - owner_wrote_at >= SILENCE
