"""Fine-tuning jobs: OpenAI's states, with events, from creation to a model. Survives kill -9.

validating_files → queued → running → succeeded | failed | cancelled, and paused → queued.

A pause ends the work and a resumption begins it again at the step that was reached, as a restart
of the server does: so a paused job holds nothing, and there is one way to go on.
"""

import asyncio
import base64
import csv
import functools
import io
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from modelserver import training_file
from modelserver.disk import blocks_of, copy_folder, remove_folder, write_whole
from modelserver.engine import (
    Engine,
    Lesson,
    Metrics,
    Note,
    Order,
    Preference,
    Trained,
)
from modelserver.errors import ApiError, TrainingError, bad_request
from modelserver.shelf import Record, Shelf

log = logging.getLogger(__name__)
T = TypeVar("T")

ENDED = {"succeeded", "failed", "cancelled"}
BETA = 0.1  # of dpo when it is "auto": what its authors use (arXiv 2305.18290, appendix B)
_AGAIN_SECONDS, _LONGEST_SECONDS = 1.0, 60.0  # until what could not be written is tried again
_CURVE = ["train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy"]


def auto_epochs(examples: int) -> int:
    """OpenAI's cookbook: 3, more for few examples and fewer for very many."""
    if examples * 3 < 100:
        return min(25, 100 // max(1, examples))
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


def new_id(kind: str) -> str:
    """`ftjob-…`, `file-…`, as OpenAI's look."""
    return f"{kind}-{secrets.token_hex(12)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Files:
    """What is learnt, and what is only looked at: lessons, or pairs with the method dpo."""

    lessons: Sequence[Lesson] = ()
    validation: Sequence[Lesson] = ()
    pairs: Sequence[Preference] = ()
    validation_pairs: Sequence[Preference] = ()

    @property
    def count(self) -> int:
        """Examples that are learnt from."""
        return len(self.lessons) + len(self.pairs)


class Jobs:
    """Runs jobs; continues those that a crash interrupted."""

    def __init__(self, shelf: Shelf, engine: Engine, *, seconds: float | None) -> None:
        self._shelf = shelf
        self._engine = engine
        self._seconds = seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(engine.at_once)
        self._write = asyncio.Lock()  # a state is read and written by one at a time

    async def start(self) -> None:
        """Tidy up, and go on with what was not finished."""
        unfinished = [job for job in await self._shelf.all("job") if job["status"] not in ENDED]
        models = {model["id"] for model in await self._shelf.all("model")}
        await self._shelf.sweep(
            models | {job["x_model"] for job in unfinished}, {job["id"] for job in unfinished}
        )
        for job in unfinished:
            if job["status"] != "paused":
                self._run(job["id"])

    async def stop(self) -> None:
        """End the work; the records say where to go on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def create(self, job: Record, *, base: str) -> Record:
        """Take a checked job into the records and begin. `base` is the base model of its model."""
        created = {
            **job,
            "x_base": base,
            "x_model": _model_name(job, base),
            "x_last": None,
            "x_started": False,
        }
        async with self._write:
            await self._shelf.put(
                ("job", created),
                events=[
                    _event(job["id"], f"Created fine-tuning job: {job['id']}"),
                    _event(job["id"], f"Validating training file: {job['training_file']}"),
                ],
            )
        self._run(job["id"])
        return created

    async def cancel(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] in ENDED:
                raise bad_request(f"Job has already ended with status {job['status']}.")
            ended = await self._change(
                job,
                "Fine-tuning job cancelled",
                status="cancelled",
                finished_at=int(time.time()),
                estimated_finish=None,
            )
        await self._end(job_id)
        await self._clear(job, self._shelf.model(job["x_model"]))
        return ended

    async def pause(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] not in {"running", "queued"}:
                raise bad_request(f"Only a job that runs can be paused; it is {job['status']}.")
            changed = await self._change(
                job, "Fine-tuning job paused", status="paused", estimated_finish=None
            )
        await self._end(job_id)
        return changed

    async def resume(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] != "paused":
                raise bad_request(f"Only a paused job can be resumed; it is {job['status']}.")
            changed = await self._change(job, "Fine-tuning job resumed", status="queued")
        self._run(job_id)
        return changed

    async def _get(self, job_id: str) -> Record:
        job = await self._shelf.get("job", job_id)
        if job is None:
            raise no_such_job(job_id)
        return job

    def _run(self, job_id: str) -> None:
        task = asyncio.create_task(self._work(job_id))
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._forget(job_id, task))

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:  # a resumed job has a new one
            del self._tasks[job_id]

    async def _end(self, job_id: str) -> None:
        """Stop the work on a job whose new state is written."""
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self, job_id: str) -> None:
        try:
            await self._train(job_id)
        except TrainingError as error:
            await self._fail(job_id, error.code, error.message, error.param)
        except Exception:
            log.exception("job %s failed", job_id)
            message = "The job failed due to an internal error."
            await self._fail(job_id, "server_error", message, None)

    async def _fail(self, job_id: str, code: str, message: str, param: str | None) -> None:
        """While nothing can be written (a disk that is full is why jobs fail, too) it is tried
        again: nobody else would ever end the job.
        """
        wait = _AGAIN_SECONDS
        while True:
            try:
                job = await self._failed(job_id, code, message, param)
            except Exception:
                log.exception("that job %s failed cannot be written", job_id)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_SECONDS)
            else:
                await self._clear(job, self._shelf.model(job["x_model"]))
                return

    async def _failed(self, job_id: str, code: str, message: str, param: str | None) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] in ENDED:
                return job
            return await self._change(
                job,
                message,
                level="error",
                status="failed",
                error={"code": code, "message": message, "param": param},
                finished_at=int(time.time()),
                estimated_finish=None,
            )

    async def _clear(self, job: Record, *folders: Path) -> None:
        """Remove what an ended job has no use for."""
        for folder in (self._shelf.work(job["id"]), *folders):
            await asyncio.to_thread(remove_folder, folder)

    async def _train(self, job_id: str) -> None:
        job = await self._get(job_id)
        if job["status"] == "validating_files":
            await self._validated(job_id, (await self._files(job)).count)
        async with self._slots:
            # Not before its turn: many jobs may wait, and each may have a hundred thousand.
            files = await self._files(job)
            job = await self._begun(job_id)
            chosen = job["hyperparameters"]
            trained = await self._engine.train(
                Order(
                    method=job["method"]["type"],
                    lessons=files.lessons,
                    pairs=files.pairs,
                    validation=files.validation,
                    validation_pairs=files.validation_pairs,
                    folder=self._shelf.model(job["x_model"]),
                    work=self._shelf.work(job_id),
                    parent=await self._parent(job),
                    base=_base(job),
                    epochs=chosen["n_epochs"],
                    batch_size=chosen["batch_size"],
                    learning_rate_multiplier=chosen["learning_rate_multiplier"],
                    beta=chosen.get("beta"),
                    seed=job["seed"],
                    first_step=job["x_last"]["step"] if job["x_last"] else 0,
                    seconds=self._seconds or 0.0,
                ),
                functools.partial(self._report, job_id),
            )
        tokens = trained.tokens
        if tokens is None:
            tokens = await asyncio.to_thread(self._tokens, files.lessons) * chosen["n_epochs"]
        await self._succeed(job_id, tokens, trained)

    async def _parent(self, job: Record) -> Path | None:
        """The folder of the model that a job's model is trained on top of."""
        if job["model"] == _base(job):
            return None
        # An engine that has begun has what it needs of it.
        if job["x_last"] is None and await self._shelf.get("model", job["model"]) is None:
            raise TrainingError(
                "model_not_found", f"The model {job['model']} does not exist any more.", "model"
            )
        return self._shelf.model(job["model"])

    async def _files(self, job: Record) -> "_Files":
        """What a job's files hold. Raises TrainingError."""
        if job["method"]["type"] == "dpo":
            read_pairs = training_file.read_pairs
            return _Files(
                pairs=await self._examples(job, "training_file", read_pairs),
                validation_pairs=await self._examples(job, "validation_file", read_pairs),
            )
        return _Files(
            lessons=await self._examples(job, "training_file", training_file.read),
            validation=await self._examples(job, "validation_file", training_file.read),
        )

    async def _examples(
        self, job: Record, param: str, read: Callable[[Path, str], Sequence[T]]
    ) -> Sequence[T]:
        if job[param] is None:
            return ()
        path = self._shelf.content(job[param])
        try:
            return await asyncio.to_thread(read, path, param)
        except FileNotFoundError:
            raise TrainingError(
                "file_not_found", f"The file {job[param]} does not exist any more.", param
            ) from None

    def _tokens(self, lessons: Sequence[Lesson]) -> int:
        """Tokens of one epoch: 3 an example, 4 a message, and the texts."""
        return sum(
            3 + sum(4 + self._engine.tokens(message.text) for message in lesson.messages)
            for lesson in lessons
        )

    async def _validated(self, job_id: str, examples: int) -> None:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] != "validating_files":
                return
            chosen = dict(job["hyperparameters"])
            if chosen["n_epochs"] == "auto":
                chosen["n_epochs"] = auto_epochs(examples)
            if chosen["batch_size"] == "auto":
                chosen["batch_size"] = self._engine.batch_size(examples)
            if chosen["learning_rate_multiplier"] == "auto":
                chosen["learning_rate_multiplier"] = 1.0
            if chosen.get("beta") == "auto":
                chosen["beta"] = BETA
            method = job["method"]["type"]
            await self._change(
                job,
                "Files validated, moving job to queued state",
                status="queued",
                hyperparameters=chosen,
                method={"type": method, method: {"hyperparameters": chosen}},
            )

    async def _begun(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            last = job["x_last"]
            left = 1 - last["step"] / last["total_steps"] if last else 1
            changes: Record = {"status": "running", "x_started": True}
            if self._seconds is not None:
                changes["estimated_finish"] = int(time.time() + self._seconds * left) + 1
            if job["x_started"]:  # said before a pause or a restart
                job.update(changes)
                await self._shelf.put(("job", job))
                return job
            return await self._change(job, "Fine-tuning job started", **changes)

    async def _report(self, job_id: str, said: Metrics | Note) -> None:
        if isinstance(said, Note):
            await self._shelf.put(events=[_event(job_id, said.message, level=said.level)])
            return
        metrics, data = said, _data(said)
        message = (
            f"Step {metrics.step}/{metrics.total_steps}: training loss={metrics.train_loss:.2f}"
        )
        if metrics.valid_loss is not None:
            message += f", validation loss={metrics.valid_loss:.2f}"
        if metrics.tokens_per_second is not None:
            message += f", {metrics.tokens_per_second:.0f} tokens/s"
        changes: Record = {"x_last": data}
        if metrics.seconds_left is not None:
            message += f", {_duration(metrics.seconds_left)} left"
            changes["estimated_finish"] = math.ceil(time.time() + metrics.seconds_left)
        async with self._write:
            job = await self._get(job_id)
            await self._shelf.put(
                ("job", {**job, **changes}),
                events=[_event(job_id, message, type_="metrics", data=data)],
            )

    async def _succeed(self, job_id: str, trained_tokens: int, trained: Trained) -> None:
        """The models, the result files and the job's end, in one step."""
        job = await self._get(job_id)
        name, now = job["x_model"], int(time.time())
        # Files first: the larger they are, the longer others would wait for the records.
        results = [await self._result_file(job, now)]
        results += [await self._given_out(job, path, now) for path in trained.files]
        models, points = [], []
        for checkpoint in trained.checkpoints:
            earlier = f"{name}:ckpt-step-{checkpoint.step}"
            await asyncio.to_thread(copy_folder, checkpoint.folder, self._shelf.model(earlier))
            models.append(_model(job, earlier, now))
            points.append(_checkpoint(job, earlier, now, _data(checkpoint.metrics)))
        models.append(_model(job, name, now))
        points.append(_checkpoint(job, name, now, job["x_last"]))
        async with self._write:
            changed = {
                **await self._get(job_id),
                "status": "succeeded",
                "fine_tuned_model": name,
                "trained_tokens": trained_tokens,
                "finished_at": now,
                "estimated_finish": None,
                "result_files": [result["id"] for result in results],
                "x_checkpoints": points[::-1],
            }
            await self._shelf.put(
                *(("model", model) for model in models),
                *(("file", result) for result in results),
                ("job", changed),
                events=[
                    _event(job_id, f"Checkpoint created at step {job['x_last']['step']}"),
                    _event(job_id, f"New fine-tuned model created: {name}"),
                    _event(job_id, "The job has successfully completed"),
                ],
            )
        await self._clear(job)

    async def _result_file(self, job: Record, now: int) -> Record:
        """Write the curve of a job as the CSV, in base64, that OpenAI gives; returns its record."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(
            ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"]
        )
        for point in await self._shelf.metrics(job["id"]):
            writer.writerow([point["step"], *(point.get(name, "") for name in _CURVE)])
        content = base64.b64encode(out.getvalue().encode())
        file_id = f"file-result-{job['id'].removeprefix('ftjob-')}"
        return await self._kept(file_id, "step_metrics.csv", [content], now)

    async def _given_out(self, job: Record, path: Path, now: int) -> Record:
        """Take a file that an engine made; returns its record."""
        file_id = f"file-{path.stem}-{job['id'].removeprefix('ftjob-')}"
        return await self._kept(file_id, path.name, blocks_of(path), now)

    async def _kept(self, file_id: str, name: str, blocks: Iterable[bytes], now: int) -> Record:
        size = await asyncio.to_thread(write_whole, self._shelf.content(file_id), blocks)
        return {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": now,
            "filename": name,
            "purpose": "fine-tune-results",
            "status": "processed",
        }

    async def _change(
        self, job: Record, message: str, *, level: str = "info", **changes: Any
    ) -> Record:
        changed = {**job, **changes}
        await self._shelf.put(("job", changed), events=[_event(job["id"], message, level=level)])
        return changed


def no_such_job(job_id: str) -> ApiError:
    return ApiError(404, f"Could not find fine tune: {job_id[:100]}", param="fine_tune_id")


def base_of(model: Record) -> str:
    """The base model that a model was trained from, perhaps by way of others."""
    return str(model.get("root", model["parent"]))


def _base(job: Record) -> str:
    return str(job.get("x_base", job["model"]))


def _model(job: Record, name: str, now: int) -> Record:
    return {
        "id": name,
        "object": "model",
        "created": now,
        "owned_by": "local",
        "shutdown_date": None,
        "parent": job["model"],
        "root": _base(job),
    }


def _data(metrics: Metrics) -> Record:
    """What an event says of a step."""
    data: Record = {"step": metrics.step, "total_steps": metrics.total_steps}
    names = (*_CURVE, "tokens_per_second", "seconds_left")
    return data | {name: value for name in names if (value := getattr(metrics, name)) is not None}


def _duration(seconds: float) -> str:
    """90 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _model_name(job: Record, base: str) -> str:
    """`ft:imitator-1:local:<suffix>:<id>`."""
    suffix = "".join(
        c if c.isascii() and c.isalnum() else "-" for c in job["user_provided_suffix"] or ""
    )
    return f"ft:{base}:local:{suffix.strip('-').lower()}:{job['id'][-8:]}"


def _event(
    job_id: str,
    message: str,
    *,
    level: str = "info",
    type_: str = "message",
    data: Record | None = None,
) -> tuple[str, Record]:
    return job_id, {
        "id": new_id("ftevent"),
        "object": "fine_tuning.job.event",
        "created_at": int(time.time()),
        "level": level,
        "message": message,
        "type": type_,
        "data": data or {},
    }


def public(job: Record) -> Record:
    """A job as the API shows it, without what the server keeps for itself."""
    return {key: value for key, value in job.items() if not key.startswith("x_")}


def checkpoints(job: Record) -> list[Record]:
    """The last epochs, the latest first; OpenAI keeps three. Each is a model."""
    return list(job.get("x_checkpoints", ()))


def _checkpoint(job: Record, model: str, now: int, data: Record) -> Record:
    return {
        "id": f"ftckpt-{job['id'].removeprefix('ftjob-')}-{data['step']}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": now,
        "fine_tuned_model_checkpoint": model,
        "fine_tuning_job_id": job["id"],
        "step_number": data["step"],
        "metrics": {key: value for key, value in data.items() if key in {"step", *_CURVE}},
    }
