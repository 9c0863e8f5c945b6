"""A host of the OpenAI API that sees, hears, speaks, screens and trains: it says what it got."""

import json
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
OGG = b"OggS" + bytes(20)
HEARD = "Where can I eat laksa?"


class OpenAIHost:
    """`async with` serves it. What it was asked for lies in `chats`, `heard`, `spoken`,
    `moderated` and `files`. Moderation flags texts with the word GRIM; a job is done at once.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port
        self.chats: list[Json] = []
        self.heard: list[bytes] = []
        self.spoken: list[Json] = []
        self.moderated: list[str] = []
        self.files: list[bytes] = []
        self.jobs: list[Json] = []
        self.refuses_speech = False
        self.moderates = True

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/audio/transcriptions", self._transcribe)
        app.router.add_post("/v1/audio/speech", self._speak)
        app.router.add_post("/v1/moderations", self._moderate)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_post("/v1/fine_tuning/jobs", self._train)
        app.router.add_get("/v1/fine_tuning/jobs", self._jobs)
        app.router.add_get("/v1/fine_tuning/jobs/{id}", self._job)
        app.router.add_get("/v1/fine_tuning/jobs/{id}/{what}", self._nothing)
        app.router.add_get("/v1/models", self._nothing)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
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

    async def _moderate(self, request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        self.moderated += texts
        if not self.moderates:
            error = {"message": "no moderation here", "type": "invalid_request_error", "code": None}
            return web.json_response({"error": error}, status=404)
        results = [
            {"flagged": grim, "categories": {"violence": grim, "hate": False}}
            for grim in ("GRIM" in text for text in texts)
        ]
        return web.json_response({"id": "modr-1", "model": "omni", "results": results})

    async def _upload(self, request: web.Request) -> web.Response:
        file = (await request.post())["file"]
        assert isinstance(file, web.FileField)
        self.files.append(file.file.read())
        made = {"id": f"file-{len(self.files)}", "object": "file", "purpose": "fine-tune"}
        size = len(self.files[-1])
        return web.json_response({**made, "bytes": size, "filename": "x", "created_at": 1})

    async def _train(self, request: web.Request) -> web.Response:
        body: Json = await request.json()
        job: Json = {
            "id": f"ftjob-{len(self.jobs) + 1}",
            "object": "fine_tuning.job",
            "created_at": 1,
            "model": body["model"],
            "training_file": body["training_file"],
            "metadata": body.get("metadata"),
            "status": "succeeded",
            "fine_tuned_model": f"ft:{body['model']}:o:x:{len(self.jobs) + 1}",
            "trained_tokens": 1_000,
            "hyperparameters": {"n_epochs": 3},
            "result_files": [],
            "organization_id": "o",
            "seed": 1,
        }
        self.jobs.append(job)
        return web.json_response(job)

    async def _jobs(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self.jobs[::-1], "has_more": False})

    async def _job(self, request: web.Request) -> web.Response:
        return web.json_response(
            next(job for job in self.jobs if job["id"] == request.match_info["id"])
        )

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [], "has_more": False})
