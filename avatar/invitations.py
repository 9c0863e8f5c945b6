"""Who is let in: invitations to an avatar, blocks, and whether it is public."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from avatar.errors import AvatarNotFound, BadText
from avatar.language import tr
from avatar.records import Avatar, Invitation, Person
from avatar.secrets import hashed, invitation_code
from avatar.stores import Store

USES, MOST_USES = 1, 1_000
DAYS, MOST_DAYS = 7, 365
OPEN_SHOWN = 10
MOST_OPEN = 50  # invitations of an avatar at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Invited:
    """A new invitation, with the code that is shown once."""

    invitation: Invitation
    code: str


class Invitations:
    """The use-cases of private avatars and of blocks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def make(
        self, avatar: Avatar, *, uses: int, days: int, person: Person, now: datetime
    ) -> Invited:
        """A new one. Raises BadText for what it cannot be."""
        if not (1 <= uses <= MOST_USES and 1 <= days <= MOST_DAYS):
            raise BadText(
                reason=tr(
                    "An invitation is for 1 to {uses:,} people and 1 to {days} days: /invite 5 30",
                    uses=MOST_USES,
                    days=MOST_DAYS,
                )
            )
        open_ = await self._store.invitations(avatar.id, now=now, limit=MOST_OPEN)
        if len(open_) == MOST_OPEN:
            raise BadText(
                reason=tr(
                    "{count} invitations are open already. Revoke one first: /share",
                    count=MOST_OPEN,
                )
            )
        code = invitation_code()
        made = await self._store.add_invitation(
            avatar.id,
            by=person.id,
            code_hash=hashed(code),
            most_uses=uses,
            now=now,
            expires_at=now + timedelta(days=days),
        )
        return Invited(invitation=made, code=code)

    async def accept(self, code: str, person: Person, *, now: datetime) -> Avatar:
        """Let a person in. Raises AvatarNotFound, whatever is wrong with the code."""
        avatar_id = await self._store.use_invitation(hashed(code), person.id, now=now)
        if avatar_id is None:
            raise AvatarNotFound(slug=code[:8] + "…")
        return await self._store.avatar(avatar_id)

    async def block(self, avatar: Avatar, person_id: int, *, now: datetime) -> bool:
        """False: they were blocked already. Raises BadText for an owner."""
        if await self._store.is_owner(avatar.id, person_id):
            raise BadText(
                reason=tr("An owner cannot be blocked. /owners remove makes them none first.")
            )
        return await self._store.block(avatar.id, person_id, now=now)
