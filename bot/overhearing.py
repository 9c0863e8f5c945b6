"""What is said in groups to nobody in particular: dropped before it reaches the inbox, except now
and then where an avatar was made talkative.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from avatar.door_stores import PlaceStore
from avatar.ports import Clock
from avatar.records import Address, Incoming

MOST_PERCENT = 30
FRESH = timedelta(minutes=1)  # an avatar that was away does not come back to what is long past
_BELIEVED = timedelta(seconds=30)  # how long it is believed how talkative a place is
_PLACES = 1_000  # of which something is remembered


class Ears:
    """Decides what of what was said in groups is for the avatar.

    It joins in only at the newest message of a place, by the chance that was set there, and never
    right after it was heard itself: somebody else has to say something first.
    """

    def __init__(
        self, store: PlaceStore, *, clock: Clock, chance: Callable[[], float] = random.random
    ) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._percent: OrderedDict[Address, tuple[int, datetime]] = OrderedDict()
        self._spoke: OrderedDict[Address, None] = OrderedDict()  # the avatar, and nobody since

    async def kept(self, incoming: Sequence[Incoming]) -> list[Incoming]:
        """Those that are to be answered, in their order."""
        newest = {each.address: each.update_id for each in incoming if not each.private}
        return [each for each in incoming if await self._is_kept(each, newest)]

    async def _is_kept(self, incoming: Incoming, newest: dict[Address, str]) -> bool:
        if incoming.private or incoming.reaction is not None:
            return True
        if incoming.addressed:
            self._remember_speaking(incoming.address)
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
            self._remember_speaking(incoming.address)
        return joins

    def _remember_speaking(self, address: Address) -> None:
        self._spoke[address] = None
        self._spoke.move_to_end(address)
        if len(self._spoke) > _PLACES:
            self._spoke.popitem(last=False)

    async def _talkative(self, address: Address) -> int:
        now = self._clock()
        known = self._percent.get(address)
        if known is None or not timedelta() <= now - known[1] < _BELIEVED:
            known = (min(await self._store.talkative(address), MOST_PERCENT), now)
            self._percent[address] = known
            self._percent.move_to_end(address)
            if len(self._percent) > _PLACES:
                self._percent.popitem(last=False)
        return known[0]
