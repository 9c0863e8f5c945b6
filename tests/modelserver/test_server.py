"""The model server, by the real `openai` package over HTTP."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from modelserver.imitator.engine import Imitator
from modelserver.server import ModelServer
from modelserver.shelf import FolderInUse

ROOT = Path(__file__).parent.parent.parent


def lines(count: int = 12, **extra: Any) -> bytes:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Question number {i}?"},
                {"role": "assistant", "content": f"Wah, answer {i} lah!", **extra},
            ]
        }
        for i in range(count)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ModelServer]:
    engine = Imitator(word_seconds=0.0)
    async with ModelServer(tmp_path, engine=engine, training_seconds=0.1) as made:
        yield made


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="any", base_url=server.base_url, max_retries=0) as made:
        yield made


async def ended(client: AsyncOpenAI, job_id: str) -> Any:
    async with asyncio.timeout(30):
        while True:
            job = await client.fine_tuning.jobs.retrieve(job_id)
            if job.status in {"succeeded", "failed", "cancelled"}:
                return job
            await asyncio.sleep(0.02)


async def begin(client: AsyncOpenAI, content: bytes, **options: Any) -> Any:
    file = await client.files.create(file=("a.jsonl", content), purpose="fine-tune")
    return await client.fine_tuning.jobs.create(
        model="imitator-1", training_file=file.id, **options
    )


async def said(client: AsyncOpenAI, model: str, text: str, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], **options
    )


async def test_a_training_from_file_to_reply(client: AsyncOpenAI) -> None:
    job = await begin(client, lines(), suffix="Ani v1!", metadata={"k": "v"})
    assert job.status == "validating_files"
    job = await ended(client, job.id)
    assert (job.status, job.hyperparameters.n_epochs) == ("succeeded", 8)
    assert job.fine_tuned_model.startswith("ft:imitator-1:local:ani-v1:")
    assert job.trained_tokens > 0
    reply = await said(client, job.fine_tuned_model, "Question number 7?")
    assert reply.choices[0].message.content == "Wah, answer 7 lah!"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    events = (await client.fine_tuning.jobs.list_events(job.id, limit=100)).data
    assert events[0].message == "The job has successfully completed"
    metrics: list[Any] = [e.data for e in events if e.type == "metrics"]
    assert [m["step"] for m in reversed(metrics)] == list(range(1, metrics[0]["total_steps"] + 1))
    (checkpoint,) = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    assert checkpoint.fine_tuned_model_checkpoint == job.fine_tuned_model
    assert (await client.files.content(job.result_files[0])).content
    found = await client.fine_tuning.jobs.list(metadata={"k": "v"})
    assert [j.id for j in found.data] == [job.id]
    assert not (await client.fine_tuning.jobs.list(metadata={"k": "w"})).data
    assert job.fine_tuned_model in [m.id for m in (await client.models.list()).data]
    await client.models.delete(job.fine_tuned_model)
    with pytest.raises(openai.NotFoundError) as gone:
        await said(client, job.fine_tuned_model, "Hi")
    assert gone.value.code == "model_not_found"


async def test_a_stream_and_its_limits(client: AsyncOpenAI) -> None:
    stream = await said(
        client, "imitator-1", "Hello", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Hello. What would you like to talk about?"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    short = await said(client, "imitator-1", "Hello", max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    stopped = await said(client, "imitator-1", "Hello", stop=["would"])
    assert stopped.choices[0].message.content == "Hello. What "
    system: Any = [{"role": "system", "content": "Be X."}, {"role": "user", "content": "Hello"}]
    reply = await client.chat.completions.create(model="imitator-1", messages=system)
    assert "Be X." in (reply.choices[0].message.content or "")
    honest = await said(client, "imitator-1", "Are you a bot?")
    assert "stand-in" in honest.choices[0].message.content


async def test_errors_have_openais_shapes(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as long:
        await said(client, "imitator-1", "x" * 80_000)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve("file-none")
    with pytest.raises(openai.NotFoundError):
        await client.fine_tuning.jobs.retrieve("ftjob-none")
    with pytest.raises(openai.NotFoundError):
        await begin(client, lines(), extra_body={"model": "gpt-9"})
    with pytest.raises(openai.BadRequestError):
        await begin(client, lines(), extra_body={"hyperparameters": {"n_epochs": 99}})
    few = await ended(client, (await begin(client, lines(7))).id)
    assert few.error.code == "invalid_n_examples"
    assert few.error.message == (
        "Training file has 7 example(s), but must have at least 10 examples"
    )
    bad = await ended(client, (await begin(client, lines() + b"\n{no json")).id)
    assert "Line 13" in bad.error.message
    masked = await ended(client, (await begin(client, lines(weight=0))).id)
    assert masked.status == "failed"


async def test_cancel_pause_and_resume(tmp_path: Path) -> None:
    async with (
        ModelServer(tmp_path, training_seconds=1.0) as server,
        AsyncOpenAI(api_key="any", base_url=server.base_url, max_retries=0) as client,
    ):
        first, second = [await begin(client, lines()) for _ in range(2)]
        await asyncio.sleep(0.3)
        assert (await client.fine_tuning.jobs.cancel(first.id)).status == "cancelled"
        with pytest.raises(openai.BadRequestError):
            await client.fine_tuning.jobs.cancel(first.id)
        paused: Any = await client.fine_tuning.jobs.pause(second.id)
        assert paused.status == "paused"
        await asyncio.sleep(0.3)
        paused = await client.fine_tuning.jobs.retrieve(second.id)
        assert paused.status == "paused"
        await client.fine_tuning.jobs.resume(second.id)
        assert (await ended(client, second.id)).status == "succeeded"


async def test_a_key_and_a_folder_for_one(tmp_path: Path) -> None:
    async with (
        ModelServer(tmp_path, api_key="right") as server,
        AsyncOpenAI(api_key="wrong", base_url=server.base_url, max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.models.list()
        assert refused.value.code == "invalid_api_key"
        with pytest.raises(FolderInUse):
            async with ModelServer(tmp_path):
                pass


async def started(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    command = ["-m", "modelserver", "--port", "0", "--data", str(folder), "--training-seconds", "1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    return process, line.split()[-1]


async def test_kill_9_in_the_middle_of_a_training(tmp_path: Path) -> None:
    process, url = await started(tmp_path)
    async with AsyncOpenAI(api_key="any", base_url=url, max_retries=0) as client:
        job = await begin(client, lines())
        await asyncio.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    process, url = await started(tmp_path)
    async with AsyncOpenAI(api_key="any", base_url=url, max_retries=0) as client:
        done = await ended(client, job.id)
        events = (await client.fine_tuning.jobs.list_events(job.id, limit=100)).data
        metrics: list[Any] = [e.data for e in events if e.type == "metrics"]
        steps = [m["step"] for m in metrics]
        models = [m.id for m in (await client.models.list()).data]
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
    assert done.status == "succeeded"
    assert sorted(steps) == list(range(1, max(steps) + 1))
    assert models.count(done.fine_tuned_model) == 1


async def test_pictures_are_not_seen_and_that_is_said(client: AsyncOpenAI) -> None:
    def asked(url: object) -> Any:
        image = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]

    with pytest.raises(openai.BadRequestError) as unseen:
        await client.chat.completions.create(
            model="imitator-1", messages=asked("data:image/png;base64,AA==")
        )
    assert unseen.value.code == "image_input_not_supported"
    assert unseen.value.param == "messages.[0].content.[1].image_url"
    for wrong in ("file:///etc/passwd", 7, None):
        with pytest.raises(openai.BadRequestError, match="address of a picture"):
            await client.chat.completions.create(model="imitator-1", messages=asked(wrong))
