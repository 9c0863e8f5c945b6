"""What is said in groups to nobody in particular: dropped before it reaches the inbox, except now
and then where an avatar was made talkative, and what may belong to a turn that began with its name.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from avatar.door_stores import PlaceStore
from avatar.incoming import Incoming
from avatar.ports import Clock
from avatar.records import Address
from avatar.stores import InboxStore
from bot.joining import MOST, Windows, belongs, is_talk
from bot.kept import keep

MOST_PERCENT = 30
FRESH = timedelta(minutes=1)  # an avatar that was away does not come back to what is long past
_BELIEVED = timedelta(seconds=30)  # how long it is believed how talkative a place is
_PLACES = 1_000  # of which something is remembered


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn:
    """What was last said to the avatar at a place, and how much of it may follow still."""

    first: Incoming
    heard_at: datetime
    left: int = MOST - 1


class Ears:
    """Decides what of what was said in groups is for the avatar.

    Who names it and goes on in a second message (an album, a long text in parts, quick lines) does
    not name it again: what comes so quickly from the same person is kept, marked as following.

    It joins in only at the newest message of a place, by the chance that was set there, and never
    right after it was heard itself: somebody else has to say something first.
    """

    def __init__(
        self,
        store: PlaceStore,
        *,
        clock: Clock,
        windows: Windows | None = None,
        chance: Callable[[], float] = random.random,
        inbox: InboxStore | None = None,
    ) -> None:
        """`inbox` is looked into where other processes hear the same places."""
        self._store = store
        self._inbox = inbox
        self._clock = clock
        self._windows = windows or Windows()
        self._chance = chance
        self._percent: OrderedDict[Address, tuple[int, datetime]] = OrderedDict()
        self._spoke: OrderedDict[Address, None] = OrderedDict()  # the avatar, and nobody since
        self._turns: OrderedDict[Address, _Turn] = OrderedDict()

    async def kept(self, incoming: Sequence[Incoming]) -> list[Incoming]:
        """Those that are to be answered, in their order."""
        newest = {each.address: each.update_id for each in incoming if not each.private}
        kept = []
        for each in incoming:
            if await self._follows(each):
                kept.append(replace(each, follows=True))
            elif await self._is_kept(each, newest):
                kept.append(each)
        return kept

    async def _follows(self, incoming: Incoming) -> bool:
        """Whether it may be a part of what the same person said to the avatar just before."""
        if incoming.private:
            return False
        address, now = incoming.address, self._clock()
        if incoming.addressed:
            if is_talk(incoming):
                keep(self._turns, address, _Turn(first=incoming, heard_at=now), most=_PLACES)
            return False
        turn = self._turns.get(address)
        if turn is None or not self._goes_on(turn, incoming, now):
            turn = await self._heard_elsewhere(incoming, now)
            if turn is None or not self._goes_on(turn, incoming, now):
                return False
        if turn.left == 1:
            self._turns.pop(address, None)
        else:
            keep(self._turns, address, replace(turn, left=turn.left - 1), most=_PLACES)
        return True

    def _goes_on(self, turn: _Turn, incoming: Incoming, now: datetime) -> bool:
        apart = (now - turn.heard_at).total_seconds()
        return turn.left > 0 and belongs(turn.first, incoming, apart=apart, windows=self._windows)

    async def _heard_elsewhere(self, incoming: Incoming, now: datetime) -> _Turn | None:
        """What was last said to the avatar at this place and heard by another process, which put it
        into the inbox: it waits there as long as something may follow.
        """
        if self._inbox is None or not is_talk(incoming):
            return None
        waiting = await self._inbox.waiting(incoming.address, limit=MOST)
        for place, each in reversed(list(enumerate(waiting, start=1))):
            if each.incoming.addressed and is_talk(each.incoming):
                left = MOST - 1 - (len(waiting) - place)
                return _Turn(first=each.incoming, heard_at=each.received_at, left=left)
        return None

    async def _is_kept(self, incoming: Incoming, newest: dict[Address, str]) -> bool:
        if incoming.private or incoming.reaction is not None:
            return True
        if incoming.addressed:
            keep(self._spoke, incoming.address, None, most=_PLACES)
            return True
        if incoming.address in self._spoke:
            del self._spoke[incoming.address]
            return False
        joins = (
            bool(incoming.text.strip())
            and not incoming.edited
            and newest[incoming.address] == incoming.update_id
            and self._clock() - incoming.sent_at < FRESH
            and self._chance() * 100 < await self._talkative(incoming.address)
        )
        if joins:
            keep(self._spoke, incoming.address, None, most=_PLACES)
        return joins

    async def _talkative(self, address: Address) -> int:
        now = self._clock()
        known = self._percent.get(address)
        if known is None or not timedelta() <= now - known[1] < _BELIEVED:
            known = (min(await self._store.talkative(address), MOST_PERCENT), now)
            keep(self._percent, address, known, most=_PLACES)
        return known[0]
