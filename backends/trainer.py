"""Who trains: files and fine-tuning jobs of any host of the OpenAI API."""

import asyncio
import logging
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from pathlib import Path
from typing import Any, BinaryIO

from avatar.dataset import openai_jsonl
from avatar.errors import (
    ModelGone,
    NotOffered,
    ProviderError,
    ProviderUnavailable,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
)
from avatar.language import tr
from avatar.records import Example, JobEvent, Method, RemoteJob, RemoteModel
from backends import remote
from backends.client import Client

log = logging.getLogger(__name__)

KEY = "avatar_bot_job"  # in a job's metadata: ours
PAGE = 100
# Jobs are listed newest first. One in doubt was made minutes ago, so it is among the 500 newest
# even at a host that ignores the filter.
FIND_PAGES = 5
LIST_PAGES = 200  # 20,000 jobs: what is older is asked for one by one
EVENT_PAGES = 5  # 500 events: the progress of a training is in the newest
PROCESSING_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds, while a file "is still being processed"
ENDED = frozenset({"succeeded", "failed", "cancelled"})
STYLES = ("method", "top_level")


class OpenAITrainer:
    """Fulfils `avatar.ports.Trainer`.

    `hyperparameters`: "method" for OpenAI's nested form, "top_level" for hosts of the older one.
    `extra_body` is sent with every new job.
    Errors that are not the provider's (of the examples given to `upload`, of the disk) pass
    through as they are.
    """

    def __init__(
        self,
        client: Client,
        *,
        hyperparameters: str = "method",
        extra_body: Mapping[str, Any] | None = None,
        processing_waits: Sequence[float] = PROCESSING_WAITS,
    ) -> None:
        if hyperparameters not in STYLES:
            raise ValueError(f"hyperparameters must be one of {STYLES}")
        self._client = client
        self._hyperparameters = hyperparameters
        self._extra_body = dict(extra_body or {})
        self._processing_waits = tuple(processing_waits)

    async def upload(self, name: str, examples: AsyncIterator[Sequence[Example]]) -> str:
        """Write examples as a training file; returns the remote file's id. Others of that name are
        deleted: those of attempts whose end nobody saw, which hold the same words.
        """
        file = await asyncio.to_thread(_temporary)
        try:
            async for batch in examples:
                await asyncio.to_thread(_append, file, batch)
            size = await asyncio.to_thread(file.tell)
            await asyncio.to_thread(file.seek, 0)
            async with self._client.using(sent=size) as client:
                # The open file and not its bytes: those would be sent, and held, as one piece.
                raw = await client.files.with_raw_response.create(
                    file=(Path(name).name, file, "application/jsonl"), purpose="fine-tune"
                )
            file_id = remote.id_in(remote.object_in(raw.text))
        finally:
            await asyncio.to_thread(file.close)
        try:
            await self._delete_others(name, file_id)
        except ProviderError as error:  # some hosts list no files
            log.info("whether %s was uploaded before is not known: %s", name, error.detail)
        return file_id

    async def _delete_others(self, name: str, file_id: str) -> None:
        async def page(cursor: Mapping[str, Any]) -> remote.Page:
            async with self._client.using() as client:
                raw = await client.files.with_raw_response.list(
                    purpose="fine-tune", limit=PAGE, order="desc", **cursor
                )
            return remote.Page.read(raw.text)

        async with aclosing(_entries(page, FIND_PAGES)) as entries:
            others = [
                remote.id_in(entry)
                async for entry in entries
                if entry.get("filename") == name and entry["id"] != file_id
            ]
        for other in others:
            await self.delete_file(other)

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
        """Create the job. Only a refusal because the file is not ready yet is repeated: then it
        is sure that no job was made. If it stays so, raises ProviderUnavailable.
        """
        how = self._how(hyperparameters, method)
        for wait in (*self._processing_waits, None):
            try:
                async with self._client.using(model=base_model) as client:
                    once = client.with_options(max_retries=0)
                    raw = await once.fine_tuning.jobs.with_raw_response.create(
                        model=base_model,
                        training_file=file_id,
                        suffix=suffix,
                        metadata={KEY: key},
                        **how,
                    )
                return remote.job_in(remote.object_in(raw.text))
            except RequestRefused as refused:
                if "still being processed" not in refused.detail:
                    raise
                if wait is not None:
                    await asyncio.sleep(wait)
        raise ProviderUnavailable(detail=f"the file {file_id} is still being processed")

    def _how(
        self, hyperparameters: Mapping[str, int | float | str], method: Method
    ) -> dict[str, Any]:
        """Hyperparameters as this host takes them, and what it wants with every job."""
        values: Any = dict(hyperparameters)
        how: dict[str, Any] = (
            {"hyperparameters": values}
            if self._hyperparameters == "top_level"
            else {"method": {"type": method.value, method.value: {"hyperparameters": values}}}
        )
        return {**how, "extra_body": self._extra_body} if self._extra_body else how

    async def models(self) -> tuple[RemoteModel, ...]:
        """Those that the host lists, up to some thousands."""
        async with self._client.using() as client:
            raw = await client.models.with_raw_response.list()
        return tuple(remote.model_in(entry) for entry in remote.Page.read(raw.text).entries)

    async def has_model(self, model: str) -> bool:
        """Whether the host still knows a model, listed or not."""
        try:
            async with self._client.using(model=model) as client:
                await client.models.with_raw_response.retrieve(model)
        except (ModelGone, RemoteNotFound):
            return False
        return True

    async def may_train(self, base_model: str) -> bool:
        """Whether this account may train a model now. The file that is named does not exist, so a
        host that allows it refuses the file, and no job is made.
        """
        try:
            async with self._client.using(model=base_model) as client:
                made = await client.with_options(
                    max_retries=0
                ).fine_tuning.jobs.with_raw_response.create(
                    model=base_model,
                    training_file="file-that-does-not-exist",
                    **self._how({}, Method.SUPERVISED),
                )
        except TrainingClosed:
            return False
        except (RequestRefused, RemoteNotFound):
            return True
        # A host that does not look at the file: the job would fail, and is taken back.
        await self.cancel(remote.job_in(remote.object_in(made.text)).id)
        return True

    async def find(self, key: str) -> RemoteJob | None:
        """The job that carries this key in its metadata."""
        async with aclosing(self._listed(FIND_PAGES, metadata={KEY: key})) as listed:
            async for found in listed:
                if found.metadata.get(KEY) == key:  # hosts may ignore the filter
                    return found
        return None

    async def job(self, remote_id: str) -> RemoteJob:
        """Raises RemoteNotFound."""
        async with self._client.using() as client:
            raw = await client.fine_tuning.jobs.with_raw_response.retrieve(remote_id)
        return remote.job_in(remote.object_in(raw.text))

    async def jobs(self, wanted: frozenset[str]) -> Mapping[str, RemoteJob]:
        """Many at once, by pages of the list; those not found are left out."""
        found: dict[str, RemoteJob] = {}
        if not wanted:
            return found
        async with aclosing(self._listed(LIST_PAGES)) as listed:
            async for one in listed:
                if one.id in wanted:
                    found[one.id] = one
                if len(found) == len(wanted):
                    break
        return found

    async def events(self, remote_id: str, *, after: str | None) -> tuple[JobEvent, ...]:
        """What was said since the event with id `after` (at most 500), oldest first."""

        async def page(cursor: Mapping[str, Any]) -> remote.Page:
            async with self._client.using() as client:
                raw = await client.fine_tuning.jobs.with_raw_response.list_events(
                    remote_id, limit=PAGE, **cursor
                )
            return remote.Page.read(raw.text)

        found: list[JobEvent] = []
        async with aclosing(_pages(page, EVENT_PAGES)) as pages:
            async for entries in pages:
                found += map(remote.event_in, entries)
                if _ascend(found) or any(event.remote_id == after for event in found):
                    break
        if _ascend(found):  # some hosts list the oldest first: what is new stands behind `after`
            async with aclosing(_pages(page, EVENT_PAGES, after=after)) as pages:
                found = [remote.event_in(entry) async for entries in pages for entry in entries]
        else:
            found.reverse()
        places = [place for place, event in enumerate(found) if event.remote_id == after]
        return tuple(found[places[-1] + 1 :] if places else found)

    async def cancel(self, remote_id: str) -> RemoteJob:
        """A job that has ended is returned as it is."""
        try:
            async with self._client.using() as client:
                raw = await client.fine_tuning.jobs.with_raw_response.cancel(remote_id)
            return remote.job_in(remote.object_in(raw.text))
        except RequestRefused:
            found = await self.job(remote_id)
            if found.status not in ENDED:
                raise
            return found

    async def delete_model(self, model: str) -> None:
        """Raises RemoteNotFound when it is gone already, NotOffered where that is not possible."""
        try:
            async with self._client.using(model=model) as client:
                await client.models.with_raw_response.delete(model)
        except ModelGone as gone:
            raise RemoteNotFound(detail=gone.detail) from gone
        except (RemoteNotFound, NotOffered) as error:  # a 404 that speaks of no model: no such call
            raise NotOffered(what=tr("deleting a model."), detail=error.detail) from error

    async def delete_file(self, file_id: str) -> None:
        """A file that is gone is no error."""
        try:
            async with self._client.using() as client:
                await client.files.with_raw_response.delete(file_id)
        except RemoteNotFound:
            log.debug("the file %s was gone already", file_id)

    async def _listed(self, pages: int, **filters: Any) -> AsyncGenerator[RemoteJob]:
        async def page(cursor: Mapping[str, Any]) -> remote.Page:
            async with self._client.using() as client:
                raw = await client.fine_tuning.jobs.with_raw_response.list(
                    limit=PAGE, **cursor, **filters
                )
            return remote.Page.read(raw.text)

        async with aclosing(_entries(page, pages)) as entries:
            async for entry in entries:
                yield remote.job_in(entry)


async def _entries(
    page: Callable[[Mapping[str, Any]], Awaitable[remote.Page]], pages: int
) -> AsyncGenerator[remote.Json]:
    """The entries of a list, of up to `pages` pages."""
    async with aclosing(_pages(page, pages)) as listed:
        async for entries in listed:
            for entry in entries:
                yield entry


async def _pages(
    page: Callable[[Mapping[str, Any]], Awaitable[remote.Page]],
    pages: int,
    *,
    after: str | None = None,
) -> AsyncGenerator[tuple[remote.Json, ...]]:
    """A list page by page, up to `pages`, from behind `after` on. A host that ignores where a page
    should begin gives the same one again: that is the end.
    """
    cursor = {} if after is None else {"after": after}
    begun: set[object] = set()
    for _ in range(pages):
        read = await page(cursor)
        first = read.entries[0]["id"] if read.entries else None
        if first in begun:
            return
        begun.add(first)
        yield read.entries
        if read.last_id is None:
            return
        cursor = {"after": read.last_id}


def _ascend(events: Sequence[JobEvent]) -> bool:
    return bool(events) and events[0].created_at < events[-1].created_at


def _temporary() -> BinaryIO:
    """A file without a name: gone when it is closed, also after a crash."""
    return tempfile.TemporaryFile(prefix="avatar-bot-")


def _append(file: BinaryIO, batch: Sequence[Example]) -> None:
    file.writelines(openai_jsonl.write(batch))
    file.flush()  # its length is read from the disk
