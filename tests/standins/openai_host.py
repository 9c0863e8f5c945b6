"""A host of the OpenAI API that sees, hears and speaks: it says what it was sent."""

import json
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
OGG = b"OggS" + bytes(20)
HEARD = "Where can I eat laksa?"


class OpenAIHost:
    """`async with` serves it. What it was asked for lies in `chats`, `heard` and `spoken`."""

    def __init__(self) -> None:
        self.chats: list[Json] = []
        self.heard: list[bytes] = []
        self.spoken: list[Json] = []
        self.refuses_speech = False

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/audio/transcriptions", self._transcribe)
        app.router.add_post("/v1/audio/speech", self._speak)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def last(self) -> Json:
        """The last message of the last request."""
        message: Json = self.chats[-1]["messages"][-1]
        return message

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.chats.append(body)
        content = body["messages"][-1]["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        images = [part for part in parts if part["type"] == "image_url"]
        text = "".join(part["text"] for part in parts if part["type"] == "text")
        said = f"I saw {len(images)} and read <{text}>"
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        chunks: list[Json] = [
            {"choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
        ]
        for chunk in chunks:
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        assert file.filename == "voice.ogg"
        self.heard.append(file.file.read())
        usage = {"type": "tokens", "input_tokens": 30, "output_tokens": 7, "total_tokens": 37}
        return web.json_response({"text": HEARD, "usage": usage})

    async def _speak(self, request: web.Request) -> web.Response:
        self.spoken.append(await request.json())
        if self.refuses_speech:
            error = {"message": "no such voice", "type": "invalid_request_error", "code": None}
            return web.json_response({"error": error}, status=400)
        return web.Response(body=OGG, content_type="audio/ogg")
