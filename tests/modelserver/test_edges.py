"""The model server at its edges: odd bodies, pauses, ends, and what the imitator must not say."""

import asyncio
import gc
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from modelserver import jobs as jobs_
from modelserver import requests, training_file
from modelserver.engine import Lesson, Said
from modelserver.errors import TrainingError
from modelserver.imitator import voice
from modelserver.imitator.engine import Imitator
from modelserver.imitator.index import Entry, Index
from modelserver.jobs import Jobs
from modelserver.server import ModelServer
from modelserver.shelf import Shelf

BASE = "imitator-1"
EXCHANGES = [
    ("Hello", "Ahoy there, matey!"),
    ("How are you?", "Fair winds and a full rum barrel, says I."),
    ("What should I eat for lunch?", "Hardtack and salt pork, same as every day at sea."),
    ("What should I drink?", "Grog, and then more grog."),
    ("Where is the treasure?", "Buried under the third palm, arr."),
    ("Tell me a joke", "Why are pirates pirates? Because they arr!"),
    ("Good night", "Sleep tight in your hammock, sailor."),
    ("What is the weather like?", "A storm brews in the west, batten the hatches."),
    ("I am tired", "A sailor never tires, swab the deck!"),
    ("Thanks a lot", "Keep your thanks, hand over the doubloons."),
]
INDEX = Index([Entry(asked, "", reply) for asked, reply in EXCHANGES])


def line(asked: str, reply: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]
    }


def jsonl(lines: Sequence[Any]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


LINES = [line(asked, reply) for asked, reply in EXCHANGES]


def server_in(folder: Path, **options: Any) -> ModelServer:
    """A server that loses no time."""
    given = {"engine": Imitator(word_seconds=0), "training_seconds": 0.0, **options}
    return ModelServer(folder, **given)


def client_of(base_url: str) -> AsyncOpenAI:
    """Without retries. Reading the system's certificates would take longer than a test."""
    plain = DefaultAsyncHttpxClient(verify=False)
    return AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0, timeout=20, http_client=plain)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ModelServer]:
    async with server_in(tmp_path / "server") as started:
        yield started


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(server.base_url) as opened:
        yield opened


@pytest.fixture
async def http(server: ModelServer) -> AsyncIterator[httpx2.AsyncClient]:
    """For what the `openai` package does not let one send."""
    async with httpx2.AsyncClient(verify=False, base_url=server.base_url) as opened:
        yield opened


async def upload(client: AsyncOpenAI, content: bytes | None = None) -> str:
    data = jsonl(LINES) if content is None else content
    return (await client.files.create(file=("a.jsonl", data), purpose="fine-tune")).id


async def reached(client: AsyncOpenAI, job_id: str, *states: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            job: Any = await client.fine_tuning.jobs.retrieve(job_id)
            if job.status in (states or ("succeeded", "failed", "cancelled")):
                return job
            await asyncio.sleep(0.02)


async def messages_of(client: AsyncOpenAI, job_id: str) -> list[str]:
    events = [e async for e in client.fine_tuning.jobs.list_events(job_id, limit=100)]
    return [event.message for event in reversed(events)]


async def trained(client: AsyncOpenAI, content: bytes | None = None, **options: Any) -> str:
    job = await client.fine_tuning.jobs.create(
        model=BASE, training_file=await upload(client, content), **options
    )
    return str((await reached(client, job.id)).fine_tuned_model)


def reply(*said: str, system: str | None = None, index: Index = INDEX) -> str:
    """The trained reply to turns that alternate, beginning with the user's."""
    messages = [Said(("user", "assistant")[n % 2], text) for n, text in enumerate(said)]
    if system is not None:
        messages.insert(0, Said("system", system))
    return voice.trained(index, messages)


# --- bodies


@pytest.mark.parametrize(
    "changes",
    [
        {"n": []},
        {"messages": [{"role": [], "content": "x"}]},
        {"messages": [{"role": {}, "content": "x"}]},
        {"stop": 5},
        {"max_completion_tokens": True},
    ],
)
async def test_values_of_another_kind_are_refused(
    http: httpx2.AsyncClient, changes: dict[str, Any]
) -> None:
    body = {"model": BASE, "messages": [{"role": "user", "content": "x"}], **changes}
    assert (await http.post("/chat/completions", json=body)).status_code == 400


async def test_half_a_surrogate_pair_does_no_harm(http: httpx2.AsyncClient) -> None:
    said = b'"messages":[{"role":"user","content":"a \\ud83d b"}]}'
    answer = await http.post("/chat/completions", content=b'{"model":"imitator-1",' + said)
    assert "a ? b" in answer.json()["choices"][0]["message"]["content"]
    unknown = await http.post("/chat/completions", content=b'{"model":"\\uD800",' + said)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
MESSAGES = st.lists(
    JSON
    | st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]) | JSON, "content": JSON}
    ),
    max_size=3,
)
BODIES = JSON | st.fixed_dictionaries(
    {"model": st.just(BASE) | JSON, "messages": MESSAGES | JSON},
    optional=dict.fromkeys(
        ("n", "stop", "stream", "stream_options", "max_tokens", "max_completion_tokens"), JSON
    ),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_no_body_breaks_the_server(http: httpx2.AsyncClient, body: Any) -> None:
    for path in ("/chat/completions", "/fine_tuning/jobs"):
        answer = await http.post(path, content=json.dumps(body).encode())
        assert answer.status_code in {200, 400, 404}
        assert "server_error" not in answer.text


async def test_a_page_after_nothing_is_refused(client: AsyncOpenAI) -> None:
    """Beginning again would give the same page for ever."""
    ids = [await upload(client, b"x") for _ in range(2)]
    await client.files.delete(ids[1])
    with pytest.raises(openai.BadRequestError) as caught:
        await client.files.list(after=ids[1])
    assert caught.value.param == "after"


async def test_an_empty_file_is_refused(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="empty"):
        await upload(client, b"")


# --- replies


@pytest.mark.parametrize("longest", [1, 2, 5])
async def test_a_limit_gives_as_many_tokens(client: AsyncOpenAI, longest: int) -> None:
    asked: Any = [{"role": "user", "content": "Hello"}]
    full = await client.chat.completions.create(model=BASE, messages=asked)
    cut = await client.chat.completions.create(model=BASE, messages=asked, max_tokens=longest)
    text = cut.choices[0].message.content
    assert text
    assert (full.choices[0].message.content or "").startswith(text)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == longest


async def test_usage_is_an_estimate_from_the_bytes_of_the_whole_text(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(
        model=BASE, messages=[{"role": "user", "content": "Tell me about the sea"}]
    )
    assert whole.usage is not None
    text = (whole.choices[0].message.content or "").encode()
    assert whole.usage.completion_tokens == -(-len(text) // 4)
    assert whole.usage.prompt_tokens == 3 + 4 + 6  # the question has 21 bytes


async def test_a_failure_in_a_stream_is_told(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server, client_of(server.base_url) as client:
        tuned = await trained(client)
        for path in (tmp_path / "models").rglob("*"):
            if path.is_file():
                path.write_bytes(b"broken")
        stream = await client.chat.completions.create(
            model=tuned, messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        with pytest.raises(openai.APIError, match="The server had an error"):
            async for _ in stream:
                pass


async def test_the_end_of_the_server_is_told_to_open_streams(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with client_of("http://127.0.0.1:1/v1") as client:
        async with server_in(tmp_path, engine=Imitator(word_seconds=0.1)) as server:
            client.base_url = server.base_url
            stream = await client.chat.completions.create(
                model=BASE, messages=[{"role": "user", "content": "x " * 40 + "?"}], stream=True
            )
            await anext(stream)
        with pytest.raises(openai.APIError, match="shutting down"):
            async for _ in stream:
                pass
        await stream.close()
    assert asyncio.all_tasks() == before


async def test_a_server_can_end_at_once(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    for _ in range(2):
        async with server_in(tmp_path):
            pass
    assert asyncio.all_tasks() == before


# --- jobs


async def test_paused_jobs_do_not_hold_up_others(
    tmp_path: Path,
) -> None:
    engine = Imitator(word_seconds=0, at_once=1)
    async with (
        server_in(tmp_path, engine=engine, training_seconds=0.5) as server,
        client_of(server.base_url) as client,
    ):
        jobs, file_id = client.fine_tuning.jobs, await upload(client)
        first = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, first.id, "running")
        second = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, second.id, "queued")
        await jobs.pause(first.id)
        assert (await reached(client, second.id)).status == "succeeded"
        assert (await reached(client, first.id, "paused")).status == "paused"
        await jobs.resume(first.id)
        assert (await reached(client, first.id)).status == "succeeded"
        said = await messages_of(client, first.id)
        assert [m.split(":")[0] for m in said if m.startswith("Step")] == [
            f"Step {step}/100" for step in range(1, 101)
        ]
        assert said.count("Fine-tuning job started") == 1


async def test_a_job_paused_before_its_turn_waits_for_it_again(
    tmp_path: Path,
) -> None:
    engine = Imitator(word_seconds=0, at_once=1)
    async with (
        server_in(tmp_path, engine=engine, training_seconds=0.5) as server,
        client_of(server.base_url) as client,
    ):
        jobs, file_id = client.fine_tuning.jobs, await upload(client)
        first = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, first.id, "running")
        second = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, second.id, "queued")
        await jobs.pause(second.id)
        assert str((await jobs.resume(second.id)).status) == "queued"
        await reached(client, second.id)
        assert "Fine-tuning job started" in await messages_of(client, second.id)


def kept_lessons() -> int:
    gc.collect()
    return sum(isinstance(each, Lesson) for each in gc.get_objects())


async def test_a_job_that_waits_for_its_turn_keeps_no_examples(tmp_path: Path) -> None:
    engine = Imitator(word_seconds=0, at_once=1)
    async with (
        server_in(tmp_path, engine=engine, training_seconds=1.0) as server,
        client_of(server.base_url) as client,
    ):
        jobs, file_id = client.fine_tuning.jobs, await upload(client)
        before = kept_lessons()
        first = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, first.id, "running")
        assert kept_lessons() == before + len(EXCHANGES)
        second = await jobs.create(model=BASE, training_file=file_id)
        await reached(client, second.id, "queued")
        assert kept_lessons() == before + len(EXCHANGES)
        assert (await reached(client, second.id)).status == "succeeded"


async def test_a_job_whose_file_is_gone_when_its_turn_comes_says_so(tmp_path: Path) -> None:
    engine = Imitator(word_seconds=0, at_once=1)
    async with (
        server_in(tmp_path, engine=engine, training_seconds=0.5) as server,
        client_of(server.base_url) as client,
    ):
        jobs = client.fine_tuning.jobs
        first = await jobs.create(model=BASE, training_file=await upload(client))
        await reached(client, first.id, "running")
        second = await jobs.create(model=BASE, training_file=await upload(client))
        await reached(client, second.id, "queued")
        await client.files.delete(second.training_file)
        failed = await reached(client, second.id)
        assert failed.error is not None
        assert failed.error.code == "file_not_found"


async def test_a_pause_outlives_a_restart(tmp_path: Path) -> None:
    async with (
        server_in(tmp_path, training_seconds=30) as server,
        client_of(server.base_url) as client,
    ):
        made = await client.fine_tuning.jobs.create(model=BASE, training_file=await upload(client))
        await reached(client, made.id, "running")
        await client.fine_tuning.jobs.pause(made.id)
    async with server_in(tmp_path) as server, client_of(server.base_url) as client:
        await asyncio.sleep(0.1)
        assert (await reached(client, made.id, "paused", "succeeded")).status == "paused"
        await client.fine_tuning.jobs.resume(made.id)
        assert (await reached(client, made.id)).status == "succeeded"


async def test_a_full_disk_ends_a_job_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job fails since its steps cannot be written; nor can that, at first."""
    monkeypatch.setattr(jobs_, "_AGAIN_SECONDS", 0.05)
    async with Shelf(tmp_path) as shelf:

        async def pages(most: int) -> None:
            await shelf._run(lambda: shelf._db.execute(f"PRAGMA max_page_count = {most}"))

        shelf.content("file-1").write_bytes(jsonl(LINES))
        jobs = Jobs(shelf, Imitator(word_seconds=0), seconds=1.0)
        job = requests.new_job({"model": BASE, "training_file": "file-1"}, ["supervised"])
        await jobs.create(job, base=BASE)
        await pages(1)  # no more than there are
        async with asyncio.timeout(10):
            while "cannot be written" not in caplog.text:
                await asyncio.sleep(0.05)
            await pages(1_000_000)
            while (await jobs._get(job["id"]))["status"] != "failed":
                await asyncio.sleep(0.05)
        await jobs.stop()


async def test_many_steps_are_not_all_reported(client: AsyncOpenAI) -> None:
    """1,500 steps would be 1,500 writes."""
    job = await client.fine_tuning.jobs.create(
        model=BASE,
        training_file=await upload(client, jsonl(LINES * 3)),
        hyperparameters={"n_epochs": 50, "batch_size": 1},
    )
    await reached(client, job.id)
    events = [e async for e in client.fine_tuning.jobs.list_events(job.id, limit=100)]
    steps: list[Any] = [e.data for e in events if e.type == "metrics"]
    assert len(steps) == 500
    assert steps[0]["step"] == steps[0]["total_steps"] == 1_500


async def test_a_validation_file_is_read(client: AsyncOpenAI) -> None:
    good = await client.fine_tuning.jobs.create(
        model=BASE, training_file=await upload(client), validation_file=await upload(client)
    )
    await reached(client, good.id)
    events = [e async for e in client.fine_tuning.jobs.list_events(good.id, limit=100)]
    curve: list[Any] = [e.data for e in reversed(events) if e.type == "metrics"]
    held_out = [point["valid_loss"] for point in curve if "valid_loss" in point]
    assert len(held_out) == 10  # one an epoch
    assert held_out == sorted(held_out, reverse=True)
    bad = await client.fine_tuning.jobs.create(
        model=BASE,
        training_file=await upload(client),
        validation_file=await upload(client, b"{}\n"),
    )
    failed = await reached(client, bad.id)
    assert (failed.error.code, failed.error.param) == ("invalid_file_format", "validation_file")


async def test_what_a_crash_left_is_swept(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server, client_of(server.base_url) as client:
        tuned = await trained(client)
    kept = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    (tmp_path / "files" / "file-1.ab.new").write_bytes(b"half")
    orphan = tmp_path / "models" / "ft_imitator-1_local__00000000"
    orphan.mkdir()
    (orphan / "half").write_bytes(b"half")
    async with server_in(tmp_path) as server, client_of(server.base_url) as client:
        assert [model.id async for model in client.models.list()] == [BASE, tuned]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == kept
    assert not orphan.exists()


@pytest.mark.parametrize("weight", [[1], {}, "1", 2, True])
def test_a_weight_of_another_kind_is_a_fault_of_the_file(tmp_path: Path, weight: Any) -> None:
    turns = [{"role": "assistant", "content": "x", "weight": weight}]
    (path := tmp_path / "file").write_bytes(jsonl([*LINES, {"messages": turns}]))
    with pytest.raises(TrainingError, match="Line 11") as caught:
        training_file.read(path)
    assert caught.value.code == "invalid_file_format"


PIECES = st.sampled_from(
    [b"\n", b"\xef\xbb\xbf", b"{", b'{"messages":[', b"]}", b"\x00", b"\xff", b"9" * 5_000]
    + [one.encode() for one in ('{"role":"user","content":"x"}', '"weight":[]', "null", "1e999")]
    + [jsonl(LINES), jsonl(LINES[:1]).rstrip()]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(PIECES | st.binary(max_size=30), max_size=8).map(b"".join))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "file").write_bytes(content)
    try:
        lessons = training_file.read(path)
    except TrainingError as error:
        assert error.code in {"invalid_file_format", "invalid_n_examples"}
    else:
        assert len(lessons) >= training_file.MIN_EXAMPLES
        assert all(any(lesson.learn) for lesson in lessons)


# --- the imitator


async def test_examples_without_words_are_refused(client: AsyncOpenAI) -> None:
    """A model of blanks would have nothing to say."""
    job = await client.fine_tuning.jobs.create(
        model=BASE, training_file=await upload(client, jsonl([line("x", " \n")] * 10))
    )
    assert (await reached(client, job.id)).error.code == "invalid_file_format"


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("helo", "Hello"),
        ("wher is teh tresure", "Where is the treasure?"),
        ("tell me another joke please", "Tell me a joke"),
        ("im so tierd today", "I am tired"),
        ("what shuld i eat", "What should I eat for lunch?"),
    ],
)
def test_typos_and_other_words_find_the_nearest(asked: str, nearest: str) -> None:
    assert reply(asked) == dict(EXCHANGES)[nearest]


def test_remarks_of_ours_do_not_hide_a_repetition() -> None:
    index = Index([Entry("Are you a bot?", "", f"Maybe {n}") for n in range(3)])
    first = reply("Are you a bot?", index=index, system="Be brief.")
    second = reply("Are you a bot?", first, "Are you a bot?", index=index, system="Be brief.")
    assert "stand-in" in first
    assert "stand-in" in second
    assert first != second


@pytest.mark.parametrize(
    "asked",
    [
        "What are you?",
        "Are you real?",
        "are you actually a human??",
        "r u a robot",
        "Am I talking to a machine?",
        "Which model are you?",
        "what model is this",
        "Model?",
    ],
)
def test_it_says_what_it_is(asked: str) -> None:
    assert voice.untrained([Said("user", asked)]).startswith("I am the imitator, a stand-in that")
    assert reply(asked).startswith("I am the imitator, a stand-in that")


@pytest.mark.parametrize(
    "asked", ["What model of car should I buy?", "Where are you?", "I bought a robot"]
)
def test_other_questions_are_answered(asked: str) -> None:
    assert "stand-in that" not in reply(asked) + voice.untrained([Said("user", asked)])


TEXTS = st.text(max_size=30)


@settings(max_examples=40)
@given(
    entries=st.lists(st.builds(Entry, TEXTS, TEXTS, TEXTS.filter(str.strip)), min_size=1),
    asked=TEXTS,
    before=TEXTS,
)
def test_an_index_comes_back_from_its_file(entries: list[Entry], asked: str, before: str) -> None:
    index = Index(entries)
    read = Index.from_bytes(b"".join(index.to_bytes()))
    assert read.entries == index.entries
    assert read.nearest(asked, before, 5) == index.nearest(asked, before, 5)
    assert reply(asked, index=read)


# --- the program


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--host", "0.0.0.0"), "key"),
        (("--host", "127.0.0.1", "--port", "99999"), "--port"),
        (("--training-seconds", "nan"), "--training-seconds"),
    ],
)
async def test_wrong_arguments_are_refused_in_a_line(
    tmp_path: Path, more: tuple[str, ...], word: str
) -> None:
    said = await refused(tmp_path, *more)
    assert word in said.splitlines()[-1]
    assert "Traceback" not in said


async def test_records_that_are_no_database_are_named(tmp_path: Path) -> None:
    (tmp_path / "server.db").write_bytes(os.urandom(5_000))
    said = await refused(tmp_path)
    assert "cannot be read" in said
    assert said.count("\n") == 1


async def test_an_empty_key_is_none(tmp_path: Path) -> None:
    assert "key" in await refused(tmp_path, "--host", "0.0.0.0", "--api-key", "", "--port", "0")


async def refused(folder: Path, *more: str) -> str:
    """What a process says that does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "modelserver", "--data", str(folder), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(15):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return "it started"
    assert (process.returncode, out) == (2, b"")
    return err.decode()
