"""What is counted while it works, as a port: the rules say what happened, and know nothing of who
adds it up. Nothing here names a person or an avatar.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from avatar.records import Finish, Status, Usage


class Meter(Protocol):
    """Counts. Every method is quick and raises nothing."""

    def replied(self, *, platform: str, finish: Finish, first: float | None, end: float) -> None:
        """A reply was shown to its end. Seconds since its question came in: until the first words
        were handed to the platform (None: no preview was), and until the platform had taken it.
        """
        ...

    def spent(self, *, kind: str, provider: str, usage: Usage, cost: int | None) -> None:
        """A provider was used. `kind` as in `Spent`; micro-dollars; None: no price is known."""
        ...

    def trained(self, status: Status) -> None:
        """A training ended."""
        ...

    def delivered(self, outcome: str) -> None:
        """A notice was brought: delivered, later or given_up."""
        ...

    def failed(self, error: BaseException, *, where: str) -> None:
        """Something went wrong while answering ("chat"), training or bringing a notice."""
        ...


class Uncounted:
    """Fulfils `Meter` where nobody reads it."""

    def replied(self, *, platform: str, finish: Finish, first: float | None, end: float) -> None:
        """Nothing."""

    def spent(self, *, kind: str, provider: str, usage: Usage, cost: int | None) -> None:
        """Nothing."""

    def trained(self, status: Status) -> None:
        """Nothing."""

    def delivered(self, outcome: str) -> None:
        """Nothing."""

    def failed(self, error: BaseException, *, where: str) -> None:
        """Nothing."""


UNCOUNTED = Uncounted()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tallies:
    """What waits in the database at one moment. Counts stop at `storage.tallies.MOST`."""

    inbox_waiting: int
    inbox_oldest: float | None  # seconds; None: nothing waits
    notices_owed: int
    notices_oldest: float | None
    jobs: Mapping[str, int] = field(default_factory=dict)  # open ones, by the provider's status


class TallyStore(Protocol):
    """For who watches over the installation. These two raise whatever the database raises."""

    async def alive(self) -> bool:
        """True: it answers."""
        ...

    async def tallies(self, *, now: datetime) -> Tallies:
        """What waits, counted."""
        ...
