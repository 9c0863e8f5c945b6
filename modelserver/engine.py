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
class Preference:
    """One example of the method dpo: which of two replies is the better one."""

    prompt: tuple[Said, ...]
    preferred: str
    rejected: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """Where a training is. With dpo, accuracy is the share of pairs that are told apart rightly."""

    step: int
    total_steps: int
    train_loss: float
    train_mean_token_accuracy: float
    valid_loss: float | None = None  # only at steps where the validation file was looked at
    valid_mean_token_accuracy: float | None = None
    tokens_per_second: float | None = None  # None: an engine that does no real work
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something that whoever follows a training should read."""

    message: str
    level: str = "info"  # info | warn


# Called with every step that is to be seen, the last one always, and with what there is to say.
# The training may be cancelled while it awaits this.
Report = Callable[[Metrics | Note], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be trained: lessons with the method supervised, pairs with dpo."""

    method: str = "supervised"  # one of the engine's methods
    lessons: Sequence[Lesson] = ()
    pairs: Sequence[Preference] = ()
    validation: Sequence[Lesson] = ()  # empty without a validation file
    validation_pairs: Sequence[Preference] = ()
    folder: Path  # where the model is written; nobody reads it before `train` has returned
    work: Path  # the engine's own until the job has ended: outlives pauses and restarts
    parent: Path | None = None  # the model this one is trained on top of; None is the base model
    base: str = ""  # which base model
    epochs: int
    batch_size: int
    learning_rate_multiplier: float = 1.0
    beta: float | None = None  # dpo's
    seed: int = 0
    first_step: int  # steps that were reported before a pause or a restart; 0 at the beginning
    seconds: float  # about how long an engine without real work takes, so that it can be watched


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The model as it was at the end of an epoch."""

    step: int
    folder: Path  # in the work folder of its order
    metrics: Metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What came of a training."""

    tokens: int | None = None  # that were trained on; None: to be counted from the texts
    checkpoints: tuple[Checkpoint, ...] = ()  # of epochs before the last, the oldest first
    files: tuple[Path, ...] = ()  # in the work folder: to be given out as result files


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """How a reply should be made; None leaves it to the engine. An engine may pass over all of it:
    its caller holds the length too.
    """

    longest: int | None = None  # tokens
    temperature: float | None = None  # 0 is the likeliest token each time
    top_p: float | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The last of a reply, from an engine that knows these numbers."""

    finish: str  # stop | length
    prompt_tokens: int
    completion_tokens: int


class Engine(Protocol):
    """Trains and answers. Models are folders; None is the engine's own base model."""

    async def start(self) -> None:
        """Called once, before anything else. Raises EngineFault."""
        ...

    async def close(self) -> None:
        """Called once, when no training and no reply is in progress any more."""
        ...

    @property
    def base_models(self) -> tuple[str, ...]: ...

    @property
    def methods(self) -> tuple[str, ...]:
        """Of training: supervised, dpo."""
        ...

    @property
    def builds_on(self) -> bool:
        """Whether a model that was trained can be trained further."""
        ...

    @property
    def at_once(self) -> int:
        """How many trainings run side by side; further ones wait."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens the messages of one request may have."""
        ...

    def batch_size(self, examples: int) -> int:
        """What "auto" becomes."""
        ...

    async def train(self, order: Order, report: Report) -> Trained:
        """Write the model into `order.folder`. Raises TrainingError.

        Cancellation ends it: a pause, a cancelled job and the end of the server are the same to
        an engine. To go on, it is called again with `first_step`.
        """
        ...

    def reply(
        self, folder: Path | None, messages: Sequence[Said], wish: Wish
    ) -> AsyncGenerator[str | Ended, None]:
        """The reply in pieces, and at the end perhaps its numbers. Raises ApiError."""
        ...

    async def forget(self, folder: Path) -> None:
        """A model is about to be deleted."""
        ...

    def tokens(self, text: str) -> int:
        """How many tokens a text is. Never more than the tokens of its parts together."""
        ...
