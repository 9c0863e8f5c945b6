"""What the server makes of an engine that can more than the imitator: dpo, models on top of models,
checkpoints, files, notes. The engine here only pretends.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from modelserver import training_file
from modelserver.engine import (
    Checkpoint,
    Ended,
    Metrics,
    Note,
    Order,
    Preference,
    Report,
    Said,
    Trained,
    Wish,
)
from modelserver.errors import TrainingError
from modelserver.imitator.engine import Imitator
from modelserver.server import ModelServer

ROOT = Path(__file__).parent.parent.parent
BASE = "org/Model-1"


class Pretender:
    """Fulfils `Engine`. A model says its folder's name, and the wish."""

    base_models = (BASE,)
    methods = ("supervised", "dpo")
    builds_on = True
    at_once = 1
    context_tokens = 1_000

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.forgotten: list[Path] = []
        self.life: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def start(self) -> None:
        self.life.append("start")

    async def close(self) -> None:
        self.life.append("close")

    def batch_size(self, examples: int) -> int:
        return examples

    async def train(self, order: Order, report: Report) -> Trained:
        self.orders.append(order)
        order.work.mkdir(parents=True, exist_ok=True)
        checkpoints = []
        for step in (1, 2):
            folder = order.work / f"epoch {step}"
            folder.mkdir(exist_ok=True)
            (folder / "weights").write_text(f"step {step}")
            metrics = Metrics(
                step=step,
                total_steps=2,
                train_loss=1 / step,
                train_mean_token_accuracy=0.5,
                tokens_per_second=100.0,
                seconds_left=60.0 * (2 - step),
            )
            if step > order.first_step:
                await report(metrics)
            checkpoints.append(Checkpoint(step=step, folder=folder, metrics=metrics))
            await self.hold.wait()
        await report(Note(message="The memory is small.", level="warn"))
        order.folder.mkdir(parents=True, exist_ok=True)
        (order.folder / "weights").write_text("step 2")
        (order.work / "adapter.zip").write_bytes(b"PK")
        return Trained(
            tokens=77, checkpoints=tuple(checkpoints[:-1]), files=(order.work / "adapter.zip",)
        )

    async def reply(
        self, folder: Path | None, messages: Sequence[Said], wish: Wish
    ) -> AsyncGenerator[str | Ended, None]:
        yield "base" if folder is None else (folder / "weights").read_text()
        yield f" {wish.temperature} {wish.top_p} {wish.seed}"
        yield Ended(finish="length", prompt_tokens=5, completion_tokens=6)

    async def forget(self, folder: Path) -> None:
        self.forgotten.append(folder)

    def tokens(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def engine() -> Pretender:
    return Pretender()


@pytest.fixture
async def client(engine: Pretender, tmp_path: Path) -> AsyncIterator[AsyncOpenAI]:
    plain = DefaultAsyncHttpxClient(verify=False)
    async with (
        ModelServer(tmp_path, engine=engine, training_seconds=None) as server,
        AsyncOpenAI(
            base_url=server.base_url, api_key="x", max_retries=0, http_client=plain
        ) as opened,
    ):
        yield opened


def lesson(number: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": f"answer {number}"},
        ]
    }


def preference(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"question {number}"}]},
        "preferred_output": [{"role": "assistant", "content": f"yes {number}"}],
        "non_preferred_output": [{"role": "assistant", "content": f"no {number}"}],
        **changes,
    }


async def upload(client: AsyncOpenAI, lines: Sequence[Any]) -> str:
    content = "".join(json.dumps(one) + "\n" for one in lines).encode()
    return (await client.files.create(file=("a.jsonl", content), purpose="fine-tune")).id


async def begin(
    client: AsyncOpenAI, lines: Sequence[Any], model: str = BASE, **options: Any
) -> str:
    file_id = await upload(client, lines)
    return (await client.fine_tuning.jobs.create(model=model, training_file=file_id, **options)).id


async def reached(client: AsyncOpenAI, job_id: str, *states: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            job: Any = await client.fine_tuning.jobs.retrieve(job_id)
            if job.status in (states or ("succeeded", "failed", "cancelled")):
                return job
            await asyncio.sleep(0.02)


async def said(client: AsyncOpenAI, model: str, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}], **options
    )


LESSONS = [lesson(number) for number in range(10)]
PAIRS = [preference(number) for number in range(10)]
DPO: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}}


async def test_a_training_with_checkpoints_files_and_notes(
    client: AsyncOpenAI, engine: Pretender, tmp_path: Path
) -> None:
    job = await reached(client, await begin(client, LESSONS, seed=4, suffix="mei"))
    assert job.fine_tuned_model.startswith("ft:org/Model-1:local:mei:")
    assert job.trained_tokens == 77
    names = [(await client.files.retrieve(one)).filename for one in job.result_files]
    assert names == ["step_metrics.csv", "adapter.zip"]
    assert (await client.files.content(job.result_files[1])).content == b"PK"
    kept: list[Any] = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    assert [(one.step_number, one.fine_tuned_model_checkpoint) for one in kept] == [
        (2, job.fine_tuned_model),
        (1, f"{job.fine_tuned_model}:ckpt-step-1"),
    ]
    assert kept[1].metrics.train_loss == 1.0
    for one, text in zip(kept, ("step 2", "step 1"), strict=True):
        reply = await said(client, one.fine_tuned_model_checkpoint)
        assert reply.choices[0].message.content.startswith(text)
    events: list[Any] = (await client.fine_tuning.jobs.list_events(job.id)).data
    assert [e.message for e in events if e.level == "warn"] == ["The memory is small."]
    first = [e.data for e in events if e.type == "metrics"][-1]
    assert (first["tokens_per_second"], first["seconds_left"]) == (100.0, 60.0)
    assert [e.message for e in events if e.type == "metrics"] == [
        "Step 2/2: training loss=0.50, 100 tokens/s, 0 s left",
        "Step 1/2: training loss=1.00, 100 tokens/s, 60 s left",
    ]
    assert engine.orders[0].seed == 4
    assert not list((tmp_path / "work").iterdir())


async def test_dpo_on_top_of_a_model(
    client: AsyncOpenAI, engine: Pretender, tmp_path: Path
) -> None:
    below = (await reached(client, await begin(client, LESSONS))).fine_tuned_model
    options: Any = {"method": DPO, "validation_file": await upload(client, PAIRS[:2])}
    job = await reached(client, await begin(client, PAIRS, below, **options))
    assert (job.status, job.method.type, job.method.dpo.hyperparameters.beta) == (
        "succeeded",
        "dpo",
        0.2,
    )
    assert job.fine_tuned_model.startswith("ft:org/Model-1:local:")
    order = engine.orders[1]
    assert (order.method, order.beta, order.lessons, order.base) == ("dpo", 0.2, (), BASE)
    assert len(order.validation_pairs) == 2
    assert order.parent is not None
    assert (order.parent / "weights").read_text() == "step 2"
    assert order.pairs[3] == Preference(
        prompt=(Said("user", "question 3"),), preferred="yes 3", rejected="no 3"
    )
    auto = await reached(
        client, await begin(client, PAIRS, method={"type": "dpo", "dpo": {"hyperparameters": {}}})
    )
    assert auto.method.dpo.hyperparameters.beta == 0.1
    await client.models.delete(below)
    assert engine.forgotten == [order.parent]
    with pytest.raises(openai.NotFoundError):
        await begin(client, PAIRS, below, method=DPO)


async def test_a_model_that_is_deleted_while_a_job_waits_for_it(
    client: AsyncOpenAI, engine: Pretender
) -> None:
    below = (await reached(client, await begin(client, LESSONS))).fine_tuned_model
    engine.hold.clear()
    first = await begin(client, LESSONS)
    await reached(client, first, "running")
    second = await begin(client, LESSONS, below)
    await reached(client, second, "queued")
    await client.models.delete(below)
    engine.hold.set()
    failed = await reached(client, second)
    assert (failed.error.code, failed.error.param) == ("model_not_found", "model")
    assert (await reached(client, first)).status == "succeeded"


async def test_the_time_left_is_the_engines(client: AsyncOpenAI, engine: Pretender) -> None:
    engine.hold.clear()
    job_id = await begin(client, LESSONS)
    async with asyncio.timeout(10):
        while (await client.fine_tuning.jobs.retrieve(job_id)).estimated_finish is None:
            await asyncio.sleep(0.02)
    job: Any = await client.fine_tuning.jobs.retrieve(job_id)
    assert 0 <= job.estimated_finish - job.created_at - 60 <= 15
    await client.fine_tuning.jobs.cancel(job_id)


async def test_a_reply_with_numbers_of_its_own(client: AsyncOpenAI) -> None:
    reply = await said(client, BASE, temperature=0.5, top_p=1, seed=9)
    assert reply.choices[0].message.content == "base 0.5 1.0 9"
    assert reply.choices[0].finish_reason == "length"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 6)
    stopped = await said(client, BASE, stop=["None"])
    assert stopped.choices[0].message.content == "base "
    assert (stopped.choices[0].finish_reason, stopped.usage.completion_tokens) == ("stop", 1)
    for wrong in ({"temperature": 3}, {"top_p": "x"}, {"seed": 1.5}):
        with pytest.raises(openai.BadRequestError):
            await said(client, BASE, extra_body=wrong)


async def test_models_of_a_base_that_is_not_served_any_more(
    client: AsyncOpenAI, engine: Pretender, tmp_path: Path
) -> None:
    tuned = (await reached(client, await begin(client, LESSONS))).fine_tuned_model
    engine.base_models = ("other",)
    with pytest.raises(openai.NotFoundError, match="not served here any more"):
        await said(client, tuned)
    with pytest.raises(openai.BadRequestError, match="not served here any more"):
        await begin(client, LESSONS, tuned)


async def test_an_engine_lives_as_long_as_its_server(engine: Pretender, tmp_path: Path) -> None:
    async with ModelServer(tmp_path, engine=engine):
        assert engine.life == ["start"]
    assert engine.life == ["start", "close"]


async def test_the_imitator_says_what_it_cannot(tmp_path: Path) -> None:
    plain = DefaultAsyncHttpxClient(verify=False)
    async with (
        ModelServer(tmp_path, engine=Imitator(word_seconds=0), training_seconds=0) as server,
        AsyncOpenAI(base_url=server.base_url, api_key="x", http_client=plain) as client,
    ):
        with pytest.raises(openai.BadRequestError, match="supervised only"):
            await begin(client, PAIRS, "imitator-1", method=DPO)
        tuned = await reached(client, await begin(client, LESSONS, "imitator-1"))
        with pytest.raises(openai.BadRequestError, match="not available for fine-tuning"):
            await begin(client, LESSONS, tuned.fine_tuned_model)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"input": None}, "its input has no messages"),
        ({"input": {"messages": []}}, "its input has no messages"),
        (
            {"input": {"messages": [{"role": "assistant", "content": "x"}]}},
            "must be from the user",
        ),
        ({"preferred_output": "x"}, "preferred_output must be a list with one message"),
        ({"non_preferred_output": []}, "non_preferred_output must be a list with one message"),
        (
            {"preferred_output": [{"role": "user", "content": "x"}]},
            "preferred_output must be from the assistant",
        ),
        (
            {"preferred_output": [{"role": "assistant", "content": "no 1"}]},
            "the two outputs are the same",
        ),
    ],
)
def test_faults_of_pairs_are_named_with_their_line(
    tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    lines = [*PAIRS, preference(1, **changes)]
    (path := tmp_path / "file").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(TrainingError, match="Line 11") as caught:
        training_file.read_pairs(path)
    assert word in caught.value.message
    assert "preferred_output" in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["messages", "role", "content"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    line=JSON
    | st.fixed_dictionaries({"input": JSON, "preferred_output": JSON, "non_preferred_output": JSON})
)
def test_any_line_of_pairs_is_read_or_refused(tmp_path: Path, line: Any) -> None:
    (path := tmp_path / "file").write_text("\n".join(map(json.dumps, [*PAIRS, line])))
    try:
        read = training_file.read_pairs(path)
    except TrainingError as error:
        assert error.code == "invalid_file_format"
    else:
        assert len(read) >= 10


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--engine", "lora"), "--model"),
        (("--model", "x"), "--model"),
        (("--vllm", "http://localhost:1"), "--vllm"),
    ],
)
async def test_wrong_arguments_are_refused_in_a_line(more: tuple[str, ...], word: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "modelserver", *more),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert word in err.decode().splitlines()[-1]
