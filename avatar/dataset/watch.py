"""How far the reading of a file is: written by the thread that reads, looked at by others."""

from dataclasses import dataclass
from enum import Enum


class Stopped(Exception):
    """Nobody waits for it any more; ends the thread that reads."""


class Stage(Enum):
    """What is done with a file."""

    FETCHING = "fetching"
    READING = "reading"
    BUILDING = "building"  # reading it once more, to examples
    MASKING = "masking"
    COUNTING = "counting"  # tokens; and keeping the examples


@dataclass(slots=True)
class Watch:
    """Plain numbers, of which each is written whole: no lock is needed."""

    stage: Stage = Stage.FETCHING
    done: int = 0  # bytes; examples while masking
    total: int = 0
    messages: int = 0  # read so far
    stopped: bool = False  # nobody waits for it any more

    def begin(self, stage: Stage) -> None:
        """Go on to another stage. Raises Stopped."""
        self.stage, self.done, self.total = stage, 0, 0
        self.check()

    def at(self, done: int, total: int) -> None:
        """So much of it is done. Raises Stopped."""
        self.done, self.total = done, total
        self.check()

    def check(self) -> None:
        """Raises Stopped when nobody waits any more."""
        if self.stopped:
            raise Stopped

    @property
    def seen(self) -> tuple[object, ...]:
        """What somebody can see of it."""
        return (self.stage, self.done, self.total, self.messages)
