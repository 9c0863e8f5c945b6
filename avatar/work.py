"""Work that waits: what came in, queued by address, and answered here or in another process."""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Protocol

from avatar.incoming import Incoming, Received
from avatar.records import Address

# Answers one message. `tries` counts how often it was put off before. Returns the seconds after
# which it is to be tried again; None: it is done with.
Handle = Callable[[Received, int], Awaitable[float | None]]


class WorkQueue(Protocol):
    """The inbox and the work behind it.

    What comes from one address is answered in the order it came, different addresses at the same
    time; what passes the queue (a wish to stop) waits for nothing. What was begun and not ended,
    because its process died, is begun again.
    """

    async def put(self, *incoming: Incoming) -> None:
        """Take what came in. When this returns it lies in the inbox, and will be answered; what
        lay there before is dropped. Raises StoreFailed; then nothing was taken.
        """
        ...

    async def serve(self, platforms: Collection[str], handle: Handle) -> None:
        """From now on, answer here what came and comes from these platforms."""
        ...

    def stops_by(self, stop: Callable[[Address], bool]) -> None:
        """How a reply that this process is writing at an address is stopped."""
        ...

    async def stop(self, address: Address) -> bool:
        """Ask whichever process answers something at an address to stop it. False: nothing is
        being answered there in another process.
        """
        ...

    async def settled(self, address: Address) -> None:
        """Wait until nothing from an address waits or is being answered."""
        ...

    async def quiet(self) -> None:
        """Wait until nothing waits or is being answered, anywhere."""
        ...

    async def close(self, *, grace: float) -> None:
        """Begin nothing more; what is being answered gets `grace` seconds. What is not done by
        then is answered after the next start, or by another process.
        """
        ...

    def nudge(self) -> None:
        """Ask whoever follows trainings and delivers notices to do so now."""
        ...

    async def nudges(self, follow: Callable[[], None]) -> None:
        """From now on, this process is asked by nudges."""
        ...

    async def alone(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do work that only one process may do at a time: wait until no other one does it, and
        end it when that cannot be known any more. Returns when the work ends.
        """
        ...
