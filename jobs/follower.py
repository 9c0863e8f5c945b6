"""Follows fine-tunes: claims those that are due, asks, advances, writes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from avatar import following
from avatar.errors import AvatarError, ProviderError, RemoteNotFound
from avatar.following import Advance, Step
from avatar.ports import Clock, Herald, Store, Trainer
from avatar.records import Example, Job, JobEvent, RemoteJob, Version

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)  # renewed while we work; what a crash leaves is free after it
AT_ONCE = 8  # jobs followed side by side
CLAIMED = 1_000  # jobs a pass
LISTED_FROM = 4  # from so many jobs of a provider on, its list is read instead of asking one by one
WATCHED = 20  # running jobs a pass whose events are read: those that somebody sees progress of
BATCH = 200  # examples read at a time


class LeaseLost(Exception):
    """Somebody else has this job now: whatever we wanted to write is theirs to write."""


class Follower:
    """Each call of `follow_once` moves every job that is due one step or more."""

    def __init__(
        self,
        store: Store,
        *,
        trainers: Mapping[str, Trainer],
        herald: Herald,
        poll: timedelta,
        owner: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._trainers = trainers
        self._herald = herald
        self._poll = poll
        self._owner = owner
        self._clock = clock

    async def follow_once(self, now: datetime) -> int:
        """How many jobs were due."""
        claimed = await self._store.claim_jobs(
            owner=self._owner, now=now, lease=LEASE, limit=CLAIMED
        )
        if not claimed:
            return 0
        heartbeat = asyncio.create_task(self._keep_leases())
        try:
            answers = await self._ask_many(claimed)
            watched = _watched(claimed)
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(job: Job, version: Version) -> None:
                async with slots:
                    await self._follow(job, version, answers.get(job.id), job.id in watched)

            await asyncio.gather(*(one(job, version) for job, version in claimed))
        finally:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat
        return len(claimed)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await self._store.renew_leases(owner=self._owner, now=self._clock(), lease=LEASE)

    async def _ask_many(self, claimed: Sequence[tuple[Job, Version]]) -> Mapping[int, RemoteJob]:
        """Where many jobs of a provider are only to be asked about: by pages of its list."""
        answers: dict[int, RemoteJob] = {}
        for name, trainer in self._trainers.items():
            asked = {
                job.remote_job_id: job.id
                for job, _ in claimed
                if job.provider == name
                and job.remote_job_id is not None
                and following.next_step(job) is Step.ASK
            }
            if len(asked) < LISTED_FROM:
                continue
            try:
                found = await trainer.jobs(frozenset(asked))
            except ProviderError as error:
                log.warning("the list of jobs could not be read: %s", error.detail)
                continue
            answers |= {asked[remote_id]: remote for remote_id, remote in found.items()}
        return answers

    async def _follow(
        self, job: Job, version: Version, answer: RemoteJob | None, watched: bool
    ) -> None:
        """One job, to where it has to wait. No error of one job reaches another."""
        try:
            trainer = self._trainers.get(job.provider)
            if trainer is None:
                log.warning("version %s: provider %s is not set up", version.id, job.provider)
                await self._save(
                    following.postponed(job, now=self._clock(), poll=self._poll), version
                )
                return
            await _Walk(self, trainer, job, version, watched).go(answer)
        except LeaseLost:
            log.info("the job of version %s is followed by somebody else", version.id)
        except Exception:
            log.exception("the job of version %s could not be followed", version.id)
            with contextlib.suppress(LeaseLost):
                await self._save(
                    following.postponed(job, now=self._clock(), poll=self._poll), version
                )

    async def _save(
        self,
        job: Job,
        version: Version,
        *,
        release: bool = True,
        events: Sequence[JobEvent] = (),
        advance: Advance | None = None,
    ) -> None:
        saved = await self._store.save_job(
            job,
            version,
            owner=self._owner,
            release=release,
            now=self._clock(),
            events=events,
            notices=() if advance is None else advance.notices,
            spent=() if advance is None else advance.spent,
        )
        if not saved:
            raise LeaseLost


def _watched(claimed: Sequence[tuple[Job, Version]]) -> frozenset[int]:
    """The jobs whose progress somebody sees, the newest first, as many as a pass may ask about."""
    seen = [job.id for job, _ in claimed if job.progress_message_id is not None]
    return frozenset(sorted(seen, reverse=True)[:WATCHED])


class _Walk:
    """One job while it is followed."""

    def __init__(
        self, follower: Follower, trainer: Trainer, job: Job, version: Version, watched: bool
    ) -> None:
        self._follower = follower
        self._store = follower._store
        self._clock = follower._clock
        self._poll = follower._poll
        self._trainer = trainer
        self._job = job
        self._version = version
        self._watched = watched

    async def go(self, answer: RemoteJob | None) -> None:
        """Step by step until the job has to wait or has ended."""
        steps = {
            Step.ABANDON: self._abandon,
            Step.FIND: self._find,
            Step.UPLOAD: self._upload,
            Step.CREATE: self._create,
            Step.CANCEL: self._cancel,
        }
        while True:
            step = following.next_step(self._job)
            try:
                going = await (self._ask(answer) if step is Step.ASK else steps[step]())
            except ProviderError as error:
                await self._stumbled(step, error)
                return
            if not going:
                return

    async def _stumbled(self, step: Step, error: ProviderError) -> None:
        """A provider's error: refused for good, or to be tried again later."""
        now = self._clock()
        log.warning(
            "version %s: %s failed: %s %s", self._version.id, step.value, error, error.detail
        )
        vanished = (
            isinstance(error, RemoteNotFound) and self._job.failures + 1 >= following.VANISHED
        )
        if step in {Step.UPLOAD, Step.CREATE} and not error.temporary:
            await self._end(following.refused(self._job, self._version, error, now=now))
            if self._job.remote_file_id is not None:
                await self._delete_file(self._job.remote_file_id)
        elif vanished:
            reason = "The provider does not know this job any more."
            await self._end(
                following.failed(self._job, self._version, reason=reason, code=None, now=now)
            )
        else:
            job = following.postponed(self._job, now=now, poll=self._poll)
            await self._follower._save(job, self._version)

    async def _abandon(self) -> bool:
        await self._end(following.cancelled(self._job, self._version, now=self._clock()))
        if self._job.remote_file_id is not None:
            await self._delete_file(self._job.remote_file_id)
        return False

    async def _find(self) -> bool:
        remote = await self._trainer.find(self._job.key)
        if remote is None:
            job = following.searched(self._job, now=self._clock(), poll=self._poll)
            await self._follower._save(job, self._version)
            return False
        log.info("version %s: adopted the remote job %s", self._version.id, remote.id)
        return await self._go_on(following.adopted(self._job, remote))

    async def _upload(self) -> bool:
        name = f"version-{self._version.id}.jsonl"
        file_id = await self._trainer.upload(name, self._batches())
        return await self._go_on(replace(self._job, remote_file_id=file_id))

    async def _batches(self) -> AsyncIterator[Sequence[Example]]:
        offset = 0
        while batch := await self._store.examples(self._version.id, limit=BATCH, offset=offset):
            yield batch
            offset += len(batch)

    async def _create(self) -> bool:
        avatar = await self._store.avatar(self._version.avatar_id)
        # From here on a crash leaves the question whether the paid job exists: written first.
        await self._go_on(replace(self._job, create_attempted_at=self._clock()))
        try:
            remote = await self._trainer.create(
                base_model=self._version.base_model or avatar.base_model,
                file_id=self._job.remote_file_id or "",
                key=self._job.key,
                suffix=following.suffix(avatar, self._version),
                hyperparameters=self._job.hyperparameters,
            )
        except AvatarError as error:
            if error.temporary:
                log.warning("version %s: it is in doubt whether its job exists", self._version.id)
            raise
        return await self._go_on(following.adopted(self._job, remote))

    async def _cancel(self) -> bool:
        remote = await self._trainer.cancel(self._job.remote_job_id or "")
        return await self._learn(remote)

    async def _ask(self, answer: RemoteJob | None) -> bool:
        remote = answer or await self._trainer.job(self._job.remote_job_id or "")
        return await self._learn(remote)

    async def _learn(self, remote: RemoteJob) -> bool:
        events: tuple[JobEvent, ...] = ()
        ended = remote.status in {"succeeded", "failed", "cancelled"}
        if self._watched or ended:
            events = await self._events(remote.id)
        advance = following.advance(
            self._job, self._version, remote, events, now=self._clock(), poll=self._poll
        )
        changed = _seen(advance.job) != _seen(self._job) or ended
        await self._end(advance, events=events)
        if changed:
            await self._follower._herald.show_progress(advance.version, advance.job)
        return False

    async def _events(self, remote_id: str) -> tuple[JobEvent, ...]:
        """What was said since; to miss it is no reason not to advance."""
        try:
            return await self._trainer.events(remote_id, after=self._job.last_event_id)
        except ProviderError as error:
            log.warning("the events of %s could not be read: %s", remote_id, error.detail)
            return ()

    async def _go_on(self, job: Job) -> bool:
        """Write a step of the walk and keep the lease."""
        await self._follower._save(job, self._version, release=False)
        self._job = job
        return True

    async def _end(self, advance: Advance, *, events: Sequence[JobEvent] = ()) -> None:
        """Write what was learnt and give the lease back."""
        await self._follower._save(advance.job, advance.version, events=events, advance=advance)

    async def _delete_file(self, file_id: str) -> None:
        """The file of a job that will not be: it is ours to clean up, and no matter if it fails."""
        try:
            await self._trainer.delete_file(file_id)
        except ProviderError as error:
            log.warning("the file %s stays at the provider: %s", file_id, error.detail)


def _seen(job: Job) -> tuple[object, ...]:
    """What a progress message shows of a job."""
    return (job.remote_status, job.step, job.total_steps, job.estimated_finish)
