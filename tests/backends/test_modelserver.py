"""Upload, train, follow, chat, delete: our backend against the model server of this repository."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from avatar.errors import ModelGone, RemoteNotFound, RequestRefused, WrongKey
from avatar.ports import ChatRequest, Ended
from avatar.providers import preset
from avatar.records import Example, Finish, RemoteJob, Role, Turn
from backends.backend import Backend
from modelserver.server import ModelServer

BASE = "imitator-1"
REPLIES = [f"Wah, number {number} also can lah" for number in range(12)]


async def examples() -> AsyncIterator[Sequence[Example]]:
    for number, reply in enumerate(REPLIES):
        turns = (
            Turn(role=Role.USER, text=f"Tell me about number {number}"),
            Turn(role=Role.ASSISTANT, text=reply),
        )
        yield [Example(turns=turns, weights=(None, None), tokens=20, source="test")]


async def ask(backend: Backend, model: str, text: str) -> str:
    request = ChatRequest(model=model, turns=(Turn(role=Role.USER, text=text),), reply_tokens=500)
    *pieces, end = [piece async for piece in backend.chat.stream(request)]
    assert isinstance(end, Ended)
    assert end.finish is Finish.STOP
    assert end.usage is not None
    assert end.usage.completion_tokens > 0
    return "".join(str(piece) for piece in pieces)


async def ended(backend: Backend, job: RemoteJob) -> RemoteJob:
    async with asyncio.timeout(20):
        while job.status not in {"succeeded", "failed", "cancelled"}:
            await asyncio.sleep(0.05)
            job = await backend.trainer.job(job.id)
    return job


async def test_the_whole_way(tmp_path: Path) -> None:
    async with (
        ModelServer(tmp_path, training_seconds=0.3) as server,
        aclosing(Backend(preset("modelserver", base_url=server.base_url), api_key=None)) as backend,
    ):
        trainer = backend.trainer
        left = await trainer.upload("version-1.jsonl", examples())
        file_id = await trainer.upload("version-1.jsonl", examples())
        with pytest.raises(RequestRefused, match="file"):
            await trainer.create(
                base_model=BASE, file_id=left, key="k-0", suffix="s", hyperparameters={}
            )
        job = await trainer.create(
            base_model=BASE,
            file_id=file_id,
            key="k-1",
            suffix="mei",
            hyperparameters={"n_epochs": 2},
        )
        found = await trainer.find("k-1")
        assert found is not None
        assert found.id == job.id
        assert await trainer.find("k-2") is None

        job = await ended(backend, job)
        assert (job.status, job.epochs, job.error_message) == ("succeeded", 2, None)
        assert job.trained_tokens
        assert (await trainer.jobs(frozenset({job.id, "ftjob-none"}))) == {job.id: job}
        assert (await trainer.cancel(job.id)).status == "succeeded"

        events = await trainer.events(job.id, after=None)
        assert [event.created_at for event in events] == sorted(e.created_at for e in events)
        assert any("train_loss" in event.data for event in events)
        assert await trainer.events(job.id, after=events[-1].remote_id) == ()
        assert await trainer.events(job.id, after=events[-3].remote_id) == events[-2:]

        model = job.fine_tuned_model
        assert model is not None
        assert await ask(backend, model, "Tell me about number 7") in REPLIES
        assert await ask(backend, BASE, "Tell me about number 7") not in REPLIES

        listed = {each.id: each for each in await trainer.models()}
        assert set(listed) == {BASE, model}
        assert listed[model].ends_on is None
        assert await trainer.has_model(model)
        assert not await trainer.has_model("ft:none")
        assert await trainer.may_train(BASE)
        assert len(await trainer.jobs(frozenset({job.id}))) == 1  # and no job was made

        await trainer.delete_model(model)
        with pytest.raises(RemoteNotFound):
            await trainer.delete_model(model)
        with pytest.raises(ModelGone, match="ft:"):
            await ask(backend, model, "Still there?")
        await trainer.delete_file(file_id)
        await trainer.delete_file(file_id)
        with pytest.raises(RemoteNotFound):
            await trainer.job("ftjob-none")


async def test_cancelling_a_training(tmp_path: Path) -> None:
    async with (
        ModelServer(tmp_path, training_seconds=30) as server,
        aclosing(Backend(preset("modelserver", base_url=server.base_url), api_key=None)) as backend,
    ):
        file_id = await backend.trainer.upload("version-1.jsonl", examples())
        job = await backend.trainer.create(
            base_model=BASE, file_id=file_id, key="k", suffix="s", hyperparameters={}
        )
        await backend.trainer.cancel(job.id)
        assert (await ended(backend, job)).status == "cancelled"


async def test_a_wrong_key(tmp_path: Path) -> None:
    async with (
        ModelServer(tmp_path, api_key="sk-right-key") as server,
        aclosing(
            Backend(preset("modelserver", base_url=server.base_url), api_key="sk-wrong-key")
        ) as backend,
    ):
        with pytest.raises(WrongKey) as caught:
            await ask(backend, BASE, "Hello")
        assert "sk-wrong" not in caught.value.detail
