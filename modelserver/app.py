"""The API over HTTP: files, fine-tuning jobs, models, chat completions."""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelserver import requests
from modelserver.engine import Engine, Said
from modelserver.errors import ApiError, bad_request, model_not_found
from modelserver.jobs import Jobs, checkpoints, new_id, public
from modelserver.shelf import Record, Shelf

log = logging.getLogger(__name__)

MAX_FILE = 512 * 1024 * 1024  # bytes
MAX_BODY = 10 * 1024 * 1024  # bytes of everything that is no file
_PURPOSES = {"fine-tune", "assistants", "batch", "vision", "user_data", "evals"}

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The endpoints over a shelf, an engine and its jobs."""

    def __init__(self, shelf: Shelf, engine: Engine, jobs: Jobs, *, api_key: str | None) -> None:
        self._shelf = shelf
        self._engine = engine
        self._jobs = jobs
        self._api_key = api_key
        self._began = int(time.time())

    def app(self) -> ASGIApp:
        """The ASGI application."""
        table: list[tuple[str, str, Endpoint]] = [
            ("POST", "/files", self.create_file),
            ("GET", "/files", self.list_files),
            ("GET", "/files/{id}", self.get_file),
            ("GET", "/files/{id}/content", self.file_content),
            ("DELETE", "/files/{id}", self.delete_file),
            ("POST", "/fine_tuning/jobs", self.create_job),
            ("GET", "/fine_tuning/jobs", self.list_jobs),
            ("GET", "/fine_tuning/jobs/{id}", self.get_job),
            ("POST", "/fine_tuning/jobs/{id}/cancel", self._job_action(self._jobs.cancel)),
            ("POST", "/fine_tuning/jobs/{id}/pause", self._job_action(self._jobs.pause)),
            ("POST", "/fine_tuning/jobs/{id}/resume", self._job_action(self._jobs.resume)),
            ("GET", "/fine_tuning/jobs/{id}/events", self.job_events),
            ("GET", "/fine_tuning/jobs/{id}/checkpoints", self.job_checkpoints),
            ("GET", "/models", self.list_models),
            ("GET", "/models/{id:path}", self.get_model),
            ("DELETE", "/models/{id:path}", self.delete_model),
            ("POST", "/chat/completions", self.chat),
        ]
        routes = [
            Route(f"/v1{path}", self._guarded(endpoint), methods=[method])
            for method, path, endpoint in table
        ]
        app = Starlette(routes=routes, exception_handlers={404: _unknown_url, 405: _unknown_url})
        return BoundedBodies(app)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            try:
                self._admit(request)
                return await endpoint(request)
            except ApiError as error:
                return JSONResponse(error.body, status_code=error.status)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception:
                log.exception("a request failed")
                failed = ApiError(500, "The server had an error.", type_="server_error")
                return JSONResponse(failed.body, status_code=500)

        return guarded

    def _admit(self, request: Request) -> None:
        if self._api_key is None:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        if not hmac.compare_digest(given, self._api_key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    # --- files

    async def create_file(self, request: Request) -> Response:
        try:
            form = await request.form(max_files=1, max_fields=10)
        except (ClientDisconnect, ApiError):
            raise
        except Exception:
            raise bad_request("The body must be multipart/form-data with a file.") from None
        try:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile):
                raise bad_request("You must provide a file.", "file")
            if purpose not in _PURPOSES:
                raise bad_request("'purpose' is not one that is known.", "purpose")
            file_id = new_id("file")
            size = await asyncio.to_thread(_keep, upload, self._shelf.content(file_id))
            name = Path((upload.filename or "file").replace("\\", "/")).name
        finally:
            await form.close()
        record = {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": int(time.time()),
            "filename": name.encode("utf-8", "replace").decode()[:200],
            "purpose": purpose,
            "status": "processed",
        }
        await self._shelf.put("file", record)
        return JSONResponse(record)

    async def list_files(self, request: Request) -> Response:
        after, limit = requests.page(request.query_params, usual=10_000, highest=10_000)
        purpose = request.query_params.get("purpose")
        found, more = await self._shelf.page(
            "file",
            after=after,
            limit=limit,
            where=lambda file: purpose in {None, file["purpose"]},
        )
        return _list(found, more)

    async def _file(self, request: Request) -> Record:
        file_id = str(request.path_params["id"])
        file = await self._shelf.get("file", file_id)
        if file is None:
            raise ApiError(404, f"No such File object: {file_id[:100]}", param="id")
        return file

    async def get_file(self, request: Request) -> Response:
        return JSONResponse(await self._file(request))

    async def file_content(self, request: Request) -> Response:
        file = await self._file(request)
        return FileResponse(self._shelf.content(file["id"]), media_type="application/octet-stream")

    async def delete_file(self, request: Request) -> Response:
        file = await self._file(request)
        await self._shelf.remove("file", file["id"])
        path = self._shelf.content(file["id"])
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return JSONResponse({"id": file["id"], "object": "file", "deleted": True})

    # --- fine-tuning jobs

    async def create_job(self, request: Request) -> Response:
        job = requests.new_job(await _json(request))
        if job["model"] not in self._engine.base_models:
            raise model_not_found(job["model"])
        for param in ("training_file", "validation_file"):
            if job[param] is None:
                continue
            file = await self._shelf.get("file", job[param])
            if file is None:
                raise bad_request(f"invalid {param}: {job[param][:100]}", param)
            if file["purpose"] != "fine-tune":
                raise bad_request(
                    f"File '{file['id']}' has the purpose {file['purpose']}; it must be fine-tune.",
                    param,
                )
        return JSONResponse(public(await self._jobs.create(job)))

    async def list_jobs(self, request: Request) -> Response:
        after, limit = requests.page(request.query_params, usual=20, highest=100)
        wanted = requests.wanted_metadata(request.query_params)
        found, more = await self._shelf.page(
            "job",
            after=after,
            limit=limit,
            where=lambda job: wanted.items() <= job["metadata"].items(),
        )
        return _list([public(job) for job in found], more)

    async def _job(self, request: Request) -> Record:
        job_id = str(request.path_params["id"])
        job = await self._shelf.get("job", job_id)
        if job is None:
            raise ApiError(404, f"Could not find fine tune: {job_id[:100]}", param="fine_tune_id")
        return job

    async def get_job(self, request: Request) -> Response:
        return JSONResponse(public(await self._job(request)))

    def _job_action(self, action: Callable[[str], Awaitable[Record]]) -> Endpoint:
        async def act(request: Request) -> Response:
            return JSONResponse(public(await action(str(request.path_params["id"]))))

        return act

    async def job_events(self, request: Request) -> Response:
        job = await self._job(request)
        after, limit = requests.page(request.query_params, usual=20, highest=100)
        return _list(*await self._shelf.events(job["id"], after=after, limit=limit))

    async def job_checkpoints(self, request: Request) -> Response:
        return _list(checkpoints(await self._job(request)), False)

    # --- models

    async def list_models(self, request: Request) -> Response:
        tuned, _ = await self._shelf.page("model", limit=100_000)
        return _list([*map(self._base, self._engine.base_models), *tuned], False)

    def _base(self, name: str) -> Record:
        return {
            "id": name,
            "object": "model",
            "created": self._began,
            "owned_by": "local",
            "shutdown_date": None,
        }

    async def _folder(self, model: str) -> Path | None:
        """Where a model is; None for the engine's own."""
        if model in self._engine.base_models:
            return None
        if await self._shelf.get("model", model) is None:
            raise model_not_found(model)
        return self._shelf.model(model)

    async def get_model(self, request: Request) -> Response:
        name = str(request.path_params["id"])
        if await self._folder(name) is None:
            return JSONResponse(self._base(name))
        return JSONResponse(await self._shelf.get("model", name))

    async def delete_model(self, request: Request) -> Response:
        name = str(request.path_params["id"])
        if name in self._engine.base_models:
            raise ApiError(403, "The base model cannot be deleted.")
        if not await self._shelf.remove("model", name):
            raise model_not_found(name)
        await asyncio.to_thread(_remove_folder, self._shelf.model(name))
        return JSONResponse({"id": name, "object": "model", "deleted": True})

    # --- chat

    async def chat(self, request: Request) -> Response:
        body = await _json(request)
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise bad_request("you must provide a model parameter", "model")
        said = requests.conversation(body)
        longest, stops = requests.limits(body)
        folder = await self._folder(model)
        prompt_tokens = 3 + sum(4 + self._engine.tokens(m.text) for m in said)
        if prompt_tokens > self._engine.context_tokens:
            raise bad_request(
                f"This model's maximum context length is {self._engine.context_tokens} tokens. "
                f"However, your messages resulted in {prompt_tokens} tokens.",
                "messages",
                "context_length_exceeded",
            )
        reply = Reply(self._engine, folder, said, longest=longest, stops=stops)
        head = {
            "id": new_id("chatcmpl"),
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": None,
        }
        if body.get("stream"):
            options = body.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            pieces = _stream(reply, head, prompt_tokens, with_usage=with_usage)
            return StreamingResponse(pieces, media_type="text/event-stream")
        text = "".join([piece async for piece in reply.pieces()])
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "finish_reason": reply.finish,
            "logprobs": None,
        }
        return JSONResponse(
            {
                **head,
                "object": "chat.completion",
                "choices": [choice],
                "usage": _usage(prompt_tokens, reply.tokens),
            }
        )


class Reply:
    """A reply within its limits; counts while it is given."""

    def __init__(
        self,
        engine: Engine,
        folder: Path | None,
        said: list[Said],
        *,
        longest: int | None,
        stops: tuple[str, ...],
    ) -> None:
        self._engine = engine
        self._source = engine.reply(folder, said)
        self._longest = longest
        self._stops = stops
        self.tokens = 0
        self.finish = "stop"

    async def pieces(self) -> AsyncIterator[str]:
        """The text, up to a stop text or the longest length."""
        held = ""  # what may be the beginning of a stop text
        source = cast("Any", self._source)
        async with aclosing(source):
            async for piece in source:
                cost = self._engine.tokens(piece)
                if self._longest is not None and self.tokens + cost > self._longest:
                    self.finish = "length"
                    break
                self.tokens += cost
                held += piece
                if (cut := self._stop_in(held)) is not None:
                    held = held[:cut]
                    break
                keep = max((len(stop) - 1 for stop in self._stops), default=0)
                ready, held = (held[:-keep], held[-keep:]) if keep else (held, "")
                if ready:
                    yield ready
        if held:
            yield held

    def _stop_in(self, text: str) -> int | None:
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return min(places, default=None)


async def _stream(
    reply: Reply, head: Record, prompt_tokens: int, *, with_usage: bool
) -> AsyncIterator[bytes]:
    def chunk(choices: list[Record], usage: Record | None = None) -> bytes:
        data = {**head, "object": "chat.completion.chunk", "choices": choices}
        if with_usage:
            data["usage"] = usage
        return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"

    def choice(delta: Record, finish: str | None = None) -> list[Record]:
        return [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]

    yield chunk(choice({"role": "assistant", "content": ""}))
    async with aclosing(cast("Any", reply.pieces())) as pieces:
        async for piece in pieces:
            yield chunk(choice({"content": piece}))
    yield chunk(choice({}, reply.finish))
    if with_usage:
        yield chunk([], _usage(prompt_tokens, reply.tokens))
    yield b"data: [DONE]\n\n"


def _usage(prompt: int, completion: int) -> Record:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    }


async def _json(request: Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise bad_request("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    return body


def _list(data: list[Record], more: bool) -> Response:
    return JSONResponse(
        {
            "object": "list",
            "data": data,
            "has_more": more,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
        }
    )


def _keep(upload: UploadFile, path: Path) -> int:
    """Copy an upload to its place; complete under its name or not there at all."""
    unfinished = path.with_name(f"{path.name}.new")
    size = 0
    with unfinished.open("wb") as file:
        while block := upload.file.read(1 << 20):
            size += file.write(block)
    unfinished.replace(path)
    return size


def _remove_folder(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    if folder.exists():
        folder.rmdir()


async def _unknown_url(request: Request, _: Exception) -> Response:
    error = ApiError(
        404, f"Invalid URL ({request.method} {request.url.path[:100]})", code="unknown_url"
    )
    return JSONResponse(error.body, status_code=404)


class BoundedBodies:
    """Refuses bodies over the limit, also those that do not say how long they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_FILE + MAX_BODY if scope["path"] == "/v1/files" else MAX_BODY
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            await self._refuse(scope, receive, send, limit)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise ApiError(413, f"The body is larger than {limit} bytes.")
            return message

        await self._app(scope, bounded, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        error = ApiError(413, f"The body is larger than {limit} bytes.")
        await JSONResponse(error.body, status_code=413)(scope, receive, send)
