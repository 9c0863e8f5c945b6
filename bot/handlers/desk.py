"""What every handler works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from avatar.conversation import Conversation
from avatar.learning_path import LearningPath
from avatar.ports import Clock, Store, Trainer
from avatar.providers import Provider
from avatar.training import Trainings


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Use-cases, and what is remembered."""

    store: Store
    learning_path: LearningPath
    trainings: Trainings
    conversation: Conversation
    providers: Mapping[str, Provider]
    trainers: Mapping[str, Trainer]
    provider: Provider  # what a new avatar starts with
    base_model: str
    clock: Clock
    idle: Callable[[], Awaitable[None]]  # waits until no training runs and no notice is owed
