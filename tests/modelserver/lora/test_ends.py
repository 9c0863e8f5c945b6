"""How trainings end that do not just end: killed, without memory, broken."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.modelserver.lora.world import (
    asked,
    begin,
    engine,
    exchanges,
    lesson,
    reached,
    serving,
    stepped,
    steps,
    told,
)

ROOT = Path(__file__).parent.parent.parent.parent
WAH = exchanges(1, "Wah")
LINES = [lesson(*pair) for pair in WAH]
HUNGRY = (sys.executable, "-m", "tests.modelserver.lora.hungry")


async def started(base: Path, folder: Path) -> tuple[asyncio.subprocess.Process, AsyncOpenAI]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "modelserver", "--port", "0", "--data", str(folder)),
        *("--engine", "lora", "--model", str(base)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[-1]
    plain = DefaultAsyncHttpxClient(verify=False)
    return process, AsyncOpenAI(base_url=url, api_key="x", max_retries=0, http_client=plain)


def children(parent: int) -> set[int]:
    """Processes that train for a server."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent:
            found.add(int(status.parent.name))
    return found


@pytest.mark.long
async def test_kill_9_in_the_middle_of_a_training(base: Path, tmp_path: Path) -> None:
    process, client = await started(base, tmp_path)
    async with client:
        job_id = await begin(client, LINES, epochs=25)
        await stepped(client, job_id, 11)
        trainers = children(process.pid)
        assert len(trainers) == 1
        process.send_signal(signal.SIGKILL)
        await process.communicate()
    async with asyncio.timeout(20):  # whoever trains for nobody ends too
        while any(Path(f"/proc/{pid}").exists() for pid in trainers):
            await asyncio.sleep(0.05)
    assert list(tmp_path.glob("work/*/checkpoints/checkpoint-*"))
    process, client = await started(base, tmp_path)
    async with client:
        done = await reached(client, job_id)
        events = await told(client, job_id)
        assert (done.status, done.error and done.error.message) == ("succeeded", None)
        assert steps(events) == list(range(1, 51))
        assert await asked(client, done.fine_tuned_model, WAH) == len(WAH)
        log = [e.message for e in events if e.message == "Fine-tuning job started"]
        assert len(log) == 1
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


@pytest.mark.long
async def test_out_of_memory_lowers_what_is_learnt_at_a_time(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MOST_EXAMPLES", "3")
    async with serving(tmp_path, engine(base, command=HUNGRY)) as client:
        job_id = await begin(client, LINES, epochs=1, batch=4)
        job = await reached(client, job_id)
        events = await told(client, job_id)
        assert (job.status, steps(events)) == ("succeeded", [1, 2, 3, 4, 5])
        assert [e.message for e in events if e.level == "warn"] == [
            "Out of memory: going on with 2 example(s) at a time instead of 4; "
            "the batch size stays 4."
        ]


@pytest.mark.long
async def test_too_little_memory_for_one_example_fails_with_a_sentence(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MOST_EXAMPLES", "0")
    async with serving(tmp_path, engine(base, command=HUNGRY)) as client:
        job = await reached(client, await begin(client, LINES, epochs=1, batch=1))
        assert (job.status, job.error.code) == ("failed", "out_of_memory")
        assert "even with one example at a time. Use a smaller model" in job.error.message


async def test_a_trainer_that_breaks_is_a_failed_job_with_a_sentence(
    base: Path, tmp_path: Path
) -> None:
    broken = (sys.executable, "-c", "raise ValueError('the moon is full')")
    async with serving(tmp_path, engine(base, command=broken)) as client:
        job: Any = await reached(client, await begin(client, LINES, epochs=1))
        assert job.status == "failed"
        assert job.error.message == (
            "The training ended unexpectedly: ValueError: the moon is full"
        )
    assert not list((tmp_path / "work").iterdir())


async def test_a_trainer_that_the_system_kills(base: Path, tmp_path: Path) -> None:
    killed = (sys.executable, "-c", f"import os; os.kill(os.getpid(), {signal.SIGKILL.value})")
    async with serving(tmp_path, engine(base, command=killed)) as client:
        job: Any = await reached(client, await begin(client, LINES, epochs=1))
        assert (job.status, job.error.code) == ("failed", "out_of_memory")
    assert not list((tmp_path / "work").iterdir())
