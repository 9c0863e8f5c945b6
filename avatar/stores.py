"""What is remembered, as Protocols that `storage` fulfils.

Contracts that hold for every method: records in, records out; `now` is aware UTC; each is one
transaction, all or nothing; nothing is raised beyond what is named here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from avatar.access import Standing
from avatar.account_stores import AccountStore, OwnBotStore
from avatar.chat_stores import ChatStore
from avatar.door_stores import AcquaintanceStore, LinkStore, PlaceStore
from avatar.exporting import Export
from avatar.incoming import Incoming, Received
from avatar.limits import BudgetStore
from avatar.meter import TallyStore
from avatar.pricing import SpendingStore
from avatar.records import (
    Activation,
    Address,
    Author,
    Avatar,
    Axis,
    Chat,
    Confirmation,
    Example,
    Job,
    NewNotice,
    Notice,
    Person,
    Version,
    Why,
)
from avatar.training_stores import ClockStore, ModelStore, TaughtStore, TrainingStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """Who said something where: all that has to be known before it is decided what to do."""

    person: Person
    chat: Chat
    avatar: Avatar | None  # whom the chat talks to
    standing: Standing  # what the person is to that avatar


class PeopleStore(Protocol):
    """People and what they own."""

    async def arrival(
        self,
        author: Author,
        address: Address,
        *,
        home: Address | None,
        now: datetime,
        language: str = "",
    ) -> Arrival:
        """One read of all of it; what is not known yet is made, as `person` and `chat` do."""
        ...

    async def person(self, author: Author, *, home: Address | None = None) -> Person:
        """The person behind an author; made or renamed as needed. `home` is kept as the place
        where they can be written to alone; None leaves what is known.
        """
        ...

    async def homes(self, ids: Sequence[int]) -> Mapping[int, Address]:
        """Where people can be written to alone, by id; those without such a place are left out."""
        ...

    async def find_person(self, platform: str, external_id: str) -> Person | None: ...

    async def people(self, ids: Sequence[int]) -> Mapping[int, Person]:
        """By id; unknown ids are left out."""
        ...

    async def owners(self, avatar_id: int) -> tuple[Person, ...]:
        """In the order they were added."""
        ...

    async def is_owner(self, avatar_id: int, person_id: int) -> bool: ...

    async def add_owner(
        self, avatar_id: int, person_id: int, *, by: int | None, now: datetime
    ) -> bool:
        """False: they were one already."""
        ...

    async def remove_owner(self, avatar_id: int, person_id: int) -> bool:
        """False: they were none, or they are the last one (who stays)."""
        ...

    async def forget(self, person_id: int, *, now: datetime, cause: int | None = None) -> int:
        """Delete what the person said, and the replies to it, in every chat, and what of them
        lies in the inbox except for `cause`, the wish itself. Returns how many messages went.
        What was spent stays counted, and so do invitations and blocks.
        """
        ...


class AvatarStore(Protocol):
    """Avatars, and the pointers that say what is active."""

    async def add_avatar(
        self,
        *,
        slug: str,
        name: str,
        provider: str,
        base_model: str,
        owner_id: int,
        now: datetime,
        cause: int | None = None,
    ) -> Avatar:
        """Make one with its first owner. A second call with the same cause returns the one that the
        first made. Raises AlreadyDone when the slug is taken.
        """
        ...

    async def avatar(self, avatar_id: int) -> Avatar:
        """Raises AvatarNotFound."""
        ...

    async def avatar_by_slug(self, slug: str) -> Avatar | None: ...

    async def avatars(
        self, *, person_id: int | None, limit: int, offset: int = 0
    ) -> tuple[Avatar, ...]:
        """Those a person may see, oldest first: public ones that have not blocked them, their own,
        and those that they are invited to; None: all.
        """
        ...

    async def set_visibility(self, avatar_id: int, visibility: str) -> bool:
        """public or private. False: it was so already."""
        ...

    async def set_picture(self, avatar_id: int, *, mark: str | None, url: str | None) -> None:
        """What it looks like, as a data: URL; `mark` tells one picture from another."""
        ...

    async def picture(self, avatar_id: int) -> str | None:
        """A data: URL; None: it has none."""
        ...

    async def set_voice(self, avatar_id: int, voice: str | None) -> None:
        """With whose voice it answers voice messages; None: in writing only."""
        ...

    async def set_base(
        self, avatar_id: int, *, expected: tuple[str, str], provider: str, base_model: str
    ) -> bool:
        """Another base model. False, and nothing changed: it is not `expected` any more."""
        ...

    async def switch(
        self,
        *,
        avatar_id: int,
        axis: Axis,
        expected: int | None,
        to: int | None,
        why: Why,
        person_id: int | None,
        now: datetime,
        cause: int | None = None,
    ) -> bool:
        """Move a pointer from `expected` to `to` and log it, in one step.

        False, and nothing changed: the pointer is not at `expected` any more, or `to` is not a
        version of this avatar that is completed, not deleted and of the axis's kind.
        `cause` is the inbox id of what asked for it: a second switch with the same cause
        changes nothing and returns True (the process died before it could say so).
        """
        ...

    async def last_activation(self, avatar_id: int) -> Activation | None: ...

    async def activation_of(self, cause: int) -> Activation | None:
        """The one that this inbox id asked for, if it was carried out."""
        ...

    async def activations(self, avatar_id: int, *, limit: int) -> tuple[Activation, ...]:
        """Newest first."""
        ...


class VersionStore(Protocol):
    """The Learning Path. Deleted versions are tombstones, left out unless said otherwise."""

    async def add_prompt(
        self,
        *,
        avatar_id: int,
        prompt: str,
        note: str,
        person_id: int | None,
        now: datetime,
        cause: int | None = None,
    ) -> Version:
        """The next number, completed, and active at once (logged as Why.TRAINED). A second call
        with the same cause returns the version that the first made. Raises AvatarNotFound.
        """
        ...

    async def add_adopted(
        self,
        *,
        avatar_id: int,
        provider: str,
        base_model: str,
        model: str,
        person_id: int | None,
        now: datetime,
    ) -> Version | None:
        """A completed version of a model that was made elsewhere. None: a living version of this
        avatar has it already.
        """
        ...

    async def version(self, version_id: int | None) -> Version | None:
        """Also a tombstone; None: never existed, or no id was given (a pointer to none)."""
        ...

    async def version_by_number(self, avatar_id: int, number: int) -> Version | None:
        """Also a tombstone; None: never existed."""
        ...

    async def history(self, avatar_id: int, *, limit: int, offset: int) -> tuple[Version, ...]:
        """Newest first."""
        ...

    async def trainings(self, avatar_id: int, *, limit: int) -> tuple[tuple[Version, Job], ...]:
        """Those in progress, oldest first."""
        ...

    async def set_note(self, version_id: int, note: str) -> bool:
        """False: it is deleted or never existed."""
        ...

    async def delete_version(
        self, version_id: int, *, person_id: int | None, now: datetime
    ) -> bool:
        """Make it a tombstone: prompt, note, error and examples go; a pointer to it is set to
        none (logged as Why.DELETED); its job goes, or, if it has not ended, is asked to be
        cancelled and goes when it has ended. False: it was deleted before.
        """
        ...

    async def models_of(self, avatar_id: int) -> frozenset[tuple[str, str]]:
        """(provider, model) of every living fine-tuned version."""
        ...

    async def fine_tunes(self, *, after: int, limit: int) -> tuple[Version, ...]:
        """Living versions with a model, of all avatars, by id; those above `after`."""
        ...

    async def model_deleted(self, version_id: int, *, now: datetime) -> None:
        """Remember that the provider's model of this version is gone by our wish."""
        ...

    async def examples(
        self, version_id: int, *, limit: int, offset: int = 0
    ) -> tuple[Example, ...]:
        """In order."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Up to where a platform was heard."""

    until: datetime | None  # when the last of it came in; None: nothing lately
    addresses: tuple[Address, ...]  # where people chat with the bot, the latest first


class InboxStore(Protocol):
    """What came in, what is owed, and what waits for a yes."""

    async def receive(self, *incoming: Incoming, now: datetime) -> tuple[Received, ...]:
        """Write into the inbox, in order; those that were not there yet. Their first attempt at
        answering counts as begun.
        """
        ...

    async def begin(self, inbox_id: int) -> Received | None:
        """Count another attempt at answering. None: it is done, or gone."""
        ...

    async def received(self, inbox_id: int) -> Received | None:
        """As it lies there now. None: it is done, or gone."""
        ...

    async def showing(self, inbox_id: int, *, answer: Mapping[str, object] | None) -> None:
        """The answer is about to be shown: after a crash it may have arrived, and `answer` (None:
        it is found again by other means) is what to show then.
        """
        ...

    async def put_off(self, inbox_id: int, *, perhaps: bool) -> None:
        """It is tried again later, which counts as no failure. `perhaps`: it may have arrived."""
        ...

    async def waiting(
        self, address: Address, *, after: int = 0, limit: int
    ) -> tuple[Received, ...]:
        """What came at an address and is not answered, in the order it came; `after`: behind the
        message with that id.
        """
        ...

    async def join(self, inbox_id: int, others: Sequence[int]) -> None:
        """Remember that `others` are answered together with it."""
        ...

    async def joined(self, inbox_id: int) -> tuple[Received, ...]:
        """What is answered together with it and not done, in the order it came."""
        ...

    async def done(self, *inbox_ids: int, now: datetime) -> None:
        """They were answered: what was said is wiped here, ids stay against repetition."""
        ...

    async def heard(self, *, platform: str, bot: str, limit: int) -> Heard:
        """Where one bot was heard last, in at most `limit` places, for a platform that has to ask
        what was said while nobody listened.
        """
        ...

    async def unanswered(self, *, limit: int, after: int = 0) -> tuple[Received, ...]:
        """In the order they came, those with a higher number than `after`."""
        ...

    async def add_notices(self, notices: Sequence[NewNotice], *, now: datetime) -> int:
        """How many were new (by key)."""
        ...

    async def claim_notices(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[Notice, ...]: ...

    async def renew_notices(self, *, owner: str, now: datetime, lease: timedelta) -> frozenset[int]:
        """Keep the notices that `owner` has claimed and not lost for a `lease` from now on; their
        ids.
        """
        ...

    async def notice_delivered(self, notice_id: int, *, now: datetime) -> None: ...

    async def notice_failed(
        self,
        notice_id: int,
        *,
        retry_at: datetime | None,
        error: str,
        now: datetime,
        perhaps: bool = False,
    ) -> None:
        """Try again at `retry_at`; None: never. `perhaps`: it may have arrived."""
        ...

    async def next_notice_due(self) -> datetime | None:
        """When the earliest notice still owed is due; None: none is owed."""
        ...

    async def add_confirmation(
        self, *, action: str, person_id: int, now: datetime, expires_at: datetime, about: str = ""
    ) -> Confirmation: ...

    async def confirmation(self, confirmation_id: int) -> Confirmation | None: ...

    async def use_confirmation(
        self, confirmation_id: int, *, person_id: int, now: datetime, cause: int | None = None
    ) -> bool:
        """Take the yes. False: not theirs, too late, or taken before. `cause` is the inbox id of
        what said yes: it takes its own yes again (the process died before it was carried out).
        """
        ...

    async def tidy(self, *, now: datetime) -> bool:
        """Delete drafts, confirmations, finished notices and inbox ids that are long past use, and
        wipe what waits in the inbox in vain: a bounded number of each. True: there may be more.
        """
        ...


class ExportStore(Protocol):
    """Avatars that go elsewhere, and come from there."""

    async def numbers_given(self, avatar_id: int) -> int:
        """The highest number of a version of it that ever was."""
        ...

    async def add_imported(
        self,
        export: Export,
        *,
        slug: str,
        provider: str,
        base_model: str,
        usable: Collection[tuple[str, str]],
        voice: str | None,
        owner_id: int,
        now: datetime,
        cause: int,
    ) -> Avatar:
        """Make an avatar with all of its versions, their numbers kept, and its first owner. A
        fine-tuned version whose (provider, model) is not `usable` is there without its model, and
        not active. `voice` is the one it has here. A second call with the same cause returns the
        one that the first made. Raises AlreadyDone when the slug is taken.
        """
        ...


class Store(
    PeopleStore,
    AvatarStore,
    VersionStore,
    TrainingStore,
    ChatStore,
    SpendingStore,
    InboxStore,
    ModelStore,
    TaughtStore,
    BudgetStore,
    AcquaintanceStore,
    PlaceStore,
    LinkStore,
    TallyStore,
    ClockStore,
    ExportStore,
    OwnBotStore,
    AccountStore,
    Protocol,
):
    """All that is remembered."""
