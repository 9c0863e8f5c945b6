"""Replies by vLLM, against a server that behaves as it does."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from modelserver.engine import Ended, Said, Wish
from modelserver.errors import ApiError, EngineFault
from modelserver.lora.engine import Lora
from modelserver.lora.vllm import Vllm

HELLO = [Said("system", "Be brief."), Said("user", "Hello?")]


class StandIn:
    """The calls of vLLM's server that we use. `asked` is what came, in order."""

    def __init__(self) -> None:
        self.adapters: dict[str, str] = {}
        self.asked: list[tuple[str, Any]] = []
        self.refuse: tuple[int, Any] | None = None
        self.broken = False
        self.hold = asyncio.Event()
        self.hold.set()
        self.url = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/load_lora_adapter", self.load)
        app.router.add_post("/v1/unload_lora_adapter", self.unload)
        app.router.add_post("/v1/chat/completions", self.complete)
        return app

    async def models(self, _: web.Request) -> web.Response:
        data = [{"id": "org/served", "parent": None}]
        data += [{"id": name, "parent": "org/served"} for name in self.adapters]
        return web.json_response({"object": "list", "data": data})

    async def load(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(("load", body["lora_name"]))
        if body["lora_name"] == "missing":
            error = {"message": "No adapter found", "type": "NotFoundError", "code": 404}
            return web.json_response({"error": error}, status=404)
        self.adapters[body["lora_name"]] = body["lora_path"]
        return web.Response(text="Success: LoRA adapter added successfully.")

    async def unload(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(("unload", body["lora_name"]))
        if self.adapters.pop(body["lora_name"], None) is None:
            return web.json_response({"error": {"message": "not found"}}, status=404)
        return web.Response(text="Success: LoRA adapter removed successfully.")

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(("chat", body))
        if self.refuse is not None:
            return web.json_response(self.refuse[1], status=self.refuse[0])
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for text in ("", "I am ", body["model"]):
            delta = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
            await self._send(answer, {"choices": delta})
        await self.hold.wait()
        if not self.broken:
            await self._send(
                answer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
            )
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            await self._send(answer, {"choices": [], "usage": usage})
            await answer.write(b"data: [DONE]\n\n")
        return answer

    async def _send(self, answer: web.StreamResponse, chunk: dict[str, Any]) -> None:
        await answer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


@pytest.fixture
async def there() -> AsyncIterator[StandIn]:
    standin = StandIn()
    runner = web.AppRunner(standin.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    standin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield standin
    await runner.cleanup()


@pytest.fixture
async def vllm(there: StandIn) -> AsyncIterator[Vllm]:
    made = Vllm(there.url, "tiny-1", adapters=2)
    await made.start()
    yield made
    await made.close()


async def said(vllm: Vllm, folder: Path | None, wish: Wish | None = None) -> tuple[str, Ended]:
    *pieces, end = [p async for p in vllm.reply(folder, HELLO, wish or Wish())]
    assert isinstance(end, Ended)
    return "".join(str(piece) for piece in pieces), end


async def test_the_base_is_asked_by_its_name_there(there: StandIn, vllm: Vllm) -> None:
    text, end = await said(vllm, None, Wish(longest=9, temperature=0.0, seed=4))
    assert text == "I am org/served"
    assert end == Ended(finish="length", prompt_tokens=7, completion_tokens=3)
    ((_, body),) = there.asked
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
    ]
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (9, 0.0, 4)
    assert "top_p" not in body


async def test_adapters_are_loaded_on_use_and_the_least_used_leaves(
    there: StandIn, vllm: Vllm, tmp_path: Path
) -> None:
    for name in ("a", "b", "a", "c"):
        assert (await said(vllm, tmp_path / name))[0] == f"I am {name}"
    loads = [one for one in there.asked if one[0] != "chat"]
    assert loads == [("load", "a"), ("load", "b"), ("unload", "b"), ("load", "c")]
    assert there.adapters == {name: str(tmp_path / name) for name in ("a", "c")}
    await vllm.forget(tmp_path / "a")
    assert list(there.adapters) == ["c"]
    await vllm.forget(tmp_path / "never")


async def test_one_that_speaks_does_not_leave_and_many_load_it_once(
    there: StandIn, vllm: Vllm, tmp_path: Path
) -> None:
    there.hold.clear()
    going = [asyncio.create_task(said(vllm, tmp_path / name)) for name in "aaabcd"]
    async with asyncio.timeout(10):
        while len([one for one in there.asked if one[0] == "chat"]) < 6:
            await asyncio.sleep(0.01)
    assert sorted(one for one in there.asked if one[0] != "chat") == [
        ("load", name) for name in "abcd"
    ]
    there.hold.set()
    assert [text for text, _ in await asyncio.gather(*going)] == [f"I am {n}" for n in "aaabcd"]
    await said(vllm, tmp_path / "e")
    assert len(there.adapters) == 2


async def test_what_an_earlier_run_left_there_is_unloaded(there: StandIn) -> None:
    there.adapters = {"ft_tiny-1_local__1": "/somewhere", "theirs": "/somewhere/else"}
    made = Vllm(there.url + "/v1/", "org/served", adapters=2)
    await made.start()
    await made.close()
    assert there.adapters == {"theirs": "/somewhere/else"}


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (
            (400, {"message": "This model's maximum context length is 512 tokens."}),
            400,
            "context_length_exceeded",
        ),
        ((400, {"error": {"message": "bad", "code": 400}}), 400, None),
        ((500, {"error": {"message": "boom"}}), 502, None),
        ((503, "nothing that we know"), 502, None),
    ],
)
async def test_refusals_are_told(
    there: StandIn, vllm: Vllm, refusal: tuple[int, Any], status: int, code: str | None
) -> None:
    there.refuse = refusal
    with pytest.raises(ApiError) as caught:
        await said(vllm, None)
    assert (caught.value.status, caught.value.code) == (status, code)


async def test_an_adapter_that_cannot_be_loaded_is_tried_again(
    there: StandIn, vllm: Vllm, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(ApiError, match="No adapter found"):
            await said(vllm, tmp_path / "missing")
    assert there.asked == [("load", "missing")] * 2


async def test_a_reply_that_breaks_off_is_an_error(there: StandIn, vllm: Vllm) -> None:
    there.broken = True
    with pytest.raises(ApiError, match="broke off"):
        await said(vllm, None)


async def test_no_server_there_is_said_at_the_start() -> None:
    with pytest.raises(EngineFault, match="no vLLM server"):
        await Vllm("http://127.0.0.1:9", "tiny-1", adapters=2).start()


async def test_the_engine_lets_it_speak(there: StandIn, base: Path, tmp_path: Path) -> None:
    made = Lora(str(base), vllm=there.url)
    await made.start()
    try:
        for folder, name in ((None, "org/served"), (tmp_path / "ft_a", "ft_a")):
            pieces = [piece async for piece in made.reply(folder, HELLO, Wish())]
            assert pieces[:2] == ["I am ", name]
        await made.forget(tmp_path / "ft_a")
        assert there.adapters == {}
        assert made.rounds == []  # the base model is not even read
    finally:
        await made.close()
