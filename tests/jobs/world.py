"""A clock, a herald and a trainer that tests script; and an avatar with a training to follow."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from avatar.dataset.reading import Reading
from avatar.errors import ProviderError, RemoteNotFound
from avatar.limiter import Limiter
from avatar.limits import Limits
from avatar.providers import providers_for
from avatar.records import (
    Address,
    Author,
    Avatar,
    Example,
    Job,
    JobEvent,
    Method,
    Notice,
    Person,
    RemoteJob,
    RemoteModel,
    Role,
    Turn,
    Version,
)
from avatar.stores import Store
from avatar.training import Trainings
from jobs.follower import Follower
from tests.avatar.make import NOW

POLL = timedelta(seconds=30)
ADDRESS = Address(platform="terminal", chat="1")
WALK = ("queued", "an unknown status", "succeeded")
TRAINED = 2_000_000  # tokens; $6.00 on gpt-4o-mini
PROVIDERS = providers_for(api_key="k", base_url=None, base_model=None)
COST = 6_000_000


class Time:
    """The clock, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Remote:
    """Fulfils `avatar.ports.Trainer`. Each time a job is asked about it goes one status on."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses or WALK
        self.files: dict[str, list[Example]] = {}
        self.names: dict[str, str] = {}  # of the files
        self.made: dict[str, RemoteJob] = {}
        self.ends: dict[str, object] = {}  # fields of the last answer beside its status
        self.errors: dict[str, list[Exception | None]] = {}  # by method, for the next calls
        self.create_then: list[Exception] = []  # the job is made, and then this is raised
        self.said: list[JobEvent] = []
        self.calls: list[str] = []
        self.listed: list[RemoteModel] = []
        self.gone: set[str] = set()
        self._asked: dict[str, int] = {}

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if (queue := self.errors.get(method)) and (error := queue.pop(0)) is not None:
            raise error

    async def upload(self, name: str, examples: AsyncIterator[Sequence[Example]]) -> str:
        kept = [example async for batch in examples for example in batch]
        self._called("upload")
        file_id = f"file-{len(self.calls)}"
        self.files = {
            other: file for other, file in self.files.items() if self.names[other] != name
        }
        self.files[file_id] = kept
        self.names[file_id] = name
        return file_id

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
        self._called("create")
        assert file_id in self.files
        job = RemoteJob(
            id=f"ftjob-{len(self.made) + 1}",
            status="validating_files",
            model=base_model,
            metadata={"key": key, "suffix": suffix, "n_epochs": str(hyperparameters["n_epochs"])},
        )
        self.made[job.id] = job
        if self.create_then:
            raise self.create_then.pop(0)
        return job

    async def models(self) -> tuple[RemoteModel, ...]:
        self._called("models")
        return tuple(self.listed)

    async def has_model(self, model: str) -> bool:
        self._called("has_model")
        return model not in self.gone

    async def may_train(self, base_model: str) -> bool:
        self._called("may_train")
        return True

    async def find(self, key: str) -> RemoteJob | None:
        self._called("find")
        return next((job for job in self.made.values() if job.metadata["key"] == key), None)

    async def job(self, remote_id: str) -> RemoteJob:
        self._called("job")
        return self._answer(remote_id)

    async def jobs(self, wanted: frozenset[str]) -> Mapping[str, RemoteJob]:
        self._called("jobs")
        return {remote_id: self._answer(remote_id) for remote_id in wanted & self.made.keys()}

    def _answer(self, remote_id: str) -> RemoteJob:
        if remote_id not in self.made:
            raise RemoteNotFound
        job = self.made[remote_id]
        if job.status in {"succeeded", "failed", "cancelled"}:
            return job
        place = self._asked.get(remote_id, 0)
        self._asked[remote_id] = place + 1
        job = replace(job, status=self.statuses[min(place, len(self.statuses) - 1)])
        if job.status == "succeeded":
            job = replace(job, fine_tuned_model="ft:gpt-4o-mini:o:x:1", trained_tokens=TRAINED)
        if job.status == "failed":
            job = replace(job, error_code="invalid_n_examples", error_message="Too few.")
        self.made[remote_id] = job
        return job

    async def events(self, remote_id: str, *, after: str | None) -> tuple[JobEvent, ...]:
        self._called("events")
        ids = [event.remote_id for event in self.said]
        return tuple(self.said[ids.index(after) + 1 if after in ids else 0 :])

    async def cancel(self, remote_id: str) -> RemoteJob:
        self._called("cancel")
        job = self.made[remote_id]
        if job.status not in {"succeeded", "failed"}:
            self.made[remote_id] = job = replace(job, status="cancelled")
        return job

    async def delete_model(self, model: str) -> None:
        self._called("delete_model")

    async def delete_file(self, file_id: str) -> None:
        self._called("delete_file")
        self.files.pop(file_id, None)


@dataclass
class Screen:
    """Fulfils `avatar.ports.Moderator`: flags texts that hold one of its words."""

    words: dict[str, str] = field(default_factory=dict)  # word to category
    errors: list[Exception] = field(default_factory=list)  # for the next calls
    asked: list[list[str]] = field(default_factory=list)

    async def flags(self, texts: Sequence[str]) -> tuple[frozenset[str], ...]:
        self.asked.append(list(texts))
        if self.errors:
            raise self.errors.pop(0)
        return tuple(
            frozenset(kind for word, kind in self.words.items() if word in text) for text in texts
        )


@dataclass
class Ear:
    """Fulfils `avatar.ports.Herald`; keeps what it was given, after the errors in its queue."""

    brought: list[Notice] = field(default_factory=list)
    shown: list[tuple[Version, Job]] = field(default_factory=list)
    errors: list[Exception | None] = field(default_factory=list)

    async def bring(self, notice: Notice) -> None:
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        self.brought.append(notice)

    async def show_progress(self, version: Version, job: Job) -> None:
        self.shown.append((version, job))


@dataclass
class World:
    """All that a training needs."""

    store: Store
    person: Person
    avatar: Avatar
    time: Time
    ear: Ear
    nudges: list[None]
    moderator: Screen = field(default_factory=Screen)

    @property
    def trainings(self) -> Trainings:
        return Trainings(
            self.store,
            providers=PROVIDERS,
            limiter=Limiter(self.store, limits=Limits(), operators=()),
            nudge=lambda: self.nudges.append(None),
        )

    async def start(self, examples: int = 12) -> Version:
        """A training that waits to be followed."""
        flight = await self.trainings.prepare(
            self.avatar, a_reading(examples), person=self.person, now=self.time.now
        )
        return await self.trainings.start(
            flight.draft.id, person=self.person, address=ADDRESS, now=self.time.now
        )

    def follower(self, remote: Remote, owner: str = "one", store: Store | None = None) -> Follower:
        return Follower(
            store or self.store,
            trainers={"openai": remote},
            moderators={"openai": self.moderator},
            providers=PROVIDERS,
            herald=self.ear,
            poll=POLL,
            owner=owner,
            clock=self.time,
        )

    async def follow(self, follower: Follower, passes: int = 200) -> int:
        """Until no training is left, or so many passes; the clock goes to when one is due."""
        for count in range(passes):
            due = await self.store.next_job_due()
            if due is None:
                return count
            self.time.now = max(self.time.now + timedelta(seconds=1), due)
            await follower.follow_once(self.time.now)
        return passes

    async def version(self, version: Version) -> Version:
        found = await self.store.version(version.id)
        assert found is not None
        return found

    async def job(self, version: Version) -> Job:
        found = await self.store.job_of(version.id)
        assert found is not None
        return found

    async def notices(self) -> list[Notice]:
        """All that is owed; each is given once."""
        claimed = await self.store.claim_notices(
            owner="test", now=self.time.now, lease=timedelta(days=9999), limit=1000
        )
        return list(claimed)


def a_reading(examples: int) -> Reading:
    return Reading(
        source="chats.jsonl",
        examples=tuple(
            Example(
                turns=(
                    Turn(role=Role.USER, text=f"Question {n}"),
                    Turn(role=Role.ASSISTANT, text=f"Answer {n}"),
                ),
                weights=(None, None),
                tokens=17,
                source=f"chats.jsonl line {n + 1}",
            )
            for n in range(examples)
        ),
        warnings=("12 examples are few.",),
    )


async def a_world(store: Store) -> World:
    person = await store.person(Author(platform="terminal", external_id="1", name="Ann"))
    avatar = await store.add_avatar(
        slug="ani",
        name="Ani",
        provider="openai",
        base_model="gpt-4o-mini",
        owner_id=person.id,
        now=NOW,
    )
    return World(store, person, avatar, Time(), Ear(), [])


def an_error(kind: type[ProviderError]) -> ProviderError:
    fields = {"reason": "no.", "model": "gpt-4o-mini", "what": "that."}
    return kind(detail="as the provider said it", **fields)
