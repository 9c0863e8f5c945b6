"""What the rules need from outside beside the store, as Protocols: time, the provider, the herald.

`backends`, `jobs` and `bot` fulfil them. Nothing is raised beyond what is named here, except
`ProviderError`s from the provider's ports.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from avatar.records import (
    Example,
    Finish,
    Job,
    JobEvent,
    Method,
    Notice,
    RemoteJob,
    RemoteModel,
    Turn,
    Usage,
    Version,
)


class Clock(Protocol):
    """What time it is: `datetime.now(UTC)`, or a test's."""

    def __call__(self) -> datetime: ...


# --- the provider ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatRequest:
    """What a model is asked."""

    model: str
    turns: tuple[Turn, ...]
    reply_tokens: int  # at most
    reasons: bool = False  # a model of the reasoning family


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The last thing a stream gives."""

    finish: Finish
    usage: Usage | None  # None: the provider did not say


class ChatModel(Protocol):
    """Who answers."""

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Ended]:
        """Pieces of text as they come, then exactly one `Ended`.

        A connection that breaks after text came ends with Finish.CUT instead of an error.
        Raises ProviderError before the first piece: ModelGone, QuotaExceeded, WrongKey,
        ContextTooLong, Overloaded (after retries), ProviderUnavailable, RequestRefused.
        Closing the iterator closes the connection.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What a voice message says."""

    text: str
    usage: Usage | None  # None: the provider did not say, or does not count in tokens


class Transcriber(Protocol):
    """Who turns speech into text."""

    async def transcribe(self, name: str, content: bytes, *, model: str) -> Transcript:
        """The name's ending tells the format. Raises ProviderError."""
        ...


class Speaker(Protocol):
    """Who turns text into speech."""

    async def speak(self, text: str, *, model: str, voice: str) -> bytes:
        """Ogg with Opus. Raises ProviderError."""
        ...


class Trainer(Protocol):
    """Who trains. Every method raises ProviderError and nothing else."""

    async def upload(self, name: str, examples: AsyncIterator[Sequence[Example]]) -> str:
        """Write examples as a training file; returns the remote file's id. The name is the job's
        own: files that it has from attempts whose end nobody saw are deleted.
        """
        ...

    async def create(
        self,
        *,
        base_model: str,
        file_id: str,
        key: str,
        suffix: str,
        hyperparameters: Mapping[str, int | float | str],
        method: Method = Method.SUPERVISED,
    ) -> RemoteJob:
        """Create the job, without any automatic retry. `key` goes into its metadata. Raises
        TrainingClosed where the account may not train; a temporary error means that it is
        unknown whether the job exists: look with `find`.
        """
        ...

    async def find(self, key: str) -> RemoteJob | None:
        """The job that carries this key in its metadata."""
        ...

    async def job(self, remote_id: str) -> RemoteJob:
        """Raises RemoteNotFound."""
        ...

    async def jobs(self, wanted: frozenset[str]) -> Mapping[str, RemoteJob]:
        """Many at once, by pages of the provider's list; those not found are left out."""
        ...

    async def events(self, remote_id: str, *, after: str | None) -> tuple[JobEvent, ...]:
        """What was said since the event with id `after` (at most some hundreds), oldest first."""
        ...

    async def cancel(self, remote_id: str) -> RemoteJob:
        """A job that has ended is returned as it is."""
        ...

    async def delete_model(self, model: str) -> None:
        """Raises RemoteNotFound when it is gone already."""
        ...

    async def models(self) -> tuple[RemoteModel, ...]:
        """Those that the provider lists for this account."""
        ...

    async def has_model(self, model: str) -> bool:
        """Whether the provider still knows a model, listed or not."""
        ...

    async def may_train(self, base_model: str) -> bool:
        """Whether this account may train that model now: asked with a file that does not exist,
        so that no job is ever made. False: the provider has closed training to it.
        """
        ...

    async def delete_file(self, file_id: str) -> None:
        """A file that is gone is no error."""
        ...


class Moderator(Protocol):
    """Who looks whether a provider would refuse a text."""

    async def flags(self, texts: Sequence[str]) -> tuple[frozenset[str], ...]:
        """The categories that each text is flagged for, in their order; none where it is not.
        Raises ProviderError; NotOffered or RemoteNotFound where there is no such call.
        """
        ...


# --- people ----------------------------------------------------------------------------------


class Herald(Protocol):
    """Who words what the bot owes and brings it to an address."""

    async def bring(self, notice: Notice) -> None:
        """Raises Unreachable (for good) or NotDelivered (try again later)."""
        ...

    async def show_progress(self, version: Version, job: Job) -> None:
        """Edit the message that shows a training's progress, where there is one. Raises nothing:
        a missed edit is made good by the next.
        """
        ...
