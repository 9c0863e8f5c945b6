"""The API over HTTP: files, fine-tuning jobs, models, chat completions."""

import asyncio
import functools
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from modelserver import bodies, chat, requests
from modelserver.disk import remove_folder, write_whole
from modelserver.engine import Engine
from modelserver.errors import ApiError, bad_request, model_not_found, server_error
from modelserver.jobs import Jobs, base_of, checkpoints, new_id, no_such_job, public
from modelserver.shelf import Record, Shelf, UnknownCursor

log = logging.getLogger(__name__)

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
        self._ending = False

    def end(self) -> None:
        """Cut the replies in progress; the server is about to stop."""
        self._ending = True

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
            ("POST", "/chat/completions", self.complete),
        ]
        routes = [
            Route(f"/v1{path}", self._guarded(endpoint), methods=[method])
            for method, path, endpoint in table
        ]
        app = Starlette(routes=routes, exception_handlers={404: _unknown_url, 405: _unknown_url})
        return bodies.BoundedBodies(app)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            try:
                self._admit(request)
                return await endpoint(request)
            except ApiError as error:
                return JSONResponse(error.body, status_code=error.status)
            except UnknownCursor:
                unknown = bad_request("'after' names nothing that is in this list.", "after")
                return JSONResponse(unknown.body, status_code=unknown.status)
            except ClientDisconnect:
                return Response(status_code=499)  # read by nobody
            except Exception:
                log.exception("a request failed")
                return JSONResponse(server_error().body, status_code=500)

        return guarded

    def _admit(self, request: Request) -> None:
        if self._api_key is None:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        if not hmac.compare_digest(given, self._api_key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    # --- files

    async def create_file(self, request: Request) -> Response:
        form = await bodies.form(request)
        try:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile):
                raise bad_request("You must provide a file.", "file")
            if not isinstance(purpose, str) or purpose not in _PURPOSES:
                raise bad_request("'purpose' is not one that is known.", "purpose")
            if not upload.size:
                raise bad_request("The file is empty.", "file")
            if upload.size > bodies.MAX_FILE:
                raise bodies.too_large(bodies.MAX_FILE)
            file_id = new_id("file")
            blocks = iter(functools.partial(upload.file.read, 1 << 20), b"")
            size = await asyncio.to_thread(write_whole, self._shelf.content(file_id), blocks)
            name = Path((upload.filename or "file").replace("\\", "/")).name
        finally:
            await form.close()
        record = {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": int(time.time()),
            "filename": name.encode("utf-8", "replace").decode()[:200] or "file",
            "purpose": purpose,
            "status": "processed",
        }
        await self._shelf.put(("file", record))
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
        job = requests.new_job(await bodies.json_object(request), self._engine.methods)
        parent = await self._model(job["model"])
        if parent is not None and not self._engine.builds_on:
            raise bad_request(f"Model {job['model']} is not available for fine-tuning.", "model")
        base = job["model"] if parent is None else base_of(parent)
        if base not in self._engine.base_models:
            raise bad_request(f"Its base model {base} is not served here any more.", "model")
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
        return JSONResponse(public(await self._jobs.create(job, base=base)))

    async def list_jobs(self, request: Request) -> Response:
        after, limit = requests.page(request.query_params, usual=20, highest=100)
        wanted = requests.metadata_filter(request.query_params)
        found, more = await self._shelf.page(
            "job",
            after=after,
            limit=limit,
            where=wanted,
        )
        return _list([public(job) for job in found], more)

    async def _job(self, request: Request) -> Record:
        job_id = str(request.path_params["id"])
        job = await self._shelf.get("job", job_id)
        if job is None:
            raise no_such_job(job_id)
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
        tuned = await self._shelf.all("model")
        return _list([*map(self._base, self._engine.base_models), *tuned], False)

    def _base(self, name: str) -> Record:
        return {
            "id": name,
            "object": "model",
            "created": self._began,
            "owned_by": "local",
            "shutdown_date": None,
        }

    async def _model(self, name: str) -> Record | None:
        """The record of a model; None for the engine's own."""
        if name in self._engine.base_models:
            return None
        model = await self._shelf.get("model", name)
        if model is None:
            raise model_not_found(name)
        return model

    async def get_model(self, request: Request) -> Response:
        name = str(request.path_params["id"])
        return JSONResponse(await self._model(name) or self._base(name))

    async def delete_model(self, request: Request) -> Response:
        name = str(request.path_params["id"])
        if name in self._engine.base_models:
            raise ApiError(403, "The base model cannot be deleted.", param="model")
        if not await self._shelf.remove("model", name):
            raise model_not_found(name)
        folder = self._shelf.model(name)
        await self._engine.forget(folder)
        await asyncio.to_thread(remove_folder, folder)
        return JSONResponse({"id": name, "object": "model", "deleted": True})

    # --- chat

    async def _model_folder(self, name: str) -> Path | None:
        """Where a model is; None for the engine's own."""
        model = await self._model(name)
        if model is None:
            return None
        if base_of(model) not in self._engine.base_models:
            raise ApiError(
                404,
                f"The model `{name}` needs {base_of(model)}, which is not served here any more.",
                code="model_not_found",
                param="model",
            )
        return self._shelf.model(name)

    async def complete(self, request: Request) -> Response:
        body = await bodies.json_object(request)
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise bad_request("you must provide a model parameter", "model")
        messages = requests.conversation(body)
        wish, stops = requests.wish(body)
        folder = await self._model_folder(model)
        tokens = await asyncio.to_thread(chat.prompt_tokens, self._engine, messages)
        most = self._engine.context_tokens
        if tokens > most:
            raise bad_request(
                f"This model's maximum context length is {most} tokens. "
                f"However, your messages resulted in {tokens} tokens.",
                "messages",
                "context_length_exceeded",
            )
        reply = chat.Reply(
            self._engine,
            folder,
            messages,
            prompt_tokens=tokens,
            wish=wish,
            stops=stops,
            ending=lambda: self._ending,
        )
        head = {
            "id": new_id("chatcmpl"),
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": None,
        }
        if body.get("stream"):
            options = body.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            return chat.EventStream(chat.events(reply, head, with_usage=with_usage))
        return JSONResponse(await chat.whole(reply, head))


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


async def _unknown_url(request: Request, _: Exception) -> Response:
    error = ApiError(
        404, f"Invalid URL ({request.method} {request.url.path[:100]})", code="unknown_url"
    )
    return JSONResponse(error.body, status_code=404)
