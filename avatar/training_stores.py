"""What is remembered of trainings, as Protocols: a part of `avatar.stores.Store`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from avatar.records import (
    Address,
    Attachment,
    Candidate,
    Draft,
    Ending,
    Example,
    Import,
    Job,
    JobEvent,
    Method,
    NewNotice,
    OfferedChat,
    Spent,
    Taught,
    Turn,
    Version,
)


class TaughtStore(Protocol):
    """Better answers that owners gave in the chat."""

    async def teach(
        self,
        *,
        avatar_id: int,
        person_id: int,
        turns: Sequence[Turn],
        better: str,
        worse: str,
        now: datetime,
        cause: int,
        reply_id: int | None = None,
        liked: bool = False,
        people: Collection[int] = (),
    ) -> Taught:
        """A second call with the same cause returns what the first made; so does a second one for
        the same reply that is `liked`. `reply_id` is the stored reply it is about, `people` are
        those whose words are in it: it goes when one of them is forgotten, unless they taught it.
        """
        ...

    async def unlike(self, reply_id: int, *, person_id: int) -> bool:
        """Delete what a person's thumbs-up made of a reply. False: there is none."""
        ...

    async def taught(self, avatar_id: int, *, limit: int, offset: int) -> tuple[Taught, ...]:
        """Newest first."""
        ...

    async def count_taught(self, avatar_id: int) -> int: ...

    async def taught_one(self, taught_id: int) -> Taught | None: ...

    async def unteach(self, taught_id: int) -> bool:
        """False: it is gone already."""
        ...


class TrainingStore(Protocol):
    """Drafts and jobs."""

    async def add_draft(
        self,
        *,
        avatar_id: int,
        person_id: int,
        source: str,
        provider: str,
        base_model: str,
        tokens: int,
        epochs: int,
        warnings: Sequence[str],
        examples: Sequence[Example],
        now: datetime,
        expires_at: datetime,
        held_out: Sequence[Example] = (),
        import_id: int | None = None,
        report: Mapping[str, object] | None = None,
        origin_id: int | None = None,
        method: Method = Method.SUPERVISED,
        counted_with: str | None = None,
    ) -> Draft:
        """`held_out` are kept for evaluation and never trained on."""
        ...

    async def draft_example(self, draft_id: int, *, place: int) -> Example | None:
        """The example at a place, 0 being the first that is left."""
        ...

    async def candidates(self, draft_id: int, *, after: int, limit: int) -> tuple[Candidate, ...]:
        """All of a draft's examples whose position is above `after`, in order: held out ones and
        those that are left out too.
        """
        ...

    async def leave_out(
        self,
        draft_id: int,
        changes: Mapping[int, str | None],
        *,
        left_out: Mapping[str, int],
        report: Mapping[str, object] | None,
    ) -> Draft | None:
        """Leave examples out for a reason, or take them in again (None), by position, and write
        what the draft says of it. None: the draft was started or dropped.
        """
        ...

    async def recount(
        self, draft_id: int, tokens: Mapping[int, int], *, counted_with: str | None
    ) -> Draft | None:
        """Put other numbers of tokens, by position. None: the draft was started or dropped."""
        ...

    async def draft_examples(
        self, draft_id: int, *, limit: int, offset: int
    ) -> tuple[Example, ...]:
        """Those to be trained, in order."""
        ...

    async def add_import(
        self,
        *,
        avatar_id: int,
        person_id: int,
        address: Address,
        attachment: Attachment,
        form: str,
        messages: int,
        speakers: Sequence[tuple[str, str, int]],
        chats: Sequence[OfferedChat],
        chat_count: int,
        speaker: str | None,
        expires_at: datetime,
        overview: Mapping[str, object] | None = None,
    ) -> Import: ...

    async def import_(self, import_id: int) -> Import | None: ...

    async def import_overview(self, import_id: int) -> Mapping[str, object] | None:
        """What an export was seen to hold. None: it was too large to be kept, or is gone."""
        ...

    async def set_import(
        self,
        import_id: int,
        *,
        speaker: str | None,
        chosen: Sequence[str] | None,
        rules: Mapping[str, object],
    ) -> None: ...

    async def mark_chats(
        self, import_id: int, *, on: Collection[str] = (), off: Collection[str] = ()
    ) -> tuple[str, ...] | None:
        """Mark chats of an export, by their ids, and take the marks of others away, in one step.
        Returns all that are marked then; None: the import is gone.
        """
        ...

    async def draft(self, draft_id: int) -> Draft | None: ...

    async def draft_again(
        self,
        version_id: int,
        *,
        person_id: int,
        source: str,
        provider: str,
        base_model: str,
        epochs: int,
        now: datetime,
        expires_at: datetime,
    ) -> Draft | None:
        """A draft of a version's stored examples, which names it as its origin. None: it has no
        examples, or is deleted.
        """
        ...

    async def set_draft_target(self, draft_id: int, *, provider: str, base_model: str) -> None: ...

    async def set_draft_epochs(self, draft_id: int, epochs: int) -> None: ...

    async def drop_draft(self, draft_id: int) -> bool:
        """Delete it with its examples. False: it was started or dropped before."""
        ...

    async def start_draft(
        self,
        draft_id: int,
        *,
        note: str,
        key: str,
        estimated_tokens: int,
        estimated_cost: int | None,
        address: Address,
        now: datetime,
    ) -> Version | None:
        """Turn a draft into a version in training with its examples and a job that is due now,
        in one step. None: it was started or dropped before.
        """
        ...

    async def stored_examples(
        self, version_id: int, *, after: int, limit: int, held_out: bool | None = None
    ) -> tuple[tuple[int, Example], ...]:
        """(position, example) of a version, in order; those above `after`. `held_out`: only those
        that are, or only those that are trained on; None: all.
        """
        ...

    async def remove_examples(
        self, version_id: int, positions: Collection[int], *, now: datetime
    ) -> int:
        """Take examples out of a version's for good, and mark it. How many went."""
        ...

    async def screened(
        self, version_id: int, positions: Collection[int], *, screening: Mapping[str, object]
    ) -> None:
        """Take the examples that a provider's moderation flags out of a version that is not
        uploaded yet (none of them held out), and write down what it said.
        """
        ...

    async def job_of(self, version_id: int) -> Job | None: ...

    async def job_events(self, job_id: int, *, limit: int) -> tuple[JobEvent, ...]:
        """Newest first."""
        ...

    async def request_cancel(self, version_id: int, *, now: datetime) -> bool:
        """Ask for the job's end; it is due at once. False: it has ended."""
        ...

    async def set_progress_message(
        self, version_id: int, *, address: Address, message_id: str
    ) -> None: ...

    async def claim_jobs(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[tuple[Job, Version], ...]:
        """Take jobs that are due and not leased, most overdue first; nobody else gets them until
        the lease is over. Versions may be tombstones.
        """
        ...

    async def renew_leases(self, *, owner: str, now: datetime, lease: timedelta) -> None:
        """Keep the jobs that `owner` has claimed and not lost for a `lease` from now on."""
        ...

    async def save_job(
        self,
        job: Job,
        version: Version,
        *,
        owner: str,
        release: bool,
        now: datetime,
        events: Sequence[JobEvent] = (),
        notices: Sequence[NewNotice] = (),
        spent: Sequence[Spent] = (),
    ) -> bool:
        """Write what following learnt, all in one step. False, and nothing written: the lease is
        lost. `cancel_requested_at` and the progress message are left as they are (others write
        them). With `release` the lease ends. A job that has ended and whose version is a
        tombstone is deleted.
        """
        ...

    async def next_job_due(self) -> datetime | None:
        """When the earliest job that has not ended is due; None: no training runs."""
        ...


class ClockStore(Protocol):
    """For when the clock went back."""

    async def rewind(
        self,
        *,
        now: datetime,
        jobs_ahead: timedelta,
        notices_ahead: timedelta,
        job_lease: timedelta,
        notice_lease: timedelta,
    ) -> int:
        """Jobs and notices that wait for a moment further ahead than said are due now, and leases
        last no longer than said. How many rows that concerned.
        """
        ...


class ModelStore(Protocol):
    """What is known of the ends of models, and whose they are; a model is (provider, its name)."""

    async def has_living(self, provider: str, model: str) -> bool:
        """Whether a living version of any avatar has that model."""
        ...

    async def of_others(
        self, person_id: int, models: Collection[tuple[str, str]]
    ) -> frozenset[tuple[str, str]]:
        """Those that versions of avatars have, or had before they were deleted, of which avatars
        the person owns none.
        """
        ...

    async def save_endings(self, endings: Sequence[Ending]) -> None:
        """New, or in place of what was known of the same model."""
        ...

    async def endings(
        self, models: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], Ending]:
        """Of some (provider, model); those without a known end are left out."""
        ...
