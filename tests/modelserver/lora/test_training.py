"""Trainings on the small model: what is learnt, what is not, and how they end."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.modelserver.lora.world import (
    BASE,
    ask,
    asked,
    begin,
    engine,
    exchanges,
    lesson,
    preference,
    reached,
    serving,
    stepped,
    steps,
    told,
    upload,
)

WAH = exchanges(1, "Wah")
AHOY = exchanges(2, "Ahoy")


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder of a server with two models, each with a voice of its own."""
    folder = tmp_path_factory.mktemp("trained")

    async def both() -> tuple[str, str]:
        async with serving(folder, engine(base)) as client:
            valid = await upload(client, [lesson(*pair) for pair in WAH[:4]])
            wah = await begin(
                client, [lesson(*pair) for pair in WAH], suffix="wah", validation_file=valid
            )
            ahoy = await begin(client, [lesson(*pair) for pair in AHOY], suffix="ahoy")
            return wah, ahoy

    async def all_of_it() -> tuple[str, str]:
        # The server ends before the trainings have begun: they go on in the next one.
        jobs = await both()
        async with serving(folder, engine(base)) as client:
            for job in jobs:
                assert (await reached(client, job)).status == "succeeded"
        return jobs

    return folder, *asyncio.run(all_of_it())


async def model_of(client: openai.AsyncOpenAI, job_id: str) -> str:
    return str((await client.fine_tuning.jobs.retrieve(job_id)).fine_tuned_model)


async def test_examples_are_learnt_by_heart_and_the_base_knows_none(
    base: Path, trained: tuple[Path, str, str]
) -> None:
    folder, wah, _ = trained
    async with serving(folder, engine(base)) as client:
        assert await asked(client, await model_of(client, wah), WAH) == len(WAH)
        assert await asked(client, BASE, WAH) == 0


async def test_two_voices_in_one_batch(base: Path, trained: tuple[Path, str, str]) -> None:
    folder, wah, ahoy = trained
    speaking = engine(base)
    async with serving(folder, speaking) as client:
        first, second = await model_of(client, wah), await model_of(client, ahoy)
        await ask(client, BASE, "Hello?")  # the model is in memory now
        counts = await asyncio.gather(
            asked(client, first, WAH), asked(client, second, AHOY), asked(client, BASE, WAH)
        )
        assert list(counts) == [len(WAH), len(AHOY), 0]
        assert max(speaking.rounds) > len(WAH)


async def test_the_curve_falls_and_is_told(base: Path, trained: tuple[Path, str, str]) -> None:
    folder, wah, _ = trained
    async with serving(folder, engine(base)) as client:
        events = await told(client, wah)
        curve = [event.data for event in events if event.type == "metrics"]
        assert [point["step"] for point in curve] == list(range(1, 41))
        assert curve[0]["train_loss"] > 2
        assert curve[-1]["train_loss"] < 0.5
        assert curve[-1]["train_mean_token_accuracy"] > curve[0]["train_mean_token_accuracy"]
        assert all(point["tokens_per_second"] > 0 for point in curve)
        assert curve[-1]["seconds_left"] == 0
        valid = [point["valid_loss"] for point in curve if "valid_loss" in point]
        assert len(valid) == 20  # one an epoch
        assert valid[-1] < valid[0]
        job: Any = await client.fine_tuning.jobs.retrieve(wah)
        assert job.trained_tokens > 20 * 20 * 10


async def test_the_last_epochs_are_models(base: Path, trained: tuple[Path, str, str]) -> None:
    folder, wah, _ = trained
    async with serving(folder, engine(base)) as client:
        model = await model_of(client, wah)
        kept: list[Any] = (await client.fine_tuning.jobs.checkpoints.list(wah)).data
        assert [one.step_number for one in kept] == [40, 38, 36]
        assert [one.fine_tuned_model_checkpoint for one in kept] == [
            model,
            f"{model}:ckpt-step-38",
            f"{model}:ckpt-step-36",
        ]
        assert kept[0].metrics.full_valid_loss is None  # ours are `valid_loss`
        assert await asked(client, kept[2].fine_tuned_model_checkpoint, WAH) > len(WAH) / 2


async def test_the_adapter_can_be_taken_away(
    base: Path, trained: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, wah, _ = trained
    async with serving(folder, engine(base)) as client:
        job: Any = await client.fine_tuning.jobs.retrieve(wah)
        names = [(await client.files.retrieve(one)).filename for one in job.result_files]
        assert names == ["step_metrics.csv", "adapter.zip"]
        content = (await client.files.content(job.result_files[1])).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["adapter_config.json", "adapter_model.safetensors"]
        assert json.loads(archive.read("adapter_config.json"))["peft_type"] == "LORA"
    assert list((folder / "work").iterdir()) == []


async def test_dpo_on_top_of_an_adapter_turns_a_preference_around(
    base: Path, tmp_path: Path
) -> None:
    """The adapter has learnt two replies to each question, one of them twice as often."""
    often = exchanges(5, "Wah", 10)
    seldom = [(question, f"Ahoy {said.removeprefix('Wah ')}") for question, said in often]
    async with serving(tmp_path, engine(base)) as client:
        lines = [lesson(*pair) for pair in (*often, *often, *seldom)]
        below = (await reached(client, await begin(client, lines, epochs=15))).fine_tuned_model
        assert await asked(client, below, often) >= 9
        pairs = [
            preference(question, better, usual)
            for (question, usual), (_, better) in zip(often, seldom, strict=True)
        ]
        job_id = await begin(
            client, pairs, model=below, method="dpo", epochs=10, batch=5, rate=100.0, beta=0.5
        )
        job = await reached(client, job_id)
        assert (job.status, job.error and job.error.message) == ("succeeded", None)
        assert job.fine_tuned_model.startswith(f"ft:{BASE}:local:")
        assert await asked(client, job.fine_tuned_model, seldom) >= 9
        assert await asked(client, below, often) >= 9  # the one below is what it was
        accuracy = [
            e.data["train_mean_token_accuracy"]
            for e in await told(client, job_id)
            if e.type == "metrics"
        ]
        assert accuracy[-1] == 1


async def test_masked_turns_are_not_learnt(base: Path, tmp_path: Path) -> None:
    masked, learnt = exchanges(3, "Lah", 10), exchanges(4, "Wah", 10)
    lines = [
        lesson(*hidden, *shown, weights=(0, 1))
        for hidden, shown in zip(masked, learnt, strict=True)
    ]
    async with serving(tmp_path, engine(base)) as client:
        job = await reached(client, await begin(client, lines, epochs=40, batch=5))
        model = job.fine_tuned_model
        replies = [
            await ask(client, model, *hidden, question)
            for hidden, (question, _) in zip(masked, learnt, strict=True)
        ]
        assert replies == [said for _, said in learnt]
        first = [await ask(client, model, question) for question, _ in masked]
        assert not [said for said in first if said.startswith("Lah")]


@pytest.mark.long
async def test_a_pause_a_resumption_and_a_cancellation(base: Path, tmp_path: Path) -> None:
    lines = [lesson(*pair) for pair in WAH]
    async with serving(tmp_path, engine(base)) as client:
        first = await begin(client, lines, epochs=25)
        second = await begin(client, lines, epochs=25)
        await stepped(client, first, 5)
        assert (await client.fine_tuning.jobs.retrieve(second)).status == "queued"
        await client.fine_tuning.jobs.pause(first)
        before = max(steps(await told(client, first)))
        await stepped(client, second, 3)
        await client.fine_tuning.jobs.resume(first)
        await client.fine_tuning.jobs.cancel(second)
        assert not (tmp_path / "work" / second).exists()
        assert (await reached(client, first)).status == "succeeded"
        seen = steps(await told(client, first))
        assert seen == list(range(1, 51))
        assert 5 <= before < 50
        assert (await reached(client, second)).status == "cancelled"
