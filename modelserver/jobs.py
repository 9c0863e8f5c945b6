"""Fine-tuning jobs: OpenAI's states, with events, from creation to a model. Survives kill -9.

validating_files → queued → running ⇄ paused → succeeded | failed | cancelled
"""

import asyncio
import base64
import csv
import io
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any

from modelserver import training_file
from modelserver.engine import Engine, Lesson, Metrics, Order
from modelserver.errors import ApiError, TrainingError, bad_request
from modelserver.shelf import Record, Shelf

log = logging.getLogger(__name__)

ENDED = {"succeeded", "failed", "cancelled"}
AT_ONCE = 2  # jobs that train side by side; the others are queued


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
        self._going: dict[str, asyncio.Event] = {}  # cleared while a job is paused
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._write = asyncio.Lock()  # a state is read and written by one at a time

    async def start(self) -> None:
        """Go on with what was not finished."""
        unfinished, _ = await self._shelf.page(
            "job",
            limit=100_000,
            where=lambda job: job["status"] not in ENDED,
            newest_first=False,
        )
        for job in unfinished:
            self._run(job["id"], paused=job["status"] in {"paused", "pausing"})

    async def stop(self) -> None:
        """End the work; the records say where to go on."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def create(self, job: Record) -> Record:
        """Take a checked job into the records and begin."""
        async with self._write:
            await self._shelf.put(
                "job",
                job,
                _event(job["id"], f"Created fine-tuning job: {job['id']}"),
                _event(job["id"], f"Validating training file: {job['training_file']}"),
            )
        self._run(job["id"])
        return job

    async def cancel(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] in ENDED:
                raise bad_request(f"Job has already ended with status {job['status']}.")
            ended = await self._change(
                job,
                "The job was cancelled",
                status="cancelled",
                finished_at=int(time.time()),
                estimated_finish=None,
            )
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
        return ended

    async def pause(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] not in {"running", "queued"}:
                raise bad_request(f"Only a job that runs can be paused; it is {job['status']}.")
            if job_id in self._going:
                self._going[job_id].clear()
            return await self._change(job, "The job was paused", status="paused")

    async def resume(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] not in {"paused", "pausing"}:
                raise bad_request(f"Only a paused job can be resumed; it is {job['status']}.")
            changed = await self._change(job, "The job was resumed", status="running")
        if job_id in self._going:
            self._going[job_id].set()
        return changed

    async def _get(self, job_id: str) -> Record:
        job = await self._shelf.get("job", job_id)
        if job is None:
            raise ApiError(404, f"Could not find fine tune: {job_id[:100]}", param="fine_tune_id")
        return job

    def _run(self, job_id: str, *, paused: bool = False) -> None:
        going = self._going[job_id] = asyncio.Event()
        if not paused:
            going.set()
        task = asyncio.create_task(self._work(job_id, going))
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._forget(job_id))

    def _forget(self, job_id: str) -> None:
        self._tasks.pop(job_id, None)
        self._going.pop(job_id, None)

    async def _work(self, job_id: str, going: asyncio.Event) -> None:
        try:
            await self._train(job_id, going)
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

    async def _train(self, job_id: str, going: asyncio.Event) -> None:
        job = await self._get(job_id)
        path = self._shelf.content(job["training_file"])
        if not path.exists():
            raise TrainingError("file_not_found", "The training file does not exist any more.")
        lessons = await asyncio.to_thread(training_file.read, path)
        await self._validated(job_id, lessons)
        async with self._slots:
            await going.wait()
            job = await self._begun(job_id)
            chosen = job["hyperparameters"]
            trained = sum(
                self._engine.tokens(m.text) + 4 for lesson in lessons for m in lesson.messages
            ) + 3 * len(lessons)
            await self._engine.train(
                Order(
                    lessons=lessons,
                    folder=self._shelf.model(_model_name(job)),
                    epochs=chosen["n_epochs"],
                    batch_size=chosen["batch_size"],
                    first_step=job["x_step"],
                    seconds=self._seconds,
                ),
                lambda metrics: self._report(job_id, going, metrics),
            )
        await self._succeed(job_id, trained * chosen["n_epochs"])

    async def _validated(self, job_id: str, lessons: Sequence[Lesson]) -> None:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] != "validating_files":
                return
            chosen = dict(job["hyperparameters"])
            if chosen["n_epochs"] == "auto":
                chosen["n_epochs"] = auto_epochs(len(lessons))
            if chosen["batch_size"] == "auto":
                chosen["batch_size"] = self._engine.batch_size(len(lessons))
            if chosen["learning_rate_multiplier"] == "auto":
                chosen["learning_rate_multiplier"] = 1.0
            method = {"type": "supervised", "supervised": {"hyperparameters": chosen}}
            await self._change(
                job,
                "Files validated, moving job to queued state",
                status="queued",
                hyperparameters=chosen,
                method=method,
            )

    async def _begun(self, job_id: str) -> Record:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] != "queued":
                return job
            return await self._change(
                job,
                "Fine-tuning job started",
                status="running",
                estimated_finish=int(time.time() + self._seconds) + 1,
            )

    async def _report(self, job_id: str, going: asyncio.Event, metrics: Metrics) -> None:
        data = {
            "step": metrics.step,
            "total_steps": metrics.total_steps,
            "train_loss": metrics.train_loss,
            "train_mean_token_accuracy": metrics.train_mean_token_accuracy,
        }
        async with self._write:
            job = await self._get(job_id)
            curve = [*job["x_curve"], data]
            await self._shelf.put(
                "job",
                {**job, "x_step": metrics.step, "x_curve": curve},
                _event(
                    job_id,
                    f"Step {metrics.step}/{metrics.total_steps}: training loss="
                    f"{metrics.train_loss:.2f}",
                    type_="metrics",
                    data=data,
                ),
            )
        await going.wait()

    async def _succeed(self, job_id: str, trained_tokens: int) -> None:
        async with self._write:
            job = await self._get(job_id)
            if job["status"] in ENDED:
                return
            name = _model_name(job)
            result = await self._result_file(job)
            await self._shelf.put(
                "model",
                {
                    "id": name,
                    "object": "model",
                    "created": int(time.time()),
                    "owned_by": "local",
                    "shutdown_date": None,
                    "parent": job["model"],
                },
            )
            changed = {
                **job,
                "status": "succeeded",
                "fine_tuned_model": name,
                "trained_tokens": trained_tokens,
                "finished_at": int(time.time()),
                "estimated_finish": None,
                "result_files": [result],
            }
            last = job["x_step"]
            await self._shelf.put(
                "job",
                changed,
                _event(job_id, f"Checkpoint created at step {last}"),
                _event(job_id, f"New fine-tuned model created: {name}"),
                _event(job_id, "The job has successfully completed"),
            )

    async def _result_file(self, job: Record) -> str:
        """The curve of a job as the CSV, in base64, that OpenAI gives."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(
            ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"]
        )
        for point in job["x_curve"]:
            writer.writerow(
                [point["step"], point["train_loss"], point["train_mean_token_accuracy"], "", ""]
            )
        content = base64.b64encode(out.getvalue().encode())
        file_id = f"file-result-{job['id'].removeprefix('ftjob-')}"
        await asyncio.to_thread(self._shelf.content(file_id).write_bytes, content)
        await self._shelf.put(
            "file",
            {
                "id": file_id,
                "object": "file",
                "bytes": len(content),
                "created_at": int(time.time()),
                "filename": "step_metrics.csv",
                "purpose": "fine-tune-results",
                "status": "processed",
            },
        )
        return file_id

    async def _change(
        self, job: Record, message: str, *, level: str = "info", **changes: Any
    ) -> Record:
        changed = {**job, **changes}
        await self._shelf.put("job", changed, _event(job["id"], message, level=level))
        return changed


def _model_name(job: Record) -> str:
    """`ft:imitator-1:local:<suffix>:<id>`: the same for a job however often it is run."""
    return f"ft:{job['model']}:local:{job['user_provided_suffix'] or ''}:{job['id'][-8:]}"


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
    """OpenAI keeps the last epochs; the imitator has one, the finished model."""
    if job["fine_tuned_model"] is None or not job["x_curve"]:
        return []
    last = job["x_curve"][-1]
    return [
        {
            "id": f"ftckpt-{job['id'].removeprefix('ftjob-')}",
            "object": "fine_tuning.job.checkpoint",
            "created_at": job["finished_at"],
            "fine_tuned_model_checkpoint": job["fine_tuned_model"],
            "fine_tuning_job_id": job["id"],
            "step_number": last["step"],
            "metrics": {
                "step": last["step"],
                "train_loss": last["train_loss"],
                "train_mean_token_accuracy": last["train_mean_token_accuracy"],
            },
        }
    ]
