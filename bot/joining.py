"""What people send in several messages is one turn: parts of a long text, albums, quick lines.

Decided from what lies in the inbox and nothing else (when it came and was sent, who said it, how
long it is), so that it can be decided again after a crash, or in another process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from avatar.accounts import Way
from avatar.incoming import Incoming, Received
from avatar.ports import Clock
from avatar.stores import Store

LONG = 4_000  # UTF-16 units: Telegram's clients cut at 4,096, some of them a little before
MOST = 30  # messages in one turn
REMEMBERED = 10_000  # messages that were taken with earlier ones; where the queue is elsewhere,
# their own turns never come
SENT_SLACK = 1.0  # seconds: Telegram tells when something was sent in whole seconds
# Where a line is a message, however quickly the next one comes.
LINE_BY_LINE = frozenset({"terminal"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Seconds."""

    quiet: float = 0.3  # how long it is waited for more behind a short message
    most: float = 1.2  # between the first message of a turn and its last


@dataclass(frozen=True, slots=True)
class Wait:
    """More may come."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Take:
    """So many messages, from the first on, are one turn."""

    count: int


def is_talk(incoming: Incoming) -> bool:
    """Whether it is something said to the avatar, which may be a part of a turn: no command, no
    button, no reaction, no edit.
    """
    if incoming.way not in {Way.CHAT, Way.ACCOUNT}:
        return False
    command = incoming.forwarded is None and incoming.text.lstrip().startswith("/")
    return not (
        command
        or incoming.action is not None
        or incoming.reaction is not None
        or incoming.edited
        or incoming.address.platform in LINE_BY_LINE
    )


def decide(waiting: Sequence[Received], *, waited: float, windows: Windows) -> Take | Wait:
    """What to do with the messages that wait at one address, in the order they came. `waited`:
    how many seconds ago the first one came, as far as the caller knows.
    """
    first = waiting[0]
    if not is_talk(first.incoming) or first.incoming.follows:
        return Take(1)
    count = 1
    for each in waiting[1:]:
        if count == MOST or not _joins(first, each, windows):
            return Take(count)  # what stands behind it ends the turn
        count += 1
    last = waiting[count - 1]
    since_first = (last.received_at - first.received_at).total_seconds()
    more_is_likely = bool(last.incoming.album) or _units(last.incoming.text) >= LONG
    until = windows.most if more_is_likely else min(since_first + windows.quiet, windows.most)
    left = until - waited
    return Wait(left) if left > 0 and count < MOST else Take(count)


def belongs(first: Incoming, each: Incoming, *, apart: float, windows: Windows) -> bool:
    """Whether it is a part of the turn that the first began, if nothing else came in between.
    `apart`: seconds between them.
    """
    return (
        is_talk(each)
        and each.author.external_id == first.author.external_id
        and apart <= windows.most
        and (each.sent_at - first.sent_at).total_seconds() <= windows.most + SENT_SLACK
    )


def _joins(first: Received, each: Received, windows: Windows) -> bool:
    apart = (each.received_at - first.received_at).total_seconds()
    return belongs(first.incoming, each.incoming, apart=apart, windows=windows)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Joiner:
    """Finds what is one turn with a message that is about to be answered."""

    def __init__(self, store: Store, *, clock: Clock, windows: Windows) -> None:
        self._store = store
        self._clock = clock
        self._windows = windows
        # Answered with an earlier message, and queued behind it; forgotten when its turn comes.
        self._taken: OrderedDict[int, None] = OrderedDict()

    def is_taken(self, inbox_id: int) -> bool:
        """Whether it is answered together with what came before it. To be asked once."""
        if inbox_id not in self._taken:
            return False
        del self._taken[inbox_id]
        return True

    async def whole(self, received: Received) -> Received:
        """The message with what belongs to its turn. Waits a moment where more may come."""
        if not is_talk(received.incoming):
            return received
        if received.attempts > 0 and await self._store.reply_to_inbox(received.id) is not None:
            # It was answered, and not marked as done: the same ones as then.
            more = await self._store.joined(received.id)
        else:
            more = await self._found(received)
            if more:
                await self._store.join(received.id, [each.id for each in more])
        self._taken |= dict.fromkeys(each.id for each in more)
        while len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)
        return replace(received, more=more)

    async def _found(self, received: Received) -> tuple[Received, ...]:
        waited = (self._clock() - received.received_at).total_seconds()
        slept = min(max(self._windows.quiet - waited, 0.0), self._windows.quiet)
        await asyncio.sleep(slept)  # whatever it is: so long something may come behind it
        while True:
            behind = await self._store.waiting(
                received.incoming.address, after=received.id, limit=MOST
            )
            waited = (self._clock() - received.received_at).total_seconds()
            # A clock that stands or goes back holds nothing up.
            match decide((received, *behind), waited=max(waited, slept), windows=self._windows):
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                    slept += seconds
                case Take(count):
                    return behind[: count - 1]
