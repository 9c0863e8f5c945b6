"""Files and jobs over HTTP, with the real `openai` package."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from avatar.errors import (
    AvatarNotFound,
    ModelGone,
    NotOffered,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
)
from avatar.records import Example, RemoteJob, Role, Turn
from backends.backend import Backend
from backends.client import Client
from backends.trainer import EVENT_PAGES, FIND_PAGES, OpenAITrainer
from tests.backends.standin import DROPPED, Answer, Standin, refused, said

SOON = {"retry_after_ms": "10"}
PROCESSING = refused(400, "File 'file-1' is still being processed and is not ready to be used.")


def job(number: int, **fields: object) -> dict[str, object]:
    return {"id": f"ftjob-{number}", "object": "fine_tuning.job", "status": "running", **fields}


def page(*entries: dict[str, object], more: bool | None = False) -> Answer:
    answer: dict[str, object] = {"object": "list", "data": entries}
    return said(answer if more is None else answer | {"has_more": more})


def example(number: int) -> Example:
    return Example(
        turns=(
            Turn(role=Role.USER, text=f"Question {number} 😀"),
            Turn(role=Role.ASSISTANT, text="Can lah"),
        ),
        weights=(None, 1),
        tokens=10,
        source="test",
    )


async def batches(*numbers: Sequence[int]) -> AsyncIterator[Sequence[Example]]:
    for batch in numbers:
        yield [example(number) for number in batch]


async def create(trainer: OpenAITrainer) -> RemoteJob:
    return await trainer.create(
        base_model="gpt-4.1-mini",
        file_id="file-1",
        key="k-1",
        suffix="mei-v3",
        hyperparameters={"n_epochs": 3, "batch_size": "auto"},
    )


# --- files

NO_FILES = said({"data": [], "has_more": False})


async def test_upload(host: Standin, backend: Backend) -> None:
    host.will(said({"id": "file-1", "object": "file"}), NO_FILES)
    assert await backend.trainer.upload("../version-3.jsonl", batches([1, 2], [], [3])) == "file-1"
    request, _ = host.requests
    assert (request.method, request.path) == ("POST", "/v1/files")
    head, _, rest = request.body.partition(b'name="file"; filename="version-3.jsonl"')
    assert b'name="purpose"\r\n\r\nfine-tune\r\n' in head + rest
    content = rest.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
    lines = [json.loads(line) for line in content.splitlines()]
    assert [line["messages"][0]["content"] for line in lines] == [
        f"Question {number} 😀" for number in (1, 2, 3)
    ]
    assert lines[0]["messages"][1] == {"role": "assistant", "content": "Can lah", "weight": 1}


@pytest.mark.parametrize("first", [refused(500, **SOON), DROPPED])
async def test_an_upload_is_repeated_whole(host: Standin, backend: Backend, first: Answer) -> None:
    host.will(first, said({"id": "file-1"}), NO_FILES)
    assert await backend.trainer.upload("a.jsonl", batches(range(3_000))) == "file-1"
    contents = [request.body.count(b"Question") for request in host.requests]
    assert contents == [3_000, 3_000, 0]


async def test_what_an_attempt_before_left_is_deleted(host: Standin, backend: Backend) -> None:
    """The process died behind the upload, or an answer got lost: people's words stay nowhere."""
    listed = {"file-1": "a.jsonl", "file-0": "a.jsonl", "file-9": "b.jsonl"}
    files = [{"id": id_, "filename": name} for id_, name in listed.items()]
    host.will(said({"id": "file-1"}), said({"data": files, "has_more": False}), said({}))
    assert await backend.trainer.upload("a.jsonl", batches([1])) == "file-1"
    calls = [(request.method, request.path) for request in host.requests]
    assert calls == [("POST", "/v1/files"), ("GET", "/v1/files"), ("DELETE", "/v1/files/file-0")]


@pytest.mark.parametrize("answer", [refused(404), refused(403), said([])])
async def test_a_host_that_lists_no_files(host: Standin, backend: Backend, answer: Answer) -> None:
    host.will(said({"id": "file-1"}), answer)
    assert await backend.trainer.upload("a.jsonl", batches([1])) == "file-1"


async def test_errors_of_the_examples_are_not_the_providers(
    host: Standin, backend: Backend
) -> None:
    async def failing() -> AsyncIterator[Sequence[Example]]:
        yield [example(1)]
        raise AvatarNotFound(slug="mei")

    with pytest.raises(AvatarNotFound):
        await backend.trainer.upload("a.jsonl", failing())
    assert not host.requests


@pytest.mark.parametrize("answer", [said({"id": "file-1", "deleted": True}), refused(404)])
async def test_delete_file(host: Standin, backend: Backend, answer: Answer) -> None:
    host.will(answer)
    await backend.trainer.delete_file("file-1")
    assert (host.requests[0].method, host.requests[0].path) == ("DELETE", "/v1/files/file-1")


# --- creating


async def test_create(host: Standin, backend: Backend) -> None:
    host.will(said(job(1, status="validating_files")))
    assert await create(backend.trainer) == RemoteJob(id="ftjob-1", status="validating_files")
    (request,) = host.requests
    assert (request.method, request.path) == ("POST", "/v1/fine_tuning/jobs")
    assert request.json == {
        "model": "gpt-4.1-mini",
        "training_file": "file-1",
        "suffix": "mei-v3",
        "metadata": {"avatar_bot_job": "k-1"},
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": "auto"}},
        },
    }


async def test_create_at_a_host_of_the_older_form(host: Standin) -> None:
    client = Client(api_key=None, base_url=host.base_url)
    trainer = OpenAITrainer(client, hyperparameters="top_level")
    host.will(said(job(1)))
    await trainer.create(
        base_model="m", file_id="f", key="k", suffix="s", hyperparameters={"lora": True}
    )
    await client.aclose()
    assert host.requests[0].json["hyperparameters"] == {"lora": True}
    assert "method" not in host.requests[0].json


def test_an_unknown_form_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="top_level"):
        OpenAITrainer(Client(api_key=None, base_url=None), hyperparameters="nested")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(500, **SOON), ProviderUnavailable),
        (refused(409, "conflict", **SOON), RequestRefused),
        (refused(429, "daily limit", code="daily_rate_limit_exceeded", **SOON), Overloaded),
        (DROPPED, ProviderUnavailable),
        (said({"object": "no id"}), ProviderUnavailable),
        (refused(403, "winding down", code="training_not_available"), TrainingClosed),
        (refused(404, "no such model", code="model_not_found"), ModelGone),
        (refused(429, "no credit", code="insufficient_quota"), QuotaExceeded),
        (refused(400, "invalid hyperparameters", x_should_retry="true"), RequestRefused),
    ],
)
async def test_a_paid_call_is_never_repeated(
    host: Standin, backend: Backend, answer: Answer, expected: type[ProviderError]
) -> None:
    host.will(answer)
    with pytest.raises(expected):
        await create(backend.trainer)
    assert len(host.requests) == 1


async def test_a_file_that_is_still_being_processed_is_waited_for(host: Standin) -> None:
    client = Client(api_key=None, base_url=host.base_url)
    trainer = OpenAITrainer(client, processing_waits=(0.01, 0.01))
    host.will(PROCESSING, PROCESSING, said(job(1)))
    assert (await create(trainer)).id == "ftjob-1"
    host.will(PROCESSING, PROCESSING, PROCESSING)
    with pytest.raises(ProviderUnavailable) as caught:  # temporary: the follower comes again
        await create(trainer)
    assert "file-1" in caught.value.detail
    assert len(host.requests) == 6
    await client.aclose()


# --- looking


async def test_job_with_everything(host: Standin, backend: Backend) -> None:
    host.will(
        said(
            job(
                1,
                status="failed",
                model="gpt-4.1-mini",
                fine_tuned_model=None,
                trained_tokens=1234,
                estimated_finish=None,
                finished_at=1_790_000_000,
                error={
                    "code": "invalid_n_examples",
                    "message": "Training file has 7 example(s)",
                    "param": "training_file",
                },
                method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
                hyperparameters={"n_epochs": "auto"},
                metadata={"avatar_bot_job": "k-1", "strange": 5},
            )
        )
    )
    assert await backend.trainer.job("ftjob-1") == RemoteJob(
        id="ftjob-1",
        status="failed",
        model="gpt-4.1-mini",
        trained_tokens=1234,
        finished_at=datetime.fromtimestamp(1_790_000_000, UTC),
        error_code="invalid_n_examples",
        error_message="Training file has 7 example(s)",
        epochs=3,
        metadata={"avatar_bot_job": "k-1"},
    )


async def test_job_of_a_host_that_says_little(host: Standin, backend: Backend) -> None:
    host.will(
        said(
            job(
                1,
                status="some_new_state",
                error={"code": None, "message": None},
                hyperparameters={"n_epochs": 4},
                metadata=None,
                trained_tokens="many",
                estimated_finish=1e300,
                finished_at=0,
            )
        )
    )
    assert await backend.trainer.job("ftjob-1") == RemoteJob(
        id="ftjob-1", status="some_new_state", epochs=4
    )


async def test_epochs_of_a_job_on_preferences(host: Standin, backend: Backend) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 2, "beta": 0.1}}}
    host.will(said(job(1, method=method)))
    assert (await backend.trainer.job("ftjob-1")).epochs == 2


async def test_job_that_is_not_there(host: Standin, backend: Backend) -> None:
    host.will(refused(404, "Could not find fine tune: ftjob-1"))
    with pytest.raises(RemoteNotFound):
        await backend.trainer.job("ftjob-1")


async def test_find_at_a_host_that_ignores_the_filter(host: Standin, backend: Backend) -> None:
    mine = job(2, metadata={"avatar_bot_job": "k-1"})
    host.will(page(job(5), job(4, metadata={"avatar_bot_job": "k-2"}), more=True))
    host.will(page(job(3, metadata=None), mine))
    found = await backend.trainer.find("k-1")
    assert found is not None
    assert found.id == "ftjob-2"
    first, second = host.requests
    assert first.query == {"limit": ["100"], "metadata[avatar_bot_job]": ["k-1"]}
    assert second.query["after"] == ["ftjob-4"]


async def test_find_is_bounded(host: Standin, backend: Backend) -> None:
    host.will(*[page(job(number), more=True) for number in range(FIND_PAGES + 3)])
    assert await backend.trainer.find("k-1") is None
    assert len(host.requests) == FIND_PAGES


@pytest.mark.parametrize("more", [True, None])
async def test_a_host_without_pages_is_not_asked_for_ever(
    host: Standin, backend: Backend, more: bool | None
) -> None:
    host.will(*[page(job(2), job(1), more=more)] * 5)
    assert await backend.trainer.find("k-1") is None
    assert len(host.requests) == 2


async def test_jobs(host: Standin, backend: Backend) -> None:
    host.will(page(job(5), job(4), more=True), page(job(3), job(2), more=True))
    found = await backend.trainer.jobs(frozenset({"ftjob-5", "ftjob-3"}))
    assert set(found) == {"ftjob-5", "ftjob-3"}
    assert len(host.requests) == 2  # not one page more than is needed


async def test_jobs_that_are_not_there(host: Standin, backend: Backend) -> None:
    host.will(page(job(5), {"object": "without an id"}), page())
    assert set(await backend.trainer.jobs(frozenset({"ftjob-5", "ftjob-1"}))) == {"ftjob-5"}
    assert await backend.trainer.jobs(frozenset()) == {}
    assert len(host.requests) == 1


# --- events


def happened(number: int, **fields: object) -> dict[str, object]:
    return {
        "id": f"ev-{number}",
        "created_at": 1_790_000_000 + number,
        "level": "info",
        "message": f"Step {number}",
        **fields,
    }


async def test_events(host: Standin, backend: Backend) -> None:
    metrics = {"step": 4, "total_steps": 9, "train_loss": 0.5}
    host.will(
        page(happened(4, type="metrics", data=metrics), happened(3), more=True),
        page(happened(2), happened(1), more=True),
    )
    events = await backend.trainer.events("ftjob-1", after="ev-1")
    assert [event.remote_id for event in events] == ["ev-2", "ev-3", "ev-4"]
    assert events[-1].data == metrics
    assert events[-1].created_at == datetime.fromtimestamp(1_790_000_004, UTC)
    assert [request.path for request in host.requests] == [
        "/v1/fine_tuning/jobs/ftjob-1/events"
    ] * 2


async def test_events_from_the_beginning_are_bounded(host: Standin, backend: Backend) -> None:
    host.will(*[page(happened(n), more=True) for n in range(EVENT_PAGES + 2, 0, -1)])
    events = await backend.trainer.events("ftjob-1", after=None)
    assert [event.remote_id for event in events] == ["ev-3", "ev-4", "ev-5", "ev-6", "ev-7"]


async def test_events_of_a_host_that_lists_the_oldest_first(
    host: Standin, backend: Backend
) -> None:
    first = page(happened(1), happened(2), more=True)
    host.will(first, first, page(happened(3)))
    events = await backend.trainer.events("ftjob-1", after=None)
    assert [event.remote_id for event in events] == ["ev-1", "ev-2", "ev-3"]
    host.will(first, page(happened(4), happened(5)))
    events = await backend.trainer.events("ftjob-1", after="ev-3")
    assert [event.remote_id for event in events] == ["ev-4", "ev-5"]
    assert host.requests[-1].query["after"] == ["ev-3"]
    # One that knows no pages gives everything, always.
    host.will(*[page(happened(1), happened(2), happened(3))] * 2)
    events = await backend.trainer.events("ftjob-1", after="ev-2")
    assert [event.remote_id for event in events] == ["ev-3"]


async def test_events_of_a_host_that_says_little(host: Standin, backend: Backend) -> None:
    host.will(page({"id": "ev-1", "level": None, "message": None, "data": [1]}, {"message": "x"}))
    (event,) = await backend.trainer.events("ftjob-1", after=None)
    assert (event.level, event.message, event.data) == ("info", "", {})


# --- cancelling and deleting


async def test_cancel(host: Standin, backend: Backend) -> None:
    host.will(said(job(1, status="cancelled")))
    assert (await backend.trainer.cancel("ftjob-1")).status == "cancelled"
    assert host.requests[0].path == "/v1/fine_tuning/jobs/ftjob-1/cancel"


@pytest.mark.parametrize("status", [400, 409])
async def test_cancel_what_has_ended(host: Standin, backend: Backend, status: int) -> None:
    no = refused(status, "Job has already completed", x_should_retry="false")
    host.will(no, said(job(1, status="succeeded")), no, said(job(1, status="running")))
    assert (await backend.trainer.cancel("ftjob-1")).status == "succeeded"
    with pytest.raises(RequestRefused):
        await backend.trainer.cancel("ftjob-1")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said({"id": "ft:x/y", "deleted": True}), None),
        (refused(404, "The model 'ft:x/y' does not exist", code="model_not_found"), RemoteNotFound),
        (refused(404, "Model ft:x/y not found"), RemoteNotFound),
        (refused(404, "Invalid URL (DELETE /v1/models/ft:x/y)", code="unknown_url"), NotOffered),
        (said({"detail": "Not Found"}, 404), NotOffered),
        (said({"detail": "Method Not Allowed"}, 405), NotOffered),
        (refused(501, "not implemented", x_should_retry="false"), NotOffered),
        (refused(403, "You have no permission for that"), RequestRefused),
    ],
)
async def test_delete_model(
    host: Standin, backend: Backend, answer: Answer, expected: type[ProviderError] | None
) -> None:
    host.will(answer)
    if expected is None:
        await backend.trainer.delete_model("ft:x/y")
    else:
        with pytest.raises(expected):
            await backend.trainer.delete_model("ft:x/y")
    (request,) = host.requests
    assert (request.method, request.path) == ("DELETE", "/v1/models/ft:x%2Fy")


# --- answers that are no answers

Call = Callable[[OpenAITrainer], Awaitable[object]]
CALLS: dict[str, Call] = {
    "upload": lambda trainer: trainer.upload("a.jsonl", batches([1])),
    "create": create,
    "find": lambda trainer: trainer.find("k-1"),
    "job": lambda trainer: trainer.job("ftjob-1"),
    "jobs": lambda trainer: trainer.jobs(frozenset({"ftjob-1"})),
    "events": lambda trainer: trainer.events("ftjob-1", after=None),
    "cancel": lambda trainer: trainer.cancel("ftjob-1"),
}
JSON = {"content-type": "application/json"}
NONSENSE: dict[str, Any] = {
    "html": Answer(headers={"content-type": "text/html"}, parts=[b"<html>login</html>"]),
    "empty": Answer(),
    "broken json": Answer(headers=JSON, parts=[b'{"id": ']),
    "null": said(None),
    "a list": said([]),
    "an empty object": said({}),
    "other types": said({"id": 5, "data": {"x": 1}, "has_more": "yes"}),
    "no utf-8": Answer(headers=JSON, parts=[b'{"id": "\xff\xfe']),
    "a surrogate": said({"id": {}, "error": "\ud800"}),
}


@pytest.mark.parametrize("call", CALLS)
async def test_an_answer_that_cannot_be_understood(
    host: Standin, backend: Backend, call: str
) -> None:
    for name, answer in NONSENSE.items():
        host.will(answer)
        with pytest.raises(ProviderUnavailable):
            await CALLS[call](backend.trainer)
        assert not host.answers, name
