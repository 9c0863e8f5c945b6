"""What is remembered of doors and places, as Protocols that `storage` fulfils: who met whom,
invitations, blocks, groups, and codes that join a person's accounts. See `avatar.stores`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from avatar.access import Standing
from avatar.records import Acquaintance, Address, Invitation, Person


class AcquaintanceStore(Protocol):
    """Who met which avatar, who is invited and who is blocked."""

    async def standing(self, avatar_id: int, person_id: int) -> Standing:
        """What a person is to an avatar."""
        ...

    async def meet(self, avatar_id: int, person_id: int, *, now: datetime) -> None:
        """Remember that they talked. A second time is no error."""
        ...

    async def acquaintances(
        self, avatar_id: int, *, limit: int, offset: int
    ) -> tuple[Acquaintance, ...]:
        """Those whom an avatar met last come first."""
        ...

    async def block(self, avatar_id: int, person_id: int, *, now: datetime) -> bool:
        """Also somebody whom the avatar has not met. False: they were blocked already."""
        ...

    async def unblock(self, avatar_id: int, person_id: int) -> bool:
        """False: they were not blocked."""
        ...

    async def add_invitation(
        self,
        avatar_id: int,
        *,
        by: int,
        code_hash: str,
        most_uses: int,
        now: datetime,
        expires_at: datetime,
    ) -> Invitation: ...

    async def invitations(
        self, avatar_id: int, *, now: datetime, limit: int
    ) -> tuple[Invitation, ...]:
        """Those that can still be used, newest first."""
        ...

    async def invitation(self, invitation_id: int) -> Invitation | None: ...

    async def revoke_invitation(self, invitation_id: int, *, now: datetime) -> bool:
        """Nobody can use it from now on; who used it stays invited. False: it could not be used
        any more.
        """
        ...

    async def use_invitation(self, code_hash: str, person_id: int, *, now: datetime) -> int | None:
        """Let a person in, in one step: the avatar's id. Who is invited already, or owns the
        avatar, uses nothing up. None: there is no such invitation, it is used up or over, or the
        person is blocked.
        """
        ...


class PlaceStore(Protocol):
    """Groups, servers and the chats in them."""

    async def manager_role(self, address: Address) -> str:
        """The role of a server whose members may choose who speaks; empty: none."""
        ...

    async def set_manager_role(self, address: Address, role: str) -> None: ...

    async def set_talkative(self, chat_id: int, percent: int) -> None: ...

    async def set_quiet(self, chat_id: int, quiet: str) -> None: ...

    async def set_language(self, chat_id: int, tag: str) -> None: ...

    async def language(self, address: Address) -> str:
        """The tag of the language that is spoken at an address; "": it is not known."""
        ...

    async def tell_private(self, chat_id: int) -> bool:
        """Whether a chat is still to be told that its avatar is private: once."""
        ...

    async def move(self, address: Address, *, was: str) -> None:
        """The chat `was` has become the one at an address: what was remembered of it holds there,
        but for the ids of its messages. Where something is known of that one already, it stays.
        """
        ...

    async def talkative(self, address: Address) -> int:
        """How talkative an avatar is at an address, in percent; 0 also where no chat is yet."""
        ...


class LinkGuess(StrEnum):
    """What came of a code that was typed."""

    RIGHT = "right"
    WRONG = "wrong"  # also: over, or used before
    OWN = "own"  # typed by the person who asked for it, or by an account of theirs
    TOO_MANY = "too_many"  # guesses, of this person or of all: it was not even looked at


class LinkStore(Protocol):
    """One person on several platforms: one person row an account, all of which name the first."""

    async def add_link(self, person_id: int, *, code_hash: str, expires_at: datetime) -> None:
        """A code that joins somebody's accounts; earlier ones of this person are void."""
        ...

    async def guess_link(
        self,
        code_hash: str,
        person_id: int,
        *,
        now: datetime,
        since: datetime,
        most_own: int,
        most_all: int,
    ) -> tuple[LinkGuess, int | None]:
        """Use a code up, in one step; with RIGHT, whose it was. A wrong one counts as a
        guess; there may be so many since a moment, of this person and of all together.
        """
        ...

    async def unite(self, first: int, second: int) -> int:
        """Make two people one: what they own, said, were allowed and spent belongs to that one,
        whose id is returned. To join those who are one already changes nothing.
        """
        ...

    async def part(self, platform: str, external_id: str) -> Mapping[str, str]:
        """Make an account a person of its own again; if it was the first of several, all of them.
        What they had together stays with the first. The accounts (id there by platform) that were
        parted; empty: it was alone.
        """
        ...

    async def known_as(self, person_id: int) -> tuple[Person, ...]:
        """All of a person's accounts, the first first."""
        ...
