"""Whether the bot works: its parts, and what is wrong with them."""

from collections.abc import Callable
from dataclasses import dataclass, field

Fault = Callable[[], str | None]  # what is wrong with a part, in a few words; None: nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The parts that have to work, and how each is asked. Whoever starts one adds it."""

    parts: dict[str, Fault] = field(default_factory=dict)

    def faults(self) -> dict[str, str]:
        """What is wrong now, by part."""
        found = ((part, fault()) for part, fault in self.parts.items())
        return {part: said for part, said in found if said is not None}


def connecting() -> str:
    """The fault of a platform that was not reached yet."""
    return "not connected yet"
