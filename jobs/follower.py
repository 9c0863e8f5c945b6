"""Follows fine-tunes: claims those that are due, asks, advances, writes."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from avatar import following, trace
from avatar.errors import ProviderError
from avatar.following import Step
from avatar.meter import UNCOUNTED, Meter
from avatar.ports import Clock, Herald, Moderator, Trainer
from avatar.providers import Providers
from avatar.records import Job, RemoteJob, Version
from avatar.stores import Store
from jobs.walk import LeaseLost, Walk

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)  # renewed while we work; what a crash leaves is free after it
AT_ONCE = 8  # jobs followed side by side
CLAIMED = 10_000  # jobs a pass: one reading of a list serves them all
LISTED_FROM = 4  # from so many jobs of a provider on, its list is read instead of asking one by one
WATCHED = 20  # running jobs a pass whose events are read


class Follower:
    """Each call of `follow_once` moves every job that is due one step or more."""

    def __init__(
        self,
        store: Store,
        *,
        trainers: Mapping[str, Trainer],
        moderators: Mapping[str, Moderator],
        providers: Providers,
        herald: Herald,
        poll: timedelta,
        owner: str,
        clock: Clock,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._trainers = trainers
        self._moderators = moderators
        self._providers = providers
        self._herald = herald
        self._poll = poll
        self._owner = owner
        self._clock = clock
        self._meter = meter
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
                    with trace.about("v", version.id):
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
        walk = Walk(
            self._store,
            self._trainers.get(job.provider),
            self._moderators.get(job.provider),
            self._herald,
            job=job,
            version=version,
            watched=watched,
            providers=self._providers,
            owner=self._owner,
            clock=self._clock,
            meter=self._meter,
            poll=self._poll,
        )
        try:
            await walk.go(answer)
        except LeaseLost:
            log.info("the job of version %s is followed by somebody else", version.id)
        except Exception as error:
            log.exception("the job of version %s could not be followed", version.id)
            self._meter.failed(error, where="training")
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
