"""What an engine is: it can be trained and it answers. The HTTP side knows no more of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation."""

    role: str  # system | user | assistant
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """One training example."""

    messages: tuple[Said, ...]
    learn: tuple[bool, ...]  # per message: whether it is to be learnt (the assistant's, weight 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """Where a training is."""

    step: int
    total_steps: int
    train_loss: float
    train_mean_token_accuracy: float


# Called after each step; awaits while the job is paused, so that training stands still.
Report = Callable[[Metrics], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be trained."""

    lessons: Sequence[Lesson]
    folder: Path  # where the model is written; it appears under its name only when complete
    epochs: int
    batch_size: int
    first_step: int  # steps that were reported before a restart
    seconds: float  # about how long an engine without real work takes, so that it can be watched


class Engine(Protocol):
    """Trains and answers. Models are folders; None is the engine's own base model."""

    @property
    def base_models(self) -> tuple[str, ...]: ...

    @property
    def context_tokens(self) -> int: ...

    def batch_size(self, examples: int) -> int:
        """What "auto" becomes."""
        ...

    async def train(self, order: Order, report: Report) -> None:
        """Write the model into `order.folder`. Raises TrainingError; cancellation ends it."""
        ...

    def reply(self, folder: Path | None, messages: Sequence[Said]) -> AsyncIterator[str]:
        """The reply in pieces."""
        ...

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        ...
