"""Who answers: the real package over HTTP, against a scripted host and the model server."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import pytest

from avatar.errors import (
    ContextTooLong,
    ModelGone,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RequestRefused,
    WrongKey,
)
from avatar.ports import ChatRequest, Ended
from avatar.providers import preset
from avatar.records import Finish, Role, Turn, Usage
from backends.backend import Backend
from backends.chat import THINKING_TOKENS, OpenAIChat
from backends.client import Client
from tests.backends.conftest import SECRET
from tests.backends.standin import (
    DONE,
    DROPPED,
    Answer,
    Standin,
    event,
    refused,
    said,
    streamed,
    text,
)

ASKED = ChatRequest(
    model="gpt-6-luna",
    turns=(Turn(role=Role.SYSTEM, text="Be brief."), Turn(role=Role.USER, text="Hi 😀")),
    reply_tokens=500,
)
USAGE = event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
STREAM_BROKE = event({"error": {"message": "it died", "type": "server_error", "code": None}})


async def ask(chat: OpenAIChat, request: ChatRequest = ASKED) -> tuple[str, Ended]:
    """The text and the end of a reply; there is exactly one end, and it is the last."""
    *pieces, end = [piece async for piece in chat.stream(request)]
    assert isinstance(end, Ended)
    return "".join(cast("list[str]", pieces)), end


async def test_a_reply(host: Standin, backend: Backend) -> None:
    host.will(streamed(text(""), text("Hel"), text("lo"), text(None, "stop"), USAGE, DONE))
    assert await ask(backend.chat) == (
        "Hello",
        Ended(finish=Finish.STOP, usage=Usage(prompt_tokens=9, completion_tokens=2)),
    )
    (request,) = host.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.json == {
        "model": "gpt-6-luna",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi 😀"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 500,
    }


async def test_a_reasoning_model_gets_its_own_limit(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("x", "stop"), DONE))
    await ask(backend.chat, replace(ASKED, reasons=True))
    sent = host.requests[0].json
    assert sent["max_completion_tokens"] == 500 + THINKING_TOKENS
    assert not {"max_tokens", "temperature"} & set(sent)


async def test_a_model_that_refuses_max_tokens_is_remembered(
    host: Standin, backend: Backend
) -> None:
    host.will(
        refused(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        streamed(text("x", "stop"), DONE),
        streamed(text("y", "stop"), DONE),
    )
    assert (await ask(backend.chat))[0] == "x"
    assert (await ask(backend.chat))[0] == "y"
    assert ["max_tokens" in request.json for request in host.requests] == [True, False, False]


async def test_pieces_come_while_the_host_still_speaks(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("a"), text("b"), end="hang"))
    async with aclosing(cast("Any", backend.chat.stream(ASKED))) as stream:
        assert str(await anext(stream)).startswith("a")  # both may lie there already


async def test_characters_split_between_packets(host: Standin, backend: Backend) -> None:
    whole = text("wah 😀 好\u2028lah", "stop")
    parts = [whole[i : i + 1] for i in range(len(whole))]
    host.will(streamed(*parts, DONE))
    assert (await ask(backend.chat))[0] == "wah 😀 好\u2028lah"


async def test_a_host_that_gives_no_usage(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("x"), text(None, "length")))
    assert await ask(backend.chat) == ("x", Ended(finish=Finish.LENGTH, usage=None))


async def test_an_empty_reply_is_a_reply(host: Standin, backend: Backend) -> None:
    host.will(streamed(text(None, "content_filter"), DONE))
    assert await ask(backend.chat) == ("", Ended(finish=Finish.FILTER, usage=None))


async def test_connections_serve_again(host: Standin, backend: Backend) -> None:
    """The answer goes on a little after [DONE]; not reading that would cost the connection."""
    for _ in range(3):
        host.will(streamed(text("x", "stop"), DONE, b"\n", pause=0.01))
        await ask(backend.chat)
    assert {request.connection for request in host.requests} == {0}


async def test_a_host_that_never_closes_does_not_hold_the_end_back(
    host: Standin, backend: Backend
) -> None:
    host.will(streamed(text("x", "stop"), DONE, end="hang"))
    began = time.monotonic()
    assert (await ask(backend.chat))[0] == "x"
    assert time.monotonic() - began < 3
    await asyncio.wait_for(host.left.wait(), 2)


# --- hosts that refuse stream_options


@pytest.mark.parametrize(
    "refusal",
    [
        refused(400, "Unrecognized request argument supplied: stream_options"),
        said({"detail": [{"loc": ["body", "stream_options"], "msg": "extra"}]}, 422),
        streamed(event({"error": {"message": "stream_options: unknown", "code": 400}})),
    ],
)
async def test_a_host_without_stream_options(
    host: Standin, backend: Backend, refusal: Answer
) -> None:
    host.will(refusal, *[streamed(text("x", "stop"), DONE)] * 2)
    assert (await ask(backend.chat))[0] == "x"
    assert (await ask(backend.chat))[0] == "x"
    asked = ["stream_options" in request.json for request in host.requests]
    assert asked == [True, False, False]


async def test_two_replies_that_are_refused_stream_options_at_once(
    host: Standin, backend: Backend
) -> None:
    no = refused(400, "unknown: stream_options")
    fine = streamed(text("x", "stop"), DONE)
    slow = Answer(status=400, headers=no.headers, parts=[*no.parts, b" "], pause=0.1)
    host.will(slow, slow, fine, fine)
    replies = await asyncio.gather(ask(backend.chat), ask(backend.chat))
    assert [reply for reply, _ in replies] == ["x", "x"]


async def test_another_refusal_is_not_repeated(host: Standin, backend: Backend) -> None:
    host.will(refused(400, "temperature is not supported"))
    with pytest.raises(RequestRefused, match="temperature is not supported"):
        await ask(backend.chat)
    assert len(host.requests) == 1


# --- broken streams


@pytest.mark.parametrize(
    "broken",
    [
        streamed(text("so f"), text("ar"), end="cut"),
        streamed(text("so f"), text("ar"), end="until_close"),
        streamed(text("so f"), text("ar")),
        streamed(text("so f"), text("ar"), DONE),
        streamed(text("so f"), text("ar"), text("…lost")[:-20], end="cut"),
        streamed(text("so f"), text("ar"), STREAM_BROKE),
        streamed(text("so f"), text("ar"), STREAM_BROKE, end="hang"),
        streamed(text("so f"), text("ar", "error"), DONE),
    ],
)
async def test_what_came_before_a_break_is_kept(
    host: Standin, backend: Backend, broken: Answer
) -> None:
    host.will(broken)
    assert await ask(backend.chat) == ("so far", Ended(finish=Finish.CUT, usage=None))
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "broken",
    [
        streamed(text(""), end="cut"),
        streamed(text(""), end="until_close"),
        streamed(text("")),
        streamed(DONE),
        streamed(text(None, "abort"), DONE),
        streamed(STREAM_BROKE),
        said({"choices": [{"message": {"content": "not streamed"}}]}),
        Answer(headers={"content-type": "text/html"}, parts=[b"<html>hello</html>"]),
        Answer(headers={"content-encoding": "gzip"}, parts=[b"this is no gzip"]),
    ],
)
async def test_a_break_before_any_text_is_an_error(
    host: Standin, backend: Backend, broken: Answer
) -> None:
    host.will(broken)
    with pytest.raises(ProviderUnavailable):
        await ask(backend.chat)


async def test_a_break_after_the_reason_loses_nothing(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("all of it"), text(None, "stop"), end="cut"))
    assert await ask(backend.chat) == ("all of it", Ended(finish=Finish.STOP, usage=None))


async def test_silence_in_the_middle_ends_a_reply(host: Standin) -> None:
    client = Client(api_key=SECRET, base_url=host.base_url, silence_seconds=0.3)
    try:
        host.will(streamed(text("so far"), end="hang"))
        assert await ask(OpenAIChat(client)) == ("so far", Ended(finish=Finish.CUT, usage=None))
    finally:
        await client.aclose()


async def test_an_error_in_the_stream_is_mapped(host: Standin, backend: Backend) -> None:
    long = {"message": "too long", "code": "context_length_exceeded"}
    host.will(streamed(event({"error": long})))
    with pytest.raises(ContextTooLong):
        await ask(backend.chat)


# --- closing


async def test_closing_the_iterator_closes_the_connection(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("a"), end="hang"))
    stream = cast("Any", backend.chat.stream(ASKED))
    assert await anext(stream) == "a"
    assert not host.left.is_set()
    await stream.aclose()
    await asyncio.wait_for(host.left.wait(), 2)


async def test_cancelling_closes_the_connection(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("a"), end="hang"))
    task = asyncio.create_task(ask(backend.chat))
    await asyncio.wait_for(host.asked.wait(), 10)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(host.left.wait(), 2)


# --- refusals and retries


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(401, f"Incorrect API key provided: {SECRET}", code="invalid_api_key"), WrongKey),
        (refused(404, "The model `x` does not exist", code="model_not_found"), ModelGone),
        (refused(400, "no", code="context_length_exceeded"), ContextTooLong),
        (refused(429, "no credit", code="insufficient_quota"), QuotaExceeded),
        (refused(429, "slow down", retry_after="21"), Overloaded),
        (refused(503, "busy", retry_after="Fri, 31 Dec 2100 23:59:59 GMT"), Overloaded),
        (refused(429, "slow down", retry_after="3600", x_should_retry="true"), Overloaded),
        (refused(500, "down", retry_after_ms="60000"), ProviderUnavailable),
    ],
)
async def test_not_repeated(
    host: Standin, backend: Backend, answer: Answer, expected: type[ProviderError]
) -> None:
    host.will(answer)
    began = time.monotonic()
    with pytest.raises(expected) as caught:
        await ask(backend.chat)
    assert time.monotonic() - began < 3
    assert len(host.requests) == 1
    assert SECRET not in caught.value.detail + caught.value.sentence


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_repeated_as_the_host_asks(host: Standin, backend: Backend, status: int) -> None:
    soon = refused(status, "slow down", retry_after_ms="20")
    host.will(soon, soon, streamed(text("x", "stop"), DONE))
    assert (await ask(backend.chat))[0] == "x"
    host.will(soon, soon, soon)
    with pytest.raises(ProviderError) as caught:
        await ask(backend.chat)
    assert caught.value.temporary
    assert len(host.requests) == 6


async def test_repeated_when_the_connection_breaks_before_the_answer(
    host: Standin, backend: Backend
) -> None:
    host.will(DROPPED, streamed(text("x", "stop"), DONE))
    assert (await ask(backend.chat))[0] == "x"


async def test_nobody_listens() -> None:
    backend = Backend(preset("custom", base_url="http://127.0.0.1:1/v1"), api_key=SECRET)
    try:
        with pytest.raises(ProviderUnavailable):
            await ask(backend.chat)
    finally:
        await backend.aclose()


async def test_half_of_a_character_in_a_turn_does_not_stop_it(
    host: Standin, backend: Backend
) -> None:
    host.will(streamed(text("x", "stop"), DONE))
    turns = (Turn(role=Role.USER, text="a\ud800b"),)
    await ask(backend.chat, ChatRequest(model="m", turns=turns, reply_tokens=500))
    assert host.requests[0].json["messages"] == [{"role": "user", "content": "a?b"}]


async def test_many_replies_are_in_progress_at_once(host: Standin, backend: Backend) -> None:
    """Each holds a connection; the HTTP library's own limit is 100."""
    streams: list[Any] = [backend.chat.stream(ASKED) for _ in range(120)]
    host.will(*[streamed(text("a"), end="hang")] * len(streams))
    assert await asyncio.gather(*map(anext, streams)) == ["a"] * len(streams)
    await asyncio.gather(*[stream.aclose() for stream in streams])


async def test_pictures_are_parts_of_their_message(host: Standin, backend: Backend) -> None:
    host.will(streamed(text("ok", "stop"), DONE))
    urls = ("data:image/png;base64,AA==", "data:image/jpeg;base64,BB==")
    turns = (
        Turn(role=Role.USER, text="before"),
        Turn(role=Role.USER, text="see \ud800", images=urls),
    )
    await ask(backend.chat, ChatRequest(model="m", turns=turns, reply_tokens=500))
    assert host.requests[0].json["messages"] == [
        {"role": "user", "content": "before"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see ?"},
                *({"type": "image_url", "image_url": {"url": url}} for url in urls),
            ],
        },
    ]
