"""One job while it is followed: the steps of `avatar.following`, carried out and written down."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta

from avatar import following, screening
from avatar.dataset.openai_jsonl import MIN_EXAMPLES
from avatar.errors import ProviderError, RemoteNotFound
from avatar.following import Advance, Step
from avatar.meter import Meter
from avatar.ports import Clock, Herald, Moderator, Trainer
from avatar.providers import Providers
from avatar.records import Example, Job, JobEvent, RemoteJob, Usage, Version
from avatar.stores import Store

log = logging.getLogger(__name__)

BATCH = 200  # examples read at a time
ENDED = frozenset({"succeeded", "failed", "cancelled"})  # OpenAI's words


class LeaseLost(Exception):
    """Somebody else has this job now: whatever we wanted to write is theirs to write."""


class Walk:
    """One job while it is followed. Raises LeaseLost wherever it writes."""

    def __init__(
        self,
        store: Store,
        trainer: Trainer | None,
        moderator: Moderator | None,
        herald: Herald,
        *,
        job: Job,
        version: Version,
        watched: bool,
        providers: Providers,
        owner: str,
        clock: Clock,
        meter: Meter,
        poll: timedelta,
    ) -> None:
        self._store = store
        self._trainer = trainer  # None: its provider is not set up here
        self._moderator = moderator  # None: its provider screens nothing
        self._herald = herald
        self._job = job  # as it was last written
        self._version = version
        self._watched = watched  # whether its events are read while it runs
        self._providers = providers
        self._owner = owner
        self._clock = clock
        self._meter = meter
        self._poll = poll

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
        self._meter.failed(error, where="training")
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
        if self._moderator is not None and self._version.screening is None:
            await self._screen(self._moderator)
            if self._version.example_count < MIN_EXAMPLES:
                reason = (
                    "The provider's moderation flags so many of its examples that only "
                    f"{self._version.example_count} are left; {MIN_EXAMPLES} are the least. "
                    "/version says for what. Nothing was uploaded."
                )
                now = self._clock()
                await self._end(
                    following.failed(self._job, self._version, reason=reason, code=None, now=now)
                )
                return False
        name = f"version-{self._version.id}-{self._job.key}.jsonl"
        file_id = await trainer.upload(name, self._batches())
        return await self._go_on(replace(self._job, remote_file_id=file_id))

    async def _screen(self, moderator: Moderator) -> None:
        """Take out what would make the provider refuse the whole file."""
        found = await screening.screen(self._store, moderator, self._version)
        if found.refusal:
            log.warning("version %s is not screened: %s", self._version.id, found.refusal)
        self._version = replace(
            self._version,
            screening=asdict(found),
            example_count=self._version.example_count - found.left_out,
        )

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
                method=self._version.method,
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
            self._job,
            self._version,
            remote,
            events,
            now=self._clock(),
            poll=self._poll,
            price=self._providers.price(
                self._job.provider, self._version.base_model or "", at=self._job.created_at
            ),
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
        self._count(advance)

    def _count(self, advance: Advance) -> None:
        if advance.job.ended_at is not None:
            self._meter.trained(advance.version.status)
        for spent in advance.spent:
            self._meter.spent(
                kind=spent.kind,
                provider=self._job.provider,
                usage=Usage(prompt_tokens=spent.prompt_tokens, completion_tokens=0),
                cost=spent.cost,
            )

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
