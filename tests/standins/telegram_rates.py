"""Telegram's flood limits, in a clock that may run faster, and its bad days.

    telegram.rates = Rates(second=0.05)    # from now on calls are counted; 20 times as fast
    telegram.rates.inside                  # calls that came while their chat had to wait

A call too many is answered 429; every further one in the same chat as well, until the wait that it
was told is over. Too many calls of the whole bot let every chat wait.
"""

import random
from collections import defaultdict, deque
from dataclasses import dataclass

# So many in so many seconds.
PRIVATE = ((6, 6.0),)  # about one a second; short bursts pass
GROUP = ((20, 60.0),)
DRAFTS = ((20, 5.0), (40, 30.0))
BOT = ((30, 1.0),)
_MESSAGES = {"sendMessage", "editMessageText", "sendDocument"}


class Rates:
    """The limits of one bot. `second`: how long a second takes, in real ones."""

    def __init__(self, *, second: float = 1.0) -> None:
        self.second = second
        self.inside: list[tuple[str, int]] = []  # (method, chat)
        self.refused = 0
        self._spent: defaultdict[tuple[str, int], deque[float]] = defaultdict(deque)
        self._until: dict[int, float] = {}

    def check(self, method: str, chat: int | None, at: float) -> float | None:
        """None: the call may pass, and is counted. Else how long to wait, in real seconds."""
        if chat is None or method not in _MESSAGES | {"sendMessageDraft", "sendChatAction"}:
            return None
        now = at / self.second
        until = max(self._until.get(chat, 0.0), self._until.get(0, 0.0))
        if now < until:
            self.inside.append((method, chat))
            return (until - now) * self.second
        waits = []
        if method == "sendMessageDraft":
            waits = [self._wait(("drafts", chat), DRAFTS, now)]
        elif method in _MESSAGES:
            limits = PRIVATE if chat > 0 else GROUP
            waits = [self._wait(("chat", chat), limits, now)]
            everywhere = self._wait(("bot", 0), BOT, now)
            if everywhere:
                self._until[0] = now + everywhere
            waits.append(everywhere)
        if wait := max(waits, default=0.0):
            self.hold(chat, wait * self.second, at)
            return wait * self.second
        for key, kinds in (
            ("drafts", {"sendMessageDraft"}),
            ("chat", _MESSAGES),
            ("bot", _MESSAGES),
        ):
            if method in kinds:
                self._spent[key, 0 if key == "bot" else chat].append(now)
        return None

    def hold(self, chat: int, seconds: float, at: float) -> None:
        """Nothing in a chat for so many real seconds."""
        self.refused += 1
        now = at / self.second
        self._until[chat] = max(self._until.get(chat, 0.0), now + seconds / self.second)

    def _wait(
        self, key: tuple[str, int], limits: tuple[tuple[int, float], ...], now: float
    ) -> float:
        spent, longest = self._spent[key], limits[-1][1]
        while spent and spent[0] <= now - longest:
            spent.popleft()
        wait = 0.0
        for count, seconds in limits:
            if len(spent) >= count and spent[-count] > now - seconds:
                wait = max(wait, spent[-count] + seconds - now)
        return wait


@dataclass(frozen=True, kw_only=True, slots=True)
class BadDay:
    """How often what goes wrong, as a part of all calls that write. The seed decides which."""

    seed: int
    flood: float = 0.05
    gateway: float = 0.02
    reset_before: float = 0.02
    reset_after: float = 0.02

    def draws(self) -> random.Random:
        return random.Random(self.seed)
