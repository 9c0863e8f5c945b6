"""One reply on the clock: from when its question came in until the person has it."""

from collections.abc import Callable
from datetime import datetime

from avatar.meter import Meter
from avatar.ports import Clock
from avatar.records import Finish


class ReplyWatch:
    """Tells the meter of one reply."""

    def __init__(self, meter: Meter, *, platform: str, since: datetime, clock: Clock) -> None:
        self._meter = meter
        self._platform = platform
        self._since = since
        self._clock = clock
        self._first: float | None = None

    def seen(self, show: Callable[[str], None]) -> Callable[[str], None]:
        """`show`, and the time of its first call is noted."""

        def noting(text: str) -> None:
            if self._first is None:
                self._first = self._seconds()
            show(text)

        return noting

    def over(self, finish: Finish) -> None:
        """The platform has taken the whole reply."""
        self._meter.replied(
            platform=self._platform, finish=finish, first=self._first, end=self._seconds()
        )

    def _seconds(self) -> float:
        """Never below zero, also when the clock went back."""
        return max(0.0, (self._clock() - self._since).total_seconds())
