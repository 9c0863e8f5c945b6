"""What is remembered of accounts at platforms, as Protocols: a part of `avatar.stores.Store`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from avatar.accounts import Account, Hours, OwnBot
from avatar.incoming import Incoming
from avatar.records import Address


class OwnBotStore(Protocol):
    """Bots that belong to one avatar, at most one an avatar and platform. Tokens are sealed."""

    async def ask_for_bot(
        self, avatar_id: int, *, platform: str, person_id: int, now: datetime
    ) -> OwnBot:
        """Remember that somebody is about to make a bot for an avatar. If it has one already,
        that is returned, unchanged.
        """
        ...

    async def asked_for_bots(
        self, platform: str, person_id: int, *, since: datetime
    ) -> tuple[OwnBot, ...]:
        """The wishes of a person that no bot was made for yet, the newest first."""
        ...

    async def own_bot(self, avatar_id: int, platform: str) -> OwnBot | None: ...

    async def own_bot_by_id(self, platform: str, external_id: str) -> OwnBot | None: ...

    async def own_bots(self, platform: str) -> tuple[OwnBot, ...]:
        """Those that are made, also stopped ones."""
        ...

    async def keep_bot(
        self, own_bot_id: int, *, external_id: str, username: str, token: str
    ) -> None:
        """It is made, or has another token: what troubled it is forgotten."""
        ...

    async def mark_bot(
        self, own_bot_id: int, *, trouble: str | None = None, dressed: str | None = None
    ) -> None:
        """What is None stays."""
        ...

    async def stop_bot(self, own_bot_id: int, *, stopped_at: datetime | None) -> None:
        """None: it goes on."""
        ...

    async def reseal_bots(self) -> int:
        """Seal anew what an earlier key sealed; how many."""
        ...


class AccountStore(Protocol):
    """People's own accounts, in whose chats an avatar answers for them."""

    async def connect(
        self,
        *,
        platform: str,
        bot: str,
        connection: str,
        person_id: int,
        avatar_id: int,
        enabled: bool,
        can_reply: bool,
    ) -> Account:
        """One a person and bot. Connected before: the avatar and what was chosen stay."""
        ...

    async def account(self, platform: str, bot: str, connection: str) -> Account | None: ...

    async def account_of(self, platform: str, bot: str, person_id: int) -> Account | None: ...

    async def set_away(
        self, account_id: int, *, away: bool, hours: Hours | None, strangers_only: bool
    ) -> None: ...

    async def set_account_avatar(self, account_id: int, avatar_id: int) -> None: ...

    async def set_honesty(self, account_id: int, honesty: str | None) -> None: ...

    async def owner_wrote(self, account_id: int, chat: str, *, now: datetime) -> None:
        """The owner wrote in a chat of theirs themselves."""
        ...

    async def unsay(self, address: Address, platform_ids: Sequence[str]) -> int:
        """Messages were deleted where they stand: what they said is forgotten, and with a question
        the replies to it. How many turns went.
        """
        ...

    async def cut_short(self, message_id: int, *, text: str, earlier_stands: bool) -> None:
        """A reply says no more than this; without a word it goes. `earlier_stands`: the one before
        it, which it was to take the place of, counts again.
        """
        ...

    async def waiting_of(self, platform: str, bot: str, connection: str) -> tuple[Incoming, ...]:
        """What came of a connection of a bot and is not done with yet."""
        ...

    async def owner_wrote_at(self, account_id: int, chat: str) -> datetime | None:
        """When they did last; None: never."""
        ...
