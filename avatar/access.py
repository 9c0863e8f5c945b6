"""Who is let in to an avatar: public ones, private ones, invitations, blocks. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from avatar.records import Avatar


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a person is to an avatar."""

    owns: bool = False
    met: bool = False  # they talked to it before, or used an invitation
    invited: bool = False
    blocked: bool = False


STRANGER = Standing()


class Access(StrEnum):
    """What an avatar is to a person."""

    WELCOME = "welcome"
    BLOCKED = "blocked"  # it is known to them, and does not talk to them
    UNSEEN = "unseen"  # as if it did not exist


def access(avatar: Avatar, standing: Standing, *, operator: bool, in_group: bool) -> Access:
    """How a person stands to an avatar; `in_group`: in a group that an owner brought it into.

    Owners and operators are always welcome. A private avatar does not exist for anybody else
    without an invitation, except in a group that one of its owners brought it into. To be blocked
    takes an invitation away.
    """
    if operator or standing.owns:
        return Access.WELCOME
    hidden = avatar.visibility == "private" and not in_group
    if standing.blocked:
        return Access.UNSEEN if hidden else Access.BLOCKED
    return Access.UNSEEN if hidden and not standing.invited else Access.WELCOME
