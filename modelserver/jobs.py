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
import secrets
import time
from collections.abc import Sequence
from typing import Any

from modelserver import training_file
from modelserver.disk import remove_folder, write_whole
from modelserver.engine import Engine, Lesson, Metrics, Order
from modelserver.errors import ApiError, TrainingError, bad_request
from modelserver.shelf import Record, Shelf

log = logging.getLogger(__name__)

ENDED = {"succeeded", "failed", "cancelled"}
AT_ONCE = 2  # jobs that train side by side; the others are queued
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


class Jobs:
    """Runs jobs; continues those that a crash interrupted."""

    def __init__(self, shelf: Shelf, engine: Engine, *, seconds: float) -> None:
        self._shelf = shelf
        self._engine = engine
        self._seconds = seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._write = asyncio.Lock()  # a state is read and written by one at a time

    async def start(self) -> None:
        """Tidy up, and go on with what was not finished."""
        unfinished = [job for job in await self._shelf.all("job") if job["status"] not in ENDED]
        models = {model["id"] for model in await self._shelf.all("model")}
        await self._shelf.sweep(models | {job["x_model"] for job in unfinished})
        for job in unfinished:
            if job["status"] != "paused":
                self._run(job["id"])

    async def stop(self) -> None:
        """End the work; the records say where to go on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def create(self, job: Record) -> Record:
        """Take a checked job into the records and begin."""
        created = {**job, "x_model": _model_name(job), "x_last": None, "x_started": False}
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
        await asyncio.to_thread(remove_folder, self._shelf.model(job["x_model"]))
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
        async with self._write:
            job = await self._get(job_id)
            if job["status"] not in ENDED:
                await self._change(
                    job,
                    message,
                    level="error",
                    status="failed",
                    error={"code": code, "message": message, "param": param},
                    finished_at=int(time.time()),
                    estimated_finish=None,
                )
        await asyncio.to_thread(remove_folder, self._shelf.model(job["x_model"]))

    async def _train(self, job_id: str) -> None:
        job = await self._get(job_id)
        lessons = await self._lessons(job, "training_file")
        validation = await self._lessons(job, "validation_file")
        await self._validated(job_id, len(lessons))
        tokens = await asyncio.to_thread(self._tokens, lessons)
        async with self._slots:
            job = await self._begun(job_id)
            chosen = job["hyperparameters"]
            await self._engine.train(
                Order(
                    lessons=lessons,
                    validation=validation,
                    folder=self._shelf.model(job["x_model"]),
                    epochs=chosen["n_epochs"],
                    batch_size=chosen["batch_size"],
                    first_step=job["x_last"]["step"] if job["x_last"] else 0,
                    seconds=self._seconds,
                ),
                functools.partial(self._report, job_id),
            )
        await self._succeed(job_id, tokens * chosen["n_epochs"])

    async def _lessons(self, job: Record, param: str) -> Sequence[Lesson]:
        if job[param] is None:
            return ()
        path = self._shelf.content(job[param])
        try:
            return await asyncio.to_thread(training_file.read, path, param)
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
            await self._change(
                job,
                "Files validated, moving job to queued state",
                status="queued",
                hyperparameters=chosen,
                method={"type": "supervised", "supervised": {"hyperparameters": chosen}},
            )

    async def _begun(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            last = job["x_last"]
            left = 1 - last["step"] / last["total_steps"] if last else 1
            changes: Record = {
                "status": "running",
                "estimated_finish": int(time.time() + self._seconds * left) + 1,
                "x_started": True,
            }
            if job["x_started"]:  # said before a pause or a restart
                job.update(changes)
                await self._shelf.put(("job", job))
                return job
            return await self._change(job, "Fine-tuning job started", **changes)

    async def _report(self, job_id: str, metrics: Metrics) -> None:
        data = {"step": metrics.step, "total_steps": metrics.total_steps}
        data |= {name: value for name in _CURVE if (value := getattr(metrics, name)) is not None}
        message = (
            f"Step {metrics.step}/{metrics.total_steps}: training loss={metrics.train_loss:.2f}"
        )
        if metrics.valid_loss is not None:
            message += f", validation loss={metrics.valid_loss:.2f}"
        async with self._write:
            job = await self._get(job_id)
            await self._shelf.put(
                ("job", {**job, "x_last": data}),
                events=[_event(job_id, message, type_="metrics", data=data)],
            )

    async def _succeed(self, job_id: str, trained_tokens: int) -> None:
        """The model, the result file and the job's end, in one step."""
        async with self._write:
            job = await self._get(job_id)
            name, now = job["x_model"], int(time.time())
            result = await self._result_file(job, now)
            model = {
                "id": name,
                "object": "model",
                "created": now,
                "owned_by": "local",
                "shutdown_date": None,
                "parent": job["model"],
            }
            changed = {
                **job,
                "status": "succeeded",
                "fine_tuned_model": name,
                "trained_tokens": trained_tokens,
                "finished_at": now,
                "estimated_finish": None,
                "result_files": [result["id"]],
            }
            await self._shelf.put(
                ("model", model),
                ("file", result),
                ("job", changed),
                events=[
                    _event(job_id, f"Checkpoint created at step {job['x_last']['step']}"),
                    _event(job_id, f"New fine-tuned model created: {name}"),
                    _event(job_id, "The job has successfully completed"),
                ],
            )

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
        await asyncio.to_thread(write_whole, self._shelf.content(file_id), [content])
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": now,
            "filename": "step_metrics.csv",
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


def _model_name(job: Record) -> str:
    """`ft:imitator-1:local:<suffix>:<id>`."""
    suffix = "".join(
        c if c.isascii() and c.isalnum() else "-" for c in job["user_provided_suffix"] or ""
    )
    return f"ft:{job['model']}:local:{suffix.strip('-').lower()}:{job['id'][-8:]}"


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
    """OpenAI keeps the last three epochs; here there is one, the finished model."""
    last = job["x_last"]
    if job["fine_tuned_model"] is None or last is None:
        return []
    return [
        {
            "id": f"ftckpt-{job['id'].removeprefix('ftjob-')}",
            "object": "fine_tuning.job.checkpoint",
            "created_at": job["finished_at"],
            "fine_tuned_model_checkpoint": job["fine_tuned_model"],
            "fine_tuning_job_id": job["id"],
            "step_number": last["step"],
            "metrics": {key: value for key, value in last.items() if key != "total_steps"},
        }
    ]
