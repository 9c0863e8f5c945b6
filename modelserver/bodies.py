"""Reading what callers send, within limits."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelserver.errors import ApiError, bad_request

MAX_FILE = 512 * 1024 * 1024  # bytes
MAX_BODY = 10 * 1024 * 1024  # bytes of everything that is no file


class BoundedBodies:
    """Refuses bodies over the limit, also those that do not say how long they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A form is a little larger than the file in it.
        limit = MAX_FILE + MAX_BODY if scope["path"] == "/v1/files" else MAX_BODY
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            error = too_large(limit)
            await JSONResponse(error.body, status_code=error.status)(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise too_large(limit)
            return message

        await self._app(scope, bounded, send)


def too_large(limit: int) -> ApiError:
    return ApiError(413, f"What you sent is larger than {limit} bytes.", code="request_too_large")


async def json_object(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object whose texts can all be written as UTF-8."""
    raw = await request.body()
    try:
        body = json.loads(raw)
        if b"\\ud" in raw.lower():  # perhaps half of a surrogate pair: no text that can be sent on
            body = json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise bad_request("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    return body


async def form(request: Request) -> FormData:
    """The body as a form; files in it are on the disk. To be closed."""
    try:
        return await request.form(max_files=1, max_fields=10)
    except HTTPException as error:
        raise bad_request(f"The form could not be read: {error.detail}") from None
