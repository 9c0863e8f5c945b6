"""What an engine is: it can be trained and it answers. The HTTP side knows no more of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
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
    valid_loss: float | None = None  # only at steps where the validation file was looked at
    valid_mean_token_accuracy: float | None = None


# Called with every step that is to be seen, the last one always. The training may be cancelled
# while it awaits this.
Report = Callable[[Metrics], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be trained."""

    lessons: Sequence[Lesson]
    validation: Sequence[Lesson]  # empty without a validation file
    folder: Path  # where the model is written; nobody reads it before `train` has returned
    epochs: int
    batch_size: int
    first_step: int  # steps that were reported before a pause or a restart; 0 at the beginning
    seconds: float  # about how long an engine without real work takes, so that it can be watched


class Engine(Protocol):
    """Trains and answers. Models are folders; None is the engine's own base model."""

    @property
    def base_models(self) -> tuple[str, ...]: ...

    @property
    def context_tokens(self) -> int:
        """How many tokens the messages of one request may have."""
        ...

    def batch_size(self, examples: int) -> int:
        """What "auto" becomes."""
        ...

    async def train(self, order: Order, report: Report) -> None:
        """Write the model into `order.folder`. Raises TrainingError.

        Cancellation ends it: a pause, a cancelled job and the end of the server are the same to
        an engine. To go on, it is called again with `first_step`.
        """
        ...

    def reply(self, folder: Path | None, messages: Sequence[Said]) -> AsyncGenerator[str, None]:
        """The reply in pieces."""
        ...

    def tokens(self, text: str) -> int:
        """How many tokens a text is. Never more than the tokens of its parts together."""
        ...
