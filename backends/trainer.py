"""Who trains: files and fine-tuning jobs of any host of the OpenAI API."""

import asyncio
import functools
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from avatar.dataset import openai_jsonl
from avatar.errors import NotOffered, ProviderError, RemoteNotFound, RequestRefused
from avatar.records import Example, JobEvent, RemoteJob
from backends import errors
from backends.client import Client

log = logging.getLogger(__name__)

KEY = "avatar_bot_job"  # in a job's metadata: ours
PAGE = 100
# Jobs are listed newest first; one in doubt was made minutes ago, so it is among the first pages.
FIND_PAGES = 5
LIST_PAGES = 200  # 20,000 jobs: what is older is asked for one by one
EVENT_PAGES = 5
PROCESSING_TRIES = 6  # "File … is still being processed", right after the upload
PROCESSING_SECONDS = 2.0

P = ParamSpec("P")
T = TypeVar("T")


def _ours(call: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Every error of the package becomes one of ours."""

    @functools.wraps(call)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(*args, **kwargs)
        except ProviderError:
            raise
        except Exception as error:
            raise errors.translated(error) from error

    return wrapped


class OpenAITrainer:
    """Fulfils `avatar.ports.Trainer`.

    `hyperparameters`: "method" for OpenAI's nested form, "top_level" for hosts of the older one.
    """

    def __init__(
        self,
        client: Client,
        *,
        hyperparameters: str = "method",
        processing_seconds: float = PROCESSING_SECONDS,
    ) -> None:
        self._client = client
        self._hyperparameters = hyperparameters
        self._processing_seconds = processing_seconds

    @_ours
    async def upload(self, name: str, examples: AsyncIterator[Sequence[Example]]) -> str:
        """Write examples as a training file; returns the remote file's id."""
        client = await self._client.get()
        with tempfile.TemporaryDirectory(prefix="avatar-bot-") as folder:
            path = Path(folder) / name
            await asyncio.to_thread(path.touch)
            async for batch in examples:
                await asyncio.to_thread(_append, path, batch)
            made = await client.files.create(file=path, purpose="fine-tune")
        return made.id

    @_ours
    async def create(
        self,
        *,
        base_model: str,
        file_id: str,
        key: str,
        suffix: str,
        hyperparameters: Mapping[str, int | float | str],
    ) -> RemoteJob:
        """Create the job. Only a refusal because the file is not ready yet is repeated: then it
        is sure that no job was made.
        """
        client = (await self._client.get()).with_options(max_retries=0)
        values: Any = dict(hyperparameters)
        how: dict[str, Any] = (
            {"hyperparameters": values}
            if self._hyperparameters == "top_level"
            else {"method": {"type": "supervised", "supervised": {"hyperparameters": values}}}
        )
        tries = 0
        while True:
            try:
                made = await client.fine_tuning.jobs.create(
                    model=base_model,
                    training_file=file_id,
                    suffix=suffix,
                    metadata={KEY: key},
                    **how,
                )
            except Exception as error:
                tries += 1
                if not errors.still_processing(error) or tries >= PROCESSING_TRIES:
                    raise errors.translated(error, model=base_model) from error
                await asyncio.sleep(self._processing_seconds)
            else:
                return _job(made)

    @_ours
    async def find(self, key: str) -> RemoteJob | None:
        """The job that carries this key in its metadata."""
        async for remote in self._listed(FIND_PAGES, metadata={KEY: key}):
            if remote.metadata.get(KEY) == key:  # hosts may ignore the filter
                return remote
        return None

    @_ours
    async def job(self, remote_id: str) -> RemoteJob:
        """Raises RemoteNotFound."""
        client = await self._client.get()
        return _job(await client.fine_tuning.jobs.retrieve(remote_id))

    @_ours
    async def jobs(self, wanted: frozenset[str]) -> Mapping[str, RemoteJob]:
        """Many at once, by pages of the list; those not found are left out."""
        found: dict[str, RemoteJob] = {}
        async for remote in self._listed(LIST_PAGES):
            if remote.id in wanted:
                found[remote.id] = remote
                if len(found) == len(wanted):
                    break
        return found

    async def _listed(self, pages: int, **filters: Any) -> AsyncIterator[RemoteJob]:
        client = await self._client.get()
        after: dict[str, Any] = {}
        for _ in range(pages):
            page = await client.fine_tuning.jobs.list(limit=PAGE, **after, **filters)
            for job in page.data:
                yield _job(job)
            if not page.has_more or not page.data:
                return
            after = {"after": page.data[-1].id}

    @_ours
    async def events(self, remote_id: str, *, after: str | None) -> tuple[JobEvent, ...]:
        """What was said since the event with id `after`, oldest first."""
        client = await self._client.get()
        newest_first: list[JobEvent] = []
        cursor: dict[str, Any] = {}
        for _ in range(EVENT_PAGES):
            page = await client.fine_tuning.jobs.list_events(remote_id, limit=PAGE, **cursor)
            for event in page.data:
                if event.id == after:
                    return tuple(reversed(newest_first))
                newest_first.append(_event(event))
            if not page.has_more or not page.data:
                break
            cursor = {"after": page.data[-1].id}
        return tuple(reversed(newest_first))

    @_ours
    async def cancel(self, remote_id: str) -> RemoteJob:
        """A job that has ended is returned as it is."""
        client = await self._client.get()
        try:
            return _job(await client.fine_tuning.jobs.cancel(remote_id))
        except Exception as error:
            refused = errors.translated(error)
            if not isinstance(refused, RequestRefused):
                raise refused from error
            remote = _job(await client.fine_tuning.jobs.retrieve(remote_id))
            if remote.status not in {"succeeded", "failed", "cancelled"}:
                raise refused from error
            return remote

    @_ours
    async def delete_model(self, model: str) -> None:
        """Raises RemoteNotFound when it is gone already, NotOffered where that is not possible."""
        import openai

        client = await self._client.get()
        try:
            await client.models.delete(model)
        except openai.NotFoundError as error:
            raise RemoteNotFound(detail=str(error)) from error
        except openai.APIStatusError as error:
            if error.status_code in {405, 501}:
                raise NotOffered(what="deleting a model.") from error
            raise

    @_ours
    async def delete_file(self, file_id: str) -> None:
        """A file that is gone is no error."""
        client = await self._client.get()
        try:
            await client.files.delete(file_id)
        except Exception as error:
            if not isinstance(errors.translated(error), RemoteNotFound):
                raise


def _append(path: Path, batch: Sequence[Example]) -> None:
    with path.open("ab") as file:
        file.writelines(openai_jsonl.write(batch))


def _time(seconds: object) -> datetime | None:
    if isinstance(seconds, int | float) and 0 < seconds < 32_503_680_000:  # before the year 3000
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _job(job: Any) -> RemoteJob:
    """A job as hosts give it: fields that OpenAI's always have may be missing at others."""
    error = getattr(job, "error", None)
    chosen = getattr(job, "hyperparameters", None)
    method = getattr(job, "method", None)
    supervised = getattr(method, "supervised", None)
    epochs = getattr(getattr(supervised, "hyperparameters", None), "n_epochs", None)
    if not isinstance(epochs, int):
        epochs = getattr(chosen, "n_epochs", None)
    return RemoteJob(
        id=job.id,
        status=job.status or "",
        model=getattr(job, "model", None) or "",
        fine_tuned_model=getattr(job, "fine_tuned_model", None),
        trained_tokens=getattr(job, "trained_tokens", None),
        estimated_finish=_time(getattr(job, "estimated_finish", None)),
        finished_at=_time(getattr(job, "finished_at", None)),
        error_code=getattr(error, "code", None),
        error_message=errors.shown(getattr(error, "message", None) or "") or None,
        epochs=epochs if isinstance(epochs, int) else None,
        metadata=getattr(job, "metadata", None) or {},
    )


def _event(event: Any) -> JobEvent:
    data = getattr(event, "data", None)
    return JobEvent(
        remote_id=event.id,
        created_at=_time(event.created_at) or datetime.fromtimestamp(0, UTC),
        level=event.level or "info",
        message=errors.shown(event.message or ""),
        data=data if isinstance(data, dict) else {},
    )
