"""How often Telegram lets a bot write, and who waits for what.

Telegram's limits: about one message a second in a private chat (short bursts pass), 20 messages
and edits a minute in a group, 30 a second of the whole bot, 20 drafts in 5 seconds and 40 in 30 to
one person. Ours are a little tighter, since calls do not arrive as evenly as they leave. Previews
leave a part of each budget to what must arrive.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from bot.telegram.places import is_group


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """So many calls in so many seconds."""

    count: int
    seconds: float


class Kind(StrEnum):
    """What a call is for."""

    FINAL = "final"  # must arrive
    PREVIEW = "preview"  # a message, or an edit, that is soon replaced
    DRAFT = "draft"
    TYPING = "typing"


PER_SECOND = Budget(count=28, seconds=1.0)  # of the whole bot


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The budgets of one bot."""

    private: Budget = Budget(count=5, seconds=6.0)
    group: Budget = Budget(count=19, seconds=61.0)
    drafts: tuple[Budget, ...] = (Budget(count=19, seconds=5.2), Budget(count=38, seconds=30.2))
    # None: not known, as of a server that is not Telegram's own; PER_SECOND once it said 429 to
    # several chats at once.
    bot: Budget | None = PER_SECOND
    reserve: float = 0.3  # the part of a budget that previews leave
    # So many chats refused within a second: the limit is the bot's, not theirs.
    several: int = 5
    together: float = 1.0


class _Window:
    """A budget, and when of it was spent: a call counts from its beginning until the budget's time
    after its end, since nobody knows when in between Telegram counted it.
    """

    __slots__ = ("_ended", "_running", "budget")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._running = 0
        self._ended: deque[float] = deque(maxlen=budget.count)

    def begin(self) -> None:
        self._running += 1

    def end(self, now: float) -> None:
        self._running -= 1
        self._ended.append(now)

    def wait(self, now: float, *, reserve: float = 0.0) -> float:
        """Seconds until one more may be spent, beside the reserve; while that depends on calls
        that are being made, at most.
        """
        usable = max(1, int(self.budget.count * (1 - reserve))) - self._running
        if usable <= 0:
            return self.budget.seconds
        if len(self._ended) < usable:
            return 0.0
        return max(0.0, self._ended[-usable] + self.budget.seconds - now)

    def idle(self, now: float) -> bool:
        return not self._running and (
            not self._ended or self._ended[-1] + self.budget.seconds <= now
        )


Counted = tuple[_Window, ...]  # what a call is counted in


class Rates:
    """Pure bookkeeping: times are given, in seconds of any clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._chats: dict[str, _Window] = {}
        self._drafts: dict[str, tuple[_Window, ...]] = {}
        self._bot = None if limits.bot is None else _Window(limits.bot)
        self._until: dict[str, float] = {}  # chat → when Telegram takes something there again
        self._all_until = 0.0
        self._refused: deque[tuple[float, str]] = deque(maxlen=2 * limits.several)
        self._next_tidying = 0.0

    def held(self, chat: str, now: float) -> float:
        """How many seconds Telegram wants nothing in a chat."""
        return max(0.0, self._until.get(chat, 0.0) - now, self._all_until - now)

    def short(self, now: float) -> float:
        """How many seconds the whole bot has to wait before it may send a message."""
        wait = 0.0 if self._bot is None else self._bot.wait(now)
        return max(wait, self._all_until - now)

    def wait(self, chat: str, kind: Kind, now: float) -> float:
        """How many seconds a call has to wait; 0: it may be made now."""
        waits = [self.held(chat, now)]
        reserve = 0.0 if kind is Kind.FINAL else self._limits.reserve
        if kind is Kind.DRAFT:
            waits += [window.wait(now) for window in self._drafts.get(chat, ())]
        elif kind is not Kind.TYPING:
            if (window := self._chats.get(chat)) is not None:
                waits.append(window.wait(now, reserve=reserve))
            if self._bot is not None:
                waits.append(self._bot.wait(now, reserve=reserve))
        return max(waits)

    def begin(self, chat: str, kind: Kind, now: float) -> Counted:
        """A call is made; what to give to `end` when it was answered."""
        self._tidy(now)
        windows = self._windows(chat, kind)
        for window in windows:
            window.begin()
        return windows

    def end(self, counted: Counted, now: float) -> None:
        """It was answered."""
        for window in counted:
            window.end(now)

    def _windows(self, chat: str, kind: Kind) -> Counted:
        if kind is Kind.TYPING:
            return ()
        if kind is Kind.DRAFT:
            drafts = self._drafts.get(chat)
            if drafts is None:
                drafts = self._drafts[chat] = tuple(map(_Window, self._limits.drafts))
            return drafts
        window = self._chats.get(chat)
        if window is None:
            limits = self._limits
            window = _Window(limits.group if is_group(chat) else limits.private)
            self._chats[chat] = window
        return (window,) if self._bot is None else (window, self._bot)

    def hold(self, chat: str, seconds: float, now: float) -> bool:
        """Telegram refused a call in a chat: nothing there for so many seconds. True: it refused
        so many chats at once that this holds for all of them.
        """
        self._until[chat] = max(now + seconds, self._until.get(chat, 0.0))
        self._refused.append((now, chat))
        lately = {each for at, each in self._refused if at > now - self._limits.together}
        if len(lately) < self._limits.several:
            return False
        self._all_until = max(self._all_until, now + seconds)
        if self._bot is None:
            self._bot = _Window(PER_SECOND)
        return True

    def _tidy(self, now: float) -> None:
        """Forget chats in which nothing happened lately."""
        if now < self._next_tidying:
            return
        self._next_tidying = now + self._limits.group.seconds
        self._until = {chat: until for chat, until in self._until.items() if until > now}
        self._chats = {c: window for c, window in self._chats.items() if not window.idle(now)}
        self._drafts = {c: each for c, each in self._drafts.items() if not each[-1].idle(now)}
