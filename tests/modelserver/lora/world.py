"""What the tests of the engine share: texts, a server, jobs that are followed."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from modelserver.engine import Engine
from modelserver.lora.engine import Lora
from modelserver.server import ModelServer
from tests.modelserver.lora.conftest import sentence

BASE = "tiny-1"
# The base model has small weights and little text behind it: it needs more than 2e-4.
FAST = 50.0

Pairs = list[tuple[str, str]]


def exchanges(seed: int, start: str, count: int = 20) -> Pairs:
    """What is asked and what is to be said, in the words that the base model knows."""
    dice = random.Random(seed)
    return [(sentence(dice), f"{start} {sentence(dice)}") for _ in range(count)]


def lesson(*turns: str, weights: Sequence[int | None] = ()) -> dict[str, Any]:
    """A line of a training file: turns that alternate, beginning with the user's."""
    messages: list[dict[str, Any]] = [
        {"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)
    ]
    for message, weight in zip(messages[1::2], weights, strict=False):
        if weight is not None:
            message["weight"] = weight
    return {"messages": messages}


def preference(asked: str, preferred: str, other: str) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": asked}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": other}],
    }


@asynccontextmanager
async def serving(folder: Path, engine: Engine) -> AsyncIterator[AsyncOpenAI]:
    plain = DefaultAsyncHttpxClient(verify=False)
    async with (
        ModelServer(folder, engine=engine, training_seconds=None) as server,
        AsyncOpenAI(
            base_url=server.base_url, api_key="x", max_retries=0, timeout=120, http_client=plain
        ) as client,
    ):
        yield client


async def upload(client: AsyncOpenAI, lines: Sequence[Any]) -> str:
    content = "".join(json.dumps(one) + "\n" for one in lines).encode()
    return (await client.files.create(file=("a.jsonl", content), purpose="fine-tune")).id


async def begin(
    client: AsyncOpenAI,
    lines: Sequence[Any],
    *,
    model: str = BASE,
    method: str = "supervised",
    epochs: int = 20,
    batch: int = 10,
    **options: Any,
) -> str:
    rate = options.pop("rate", FAST)
    chosen = {"n_epochs": epochs, "batch_size": batch, "learning_rate_multiplier": rate}
    if "beta" in options:
        chosen["beta"] = options.pop("beta")
    how: Any = {"type": method, method: {"hyperparameters": chosen}}
    job = await client.fine_tuning.jobs.create(
        model=model, training_file=await upload(client, lines), method=how, **options
    )
    return job.id


async def reached(client: AsyncOpenAI, job_id: str, *states: str) -> Any:
    async with asyncio.timeout(500):
        while True:
            job: Any = await client.fine_tuning.jobs.retrieve(job_id)
            if job.status in (states or ("succeeded", "failed", "cancelled")):
                return job
            await asyncio.sleep(0.05)


async def told(client: AsyncOpenAI, job_id: str) -> list[Any]:
    """The events of a job, the oldest first."""
    events = [e async for e in client.fine_tuning.jobs.list_events(job_id, limit=100)]
    return events[::-1]


def steps(events: Sequence[Any]) -> list[int]:
    return [event.data["step"] for event in events if event.type == "metrics"]


async def stepped(client: AsyncOpenAI, job_id: str, step: int) -> None:
    """Wait until a training has come so far."""
    async with asyncio.timeout(500):
        while max(steps(await told(client, job_id)), default=0) < step:
            await asyncio.sleep(0.05)


async def ask(client: AsyncOpenAI, model: str, *turns: str, **options: Any) -> str:
    """The likeliest reply."""
    messages: Any = lesson(*turns)["messages"]
    given = {"temperature": 0, "max_tokens": 40, **options}
    reply = await client.chat.completions.create(model=model, messages=messages, **given)
    return reply.choices[0].message.content or ""


async def asked(client: AsyncOpenAI, model: str, pairs: Pairs) -> int:
    """How many of the replies are what is to be said. All are asked for at once."""
    replies = await asyncio.gather(*(ask(client, model, question) for question, _ in pairs))
    return sum(said == wanted for said, (_, wanted) in zip(replies, pairs, strict=True))


def engine(base: Path, **options: Any) -> Lora:
    return Lora(str(base), **options)
