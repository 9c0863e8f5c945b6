"""The records everybody passes around: frozen, keyword-only, plain data.

Times are aware UTC datetimes; money is integer micro-dollars (1 USD = 1,000,000);
ids are the database's integers; `number` is what people call a version by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from avatar.language import noted


class TrainingType(StrEnum):
    """The two kinds of version."""

    PROMPT_UPDATE = "prompt_update"  # Quick Training: instant, free
    FINE_TUNE = "fine_tune"  # Deep Training: slow, costs money


class Status(StrEnum):
    """What is stored of a version. "Active Now" is derived from the pointers, never stored."""

    TRAINING = noted("training")
    COMPLETED = noted("completed")
    FAILED = noted("failed")
    CANCELLED = noted("cancelled")


class Badge(StrEnum):
    """What people see of a version."""

    ACTIVE_NOW = "Active Now"
    COMPLETED = "Completed"
    TRAINING = "Training"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    QUICK_TRAINING = "Quick Training"


class Method(StrEnum):
    """How a model is trained, in OpenAI's words."""

    SUPERVISED = "supervised"  # to say what the examples say
    PREFERENCE = "dpo"  # to prefer one answer to another, on top of a fine-tuned model


class Axis(StrEnum):
    """The two independent things that decide what an avatar says."""

    MODEL = "model"
    PROMPT = "prompt"


class Why(StrEnum):
    """Why a pointer changed; kept in the log of activations."""

    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    RESTORED = "restored"
    TRAINED = "trained"  # a new prompt is active at once
    UNDONE = "undone"
    DELETED = "deleted"


class Role(StrEnum):
    """Who said a turn, in OpenAI's words."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Finish(StrEnum):
    """How a reply ended."""

    STOP = "stop"  # the model was done
    LENGTH = "length"  # the model's limit
    FILTER = "content_filter"  # the provider's filter
    CUT = "cut"  # the connection broke: what came is kept
    STOPPED = "stopped"  # a person pressed stop


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a message goes."""

    platform: str  # telegram | discord | terminal
    chat: str  # the platform's id of the chat
    thread: str = ""  # topic or thread inside it
    bot: str = ""  # which of our accounts on that platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Somebody as a platform names them."""

    platform: str
    external_id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody we know."""

    id: int
    platform: str
    external_id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file somebody sent, as a reference: its bytes stay at the platform until asked for."""

    ref: str  # what the platform's messenger needs to fetch it (a file id, a path)
    name: str  # as the sender called it, never used as a path; of what is no file: a word for it
    size: int | None  # bytes, where the platform says
    kind: str  # document | photo | voice | …; what is no file (contact | location | …) has no ref


@dataclass(frozen=True, kw_only=True, slots=True)
class Avatar:
    """A persona."""

    id: int
    slug: str  # unique, a-z 0-9 and hyphens; used in deep links
    name: str
    provider: str  # who answers when no fine-tuned version is active
    base_model: str
    active_prompt_id: int | None  # a version's id, or none: no prompt
    active_model_id: int | None  # a version's id, or none: the base model
    visibility: str  # public | private
    created_at: datetime
    messages_per_minute: int | None = None  # None: as usual in this installation; so the others
    cost_per_day: int | None = None
    cost_per_month: int | None = None
    voice: str | None = None  # with whose voice it answers voice messages; None: in writing only
    picture: str | None = None  # another for every picture; None: it has none


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One entry of an avatar's Learning Path."""

    id: int
    avatar_id: int
    number: int  # 1, 2, 3… per avatar; never given twice
    training_type: TrainingType
    status: Status
    note: str
    created_by: int | None  # a person's id
    created_at: datetime
    prompt: str | None = None  # prompt versions: the whole text
    provider: str | None = None  # fine-tuned versions: who trains and serves it
    base_model: str | None = None
    method: Method = Method.SUPERVISED
    fine_tuned_model_id: str | None = None
    source: str | None = None  # the name of the file the examples came from
    origin_id: int | None = None  # the version whose examples were trained again
    example_count: int = 0
    estimated_tokens: int | None = None  # all epochs together
    trained_tokens: int | None = None  # as billed
    epochs: int | None = None
    estimated_cost: int | None = None  # None: no price is known
    actual_cost: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None  # the provider's reason, as it said it
    error_code: str | None = None
    deleted_at: datetime | None = None  # a tombstone: the number stays taken, the money counted
    model_deleted_at: datetime | None = None  # the model was deleted at the provider too
    unlearnt_at: datetime | None = None  # examples were removed; its model still knows them
    screening: Mapping[str, object] | None = (
        None  # `avatar.screening.Screening`; None: not screened
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a conversation, as a model sees it."""

    role: Role
    text: str
    images: tuple[str, ...] = ()  # data: URLs of pictures that belong to it


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One training conversation; the last turn is what the avatar should say."""

    turns: tuple[Turn, ...]
    weights: tuple[int | None, ...]  # per turn: OpenAI's `weight`, None where it was not given
    tokens: int
    source: str  # where it came from, e.g. "chats.jsonl line 12"
    rejected: str | None = None  # preference pairs: the worse answer to the same conversation
    messages: int = 0  # of a chat export that are counted as kept with it
    people: tuple[str, ...] = ()  # who speaks in it besides the avatar; none if names are masked

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is said in it; of a preference pair, both answers."""
        said = tuple(turn.text for turn in self.turns)
        return said if self.rejected is None else (*said, self.rejected)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An example of a draft, which its owner may leave out."""

    position: int  # among all of the draft's; never given anew
    example: Example
    held_out: bool  # kept for evaluation, never trained on
    left_out: str | None  # why, in the words of `avatar.dataset.kinds`; None: it is in


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedChat:
    """A chat of an export that can be chosen."""

    id: str
    title: str
    messages: int
    of_two: bool  # at most two people speak there


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """A chat export that somebody sent, and what they chose of it so far. The file itself stays
    where it came from and is read again with each choice that gives examples.
    """

    id: int
    avatar_id: int
    person_id: int
    address: Address
    attachment: Attachment
    format: str  # "Telegram"
    messages: int
    speakers: tuple[tuple[str, str, int], ...]  # id, name, messages; the most first, some of them
    chats: tuple[OfferedChat, ...]  # the one with the most messages first, some of them
    chat_count: int  # of all
    speaker: str | None  # whose words are learnt; None: not chosen yet
    chosen: tuple[str, ...] | None  # chats; None: not chosen yet
    marked: tuple[str, ...]  # chats that are going to be chosen, by their ids
    rules: Mapping[str, object]  # those that are not as usual
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """A better answer that an owner gave in the chat: an example for the next training."""

    id: int
    avatar_id: int
    person_id: int | None
    turns: tuple[Turn, ...]  # what was said before, the question last
    better: str
    worse: str  # what the avatar had answered; the same as `better` after a thumbs-up
    created_at: datetime
    liked: bool = False  # by a thumbs-up


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A training that was read and shown, and waits for its owner's yes."""

    id: int
    avatar_id: int
    person_id: int
    source: str
    provider: str
    base_model: str
    example_count: int
    tokens: int  # of one epoch
    epochs: int
    warnings: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    origin_id: int | None = None
    version_id: int | None = None  # set when it was started
    import_id: int | None = None  # the chat export that the examples are from
    report: Mapping[str, object] | None = None  # what became of its messages
    counted_with: str | None = None  # the vocabulary its tokens are counted with; None: estimated
    left_out: Mapping[str, int] = field(default_factory=dict)  # how many examples, by kind
    method: Method = Method.SUPERVISED


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The provider's fine-tuning job behind a fine-tuned version, and what we do about it."""

    id: int
    version_id: int
    key: str  # ours, in the remote job's metadata: finds a job whose creation we did not see end
    provider: str
    hyperparameters: Mapping[str, int | float | str]
    created_at: datetime
    next_poll_at: datetime
    remote_file_id: str | None = None
    create_attempted_at: datetime | None = None  # written before the paid call
    searches: int = 0  # looks for a remote job in doubt that found none
    remote_job_id: str | None = None
    remote_status: str | None = None
    last_event_id: str | None = None
    step: int | None = None
    total_steps: int | None = None
    loss: float | None = None
    estimated_finish: datetime | None = None
    failures: int = 0  # polls in a row that the provider did not answer
    cancel_requested_at: datetime | None = None
    waiting_told_at: datetime | None = None
    ended_at: datetime | None = None
    address: Address | None = None  # where the training was asked for
    progress_message_id: str | None = None  # the message there that shows its progress


@dataclass(frozen=True, kw_only=True, slots=True)
class JobEvent:
    """Something the provider said about a job."""

    remote_id: str
    created_at: datetime
    level: str  # info | warn | error
    message: str
    data: Mapping[str, object] = field(
        default_factory=dict
    )  # metrics: step, total_steps, train_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteJob:
    """A job as the provider reports it."""

    id: str
    status: str  # OpenAI's words; unknown ones mean "not finished"
    model: str = ""
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    estimated_finish: datetime | None = None
    finished_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    epochs: int | None = None  # what "auto" became
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteModel:
    """A model that a provider lists."""

    id: str
    ends_on: date | None = None  # the provider's `shutdown_date`
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What is known of a model's end."""

    provider: str
    model: str
    ends_on: date | None
    vanished_at: datetime | None = None  # when the provider was first seen without it


@dataclass(frozen=True, kw_only=True, slots=True)
class Acquaintance:
    """Somebody who met an avatar."""

    person: Person
    met_at: datetime
    replies: int  # how many the avatar gave them, of those that are stored
    invited: bool
    blocked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """A way into an avatar: limited in uses and time. Its code is known to those who have it."""

    id: int
    avatar_id: int
    made_at: datetime
    expires_at: datetime
    uses: int
    most_uses: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """One change of a pointer."""

    id: int
    avatar_id: int
    axis: Axis
    from_id: int | None
    to_id: int | None
    why: Why
    person_id: int | None
    at: datetime


class NoticeKind(StrEnum):
    """What the bot can owe somebody."""

    TRAINING_COMPLETED = "training_completed"
    TRAINING_FAILED = "training_failed"
    TRAINING_CANCELLED = "training_cancelled"
    STILL_WAITING = "still_waiting"
    MODEL_GONE = "model_gone"
    MODEL_ENDS = "model_ends"  # a fine-tuned version's model
    BASE_ENDS = "base_ends"  # the base model that an avatar answers with
    LIMIT_NEAR = "limit_near"  # most of what may be spent is spent


@dataclass(frozen=True, kw_only=True, slots=True)
class NewNotice:
    """A notice to be written. A second one with the same key is dropped."""

    kind: NoticeKind
    key: str  # e.g. "training_ended:12"
    address: Address
    avatar_id: int
    version_id: int | None = None
    data: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A message the bot owes somebody, kept until it is delivered."""

    id: int
    kind: NoticeKind
    address: Address
    avatar_id: int
    version_id: int | None
    data: Mapping[str, str | int | None]
    created_at: datetime
    attempts: int
    perhaps: bool = False  # an earlier attempt may have arrived: its end is not known


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """A conversation's place: which avatar speaks there, and since when."""

    id: int
    address: Address
    avatar_id: int | None
    conversation_began_at: datetime
    conversation_after: int  # turns with a message id above this belong to the conversation
    talkative: int = 0  # percent of what is said to nobody that the avatar answers
    quiet: str = ""  # when it does not speak: `avatar.quiet` reads it
    language: str = (
        ""  # a tag: chosen, or, in private, what the platform said at first; "": unknown
    )
    brought: bool = False  # one of its owners chose that avatar here


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a call to a model consumed, in tokens."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0  # of the prompt's
    estimated: bool = False  # the provider did not say; counted from bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What answers: fixed when a reply begins."""

    prompt: Version | None  # None: no prompt
    model: Version | None  # None: the base model
    provider: str
    model_name: str  # what is sent to the provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A stored turn. What produced a reply is kept with it, exactly."""

    id: int
    chat_id: int
    avatar_id: int
    role: Role
    text: str
    created_at: datetime
    person_id: int | None = None  # who said it, or asked for it
    answers: int | None = None  # replies: the id of the message it answers
    prompt_version_id: int | None = None
    model_version_id: int | None = None
    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    finish: Finish | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """What was spent on one thing in one month."""

    month: str  # "2026-11", UTC
    kind: str  # chat | training | compare | transcription | speech
    version_id: int | None  # the fine-tuned version; None: the base model
    version_number: int | None
    model: str
    count: int  # replies or trainings
    prompt_tokens: int  # trainings: trained tokens
    completion_tokens: int
    cost: int  # what has a known price
    unpriced: int  # how many of `count` had no known price


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """A yes that is waited for: good for one person, one use and ten minutes."""

    id: int
    action: str  # the code of what will be done
    person_id: int
    expires_at: datetime
    used_at: datetime | None
    about: str = ""  # words that belong to the action


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """An amount to be added to what was spent."""

    avatar_id: int
    month: str
    kind: str  # chat | training | compare | transcription | speech
    version_id: int | None
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: int | None  # None: no price is known
    count: int = 1
