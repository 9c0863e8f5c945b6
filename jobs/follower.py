"""Follows fine-tunes: claims those that are due, asks, advances, writes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from avatar import following
from avatar.errors import ProviderError, RemoteNotFound
from avatar.following import Advance, Step
from avatar.ports import Clock, Herald, Store, Trainer
from avatar.records import Example, Job, JobEvent, RemoteJob, Version

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)  # renewed while we work; what a crash leaves is free after it
AT_ONCE = 8  # jobs followed side by side
CLAIMED = 1_000  # jobs a pass
LISTED_FROM = 4  # from so many jobs of a provider on, its list is read instead of asking one by one
WATCHED = 20  # running jobs a pass whose events are read
BATCH = 200  # examples read at a time
ENDED = frozenset({"succeeded", "failed", "cancelled"})  # OpenAI's words


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
        self._turn = 0  # where among many watched jobs the next pass begins

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
            watched = self._watched(claimed)
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(job: Job, version: Version) -> None:
                async with slots:
                    await self._follow(job, version, answers.get(job.id), job.id in watched)

            async with asyncio.TaskGroup() as group:
                for job, version in claimed:
                    group.create_task(one(job, version))
        finally:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat
        return len(claimed)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._store.renew_leases(owner=self._owner, now=self._clock(), lease=LEASE)
            except Exception:  # a locked database…: the next renewal may still be in time
                log.exception("the leases could not be renewed")

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
                log.warning("the list of jobs could not be read: %s %s", error, error.detail)
                continue
            except Exception:  # each is asked about by itself then
                log.exception("the list of jobs could not be read")
                continue
            answers |= {asked[remote_id]: remote for remote_id, remote in found.items()}
        return answers

    async def _follow(
        self, job: Job, version: Version, answer: RemoteJob | None, watched: bool
    ) -> None:
        """One job, to where it has to wait. No error of one job reaches another."""
        walk = _Walk(self, self._trainers.get(job.provider), job, version, watched)
        try:
            await walk.go(answer)
        except LeaseLost:
            log.info("the job of version %s is followed by somebody else", version.id)
        except Exception:
            log.exception("the job of version %s could not be followed", version.id)
            try:
                await walk.postpone()
            except LeaseLost:  # it had been given back already
                log.info("the job of version %s stays as it was written", version.id)
            except Exception:  # its lease will end, and it is claimed again
                log.exception("the job of version %s could not be postponed", version.id)

    def _watched(self, claimed: Sequence[tuple[Job, Version]]) -> frozenset[int]:
        """The jobs whose events are read in this pass: those with a progress message first. Where
        there are more than a pass may ask about, each gets its turn.
        """
        seen = [job.id for job, _ in claimed if job.progress_message_id is not None]
        rest = [job.id for job, _ in claimed if job.progress_message_id is None]
        if len(seen) > WATCHED:
            start = self._turn % len(seen)
            seen = seen[start:] + seen[:start]
            self._turn += WATCHED
        return frozenset((seen + rest)[:WATCHED])


class _Walk:
    """One job while it is followed. Raises LeaseLost wherever it writes."""

    def __init__(
        self,
        follower: Follower,
        trainer: Trainer | None,
        job: Job,
        version: Version,
        watched: bool,
    ) -> None:
        self._store = follower._store
        self._herald = follower._herald
        self._owner = follower._owner
        self._clock = follower._clock
        self._poll = follower._poll
        self._trainer = trainer
        self._job = job  # as it was last written
        self._version = version
        self._watched = watched

    async def go(self, answer: RemoteJob | None) -> None:
        """Step by step until the job has to wait or has ended."""
        if self._trainer is None:
            log.warning("version %s: %s is not set up", self._version.id, self._job.provider)
            await self.postpone()
            return
        steps = {
            Step.ABANDON: self._abandon,
            Step.FIND: self._find,
            Step.UPLOAD: self._upload,
            Step.CREATE: self._create,
            Step.CANCEL: self._cancel,
        }
        going = True
        while going:
            step = following.next_step(self._job)
            try:
                going = await (
                    self._ask(self._trainer, answer)
                    if step is Step.ASK
                    else steps[step](self._trainer)
                )
            except ProviderError as error:
                await self._stumbled(self._trainer, step, error)
                return

    async def postpone(self) -> None:
        """Ask again later."""
        await self._end(
            following.postponed(self._job, self._version, now=self._clock(), poll=self._poll)
        )

    async def _stumbled(self, trainer: Trainer, step: Step, error: ProviderError) -> None:
        """A provider's error: refused for good, or to be tried again later."""
        now = self._clock()
        log.warning(
            "version %s: %s failed: %s %s", self._version.id, step.value, error, error.detail
        )
        if step in {Step.UPLOAD, Step.CREATE} and not error.temporary:
            await self._end(following.refused(self._job, self._version, error, now=now))
            await self._delete_file(trainer)
        elif step in {Step.ASK, Step.CANCEL} and isinstance(error, RemoteNotFound):
            await self._end(following.vanished(self._job, self._version, now=now, poll=self._poll))
        else:
            await self.postpone()

    async def _abandon(self, trainer: Trainer) -> bool:
        await self._end(following.cancelled(self._job, self._version, now=self._clock()))
        await self._delete_file(trainer)
        return False

    async def _find(self, trainer: Trainer) -> bool:
        remote = await trainer.find(self._job.key)
        if remote is None:
            await self._end(
                following.searched(self._job, self._version, now=self._clock(), poll=self._poll)
            )
            return False
        log.info("version %s: adopted the remote job %s", self._version.id, remote.id)
        return await self._go_on(following.adopted(self._job, remote))

    async def _upload(self, trainer: Trainer) -> bool:
        name = f"version-{self._version.id}.jsonl"
        file_id = await trainer.upload(name, self._batches())
        return await self._go_on(replace(self._job, remote_file_id=file_id))

    async def _batches(self) -> AsyncIterator[Sequence[Example]]:
        offset = 0
        while batch := await self._store.examples(self._version.id, limit=BATCH, offset=offset):
            yield batch
            offset += len(batch)

    async def _create(self, trainer: Trainer) -> bool:
        written = await self._store.job_of(self._version.id)
        if written is not None and written.cancel_requested_at is not None:
            # Somebody thought better of it while the file was on its way: nothing is paid.
            self._job = replace(self._job, cancel_requested_at=written.cancel_requested_at)
            return True
        avatar = await self._store.avatar(self._version.avatar_id)
        # From here on a crash leaves the question whether the paid job exists: written first.
        await self._go_on(replace(self._job, create_attempted_at=self._clock()))
        try:
            remote = await trainer.create(
                base_model=self._version.base_model or avatar.base_model,
                file_id=self._job.remote_file_id or "",
                key=self._job.key,
                suffix=following.suffix(avatar, self._version),
                hyperparameters=self._job.hyperparameters,
            )
        except ProviderError as error:
            if error.temporary:
                log.warning("version %s: it is in doubt whether its job exists", self._version.id)
            raise
        return await self._go_on(following.adopted(self._job, remote))

    async def _cancel(self, trainer: Trainer) -> bool:
        return await self._learn(trainer, await trainer.cancel(self._job.remote_job_id or ""))

    async def _ask(self, trainer: Trainer, answer: RemoteJob | None) -> bool:
        remote = answer or await trainer.job(self._job.remote_job_id or "")
        return await self._learn(trainer, remote)

    async def _learn(self, trainer: Trainer, remote: RemoteJob) -> bool:
        events: tuple[JobEvent, ...] = ()
        if self._watched or remote.status in ENDED:
            events = await self._events(trainer, remote.id)
        advance = following.advance(
            self._job, self._version, remote, events, now=self._clock(), poll=self._poll
        )
        await self._end(advance, events=events)
        return False

    async def _events(self, trainer: Trainer, remote_id: str) -> tuple[JobEvent, ...]:
        """What was said since; to miss it is no reason not to advance."""
        try:
            return await trainer.events(remote_id, after=self._job.last_event_id)
        except ProviderError as error:
            log.warning("the events of %s could not be read: %s", remote_id, error.detail)
            return ()

    async def _go_on(self, job: Job) -> bool:
        """Write a step of the walk and keep the lease."""
        await self._save(Advance(job=job, version=self._version), release=False)
        return True

    async def _end(self, advance: Advance, *, events: Sequence[JobEvent] = ()) -> None:
        """Write what was learnt, give the lease back and show what people can see of it."""
        before = _seen(self._job)
        await self._save(advance, release=True, events=events)
        if _seen(advance.job) == before:
            return
        # The message may have been sent since we claimed the job.
        written = await self._store.job_of(advance.version.id)
        if written is not None:
            await self._herald.show_progress(advance.version, written)

    async def _save(
        self, advance: Advance, *, release: bool, events: Sequence[JobEvent] = ()
    ) -> None:
        saved = await self._store.save_job(
            advance.job,
            advance.version,
            owner=self._owner,
            release=release,
            now=self._clock(),
            events=events,
            notices=advance.notices,
            spent=advance.spent,
        )
        if not saved:
            raise LeaseLost
        self._job = advance.job

    async def _delete_file(self, trainer: Trainer) -> None:
        """The file of a job that will not be: ours to clean up, and no matter if that fails."""
        file_id = self._job.remote_file_id
        if file_id is None:
            return
        try:
            await trainer.delete_file(file_id)
        except ProviderError as error:
            log.warning("the file %s stays at the provider: %s", file_id, error.detail)


def _seen(job: Job) -> tuple[object, ...]:
    """What a progress message shows of a job."""
    return (
        job.remote_status,
        job.step,
        job.total_steps,
        job.loss,
        job.estimated_finish,
        job.ended_at,
    )
