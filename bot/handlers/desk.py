"""What every handler works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from avatar.conversation import Conversation
from avatar.exports import Exports
from avatar.importing import Imports
from avatar.invitations import Invitations
from avatar.learning_path import LearningPath
from avatar.limiter import Limiter
from avatar.linking import Linking
from avatar.looking import Looking
from avatar.meter import Meter
from avatar.models import Models
from avatar.ports import Clock, Trainer
from avatar.providers import Providers
from avatar.stores import Store
from avatar.teaching import Teaching
from avatar.training import Trainings
from avatar.unlearning import Unlearning
from avatar.voices import Voices
from bot.running import Running


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Use-cases, and what is remembered."""

    store: Store
    learning_path: LearningPath
    trainings: Trainings
    conversation: Conversation
    models: Models
    imports: Imports
    looking: Looking
    teaching: Teaching
    unlearning: Unlearning
    invitations: Invitations
    limiter: Limiter
    linking: Linking
    exports: Exports
    voices: Voices
    providers: Providers
    trainers: Mapping[str, Trainer]
    running: Running
    clock: Clock
    meter: Meter
    keeps: timedelta | None  # how long what was said is remembered; None: for ever
    idle: Callable[[], Awaitable[None]]  # waits until no training runs and no notice is owed
