"""Who answers: chat completions of any host, streamed."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from avatar.errors import ProviderError, ProviderUnavailable, RequestRefused
from avatar.ports import ChatRequest, Ended
from avatar.records import Finish
from backends import errors
from backends.client import Client
from backends.sse import Chunks

log = logging.getLogger(__name__)


class OpenAIChat:
    """Fulfils `avatar.ports.ChatModel`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asks_usage = True  # until a host refuses `stream_options`

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Ended]:
        """Pieces of text, then exactly one `Ended`; see the port for the errors."""
        try:
            async with aclosing(self._stream(request)) as pieces:
                async for piece in pieces:
                    yield piece
        except RequestRefused as refused:
            if not (self._asks_usage and "stream_options" in refused.detail):
                raise
            log.info("this host knows no stream_options: usage is estimated from now on")
            self._asks_usage = False
            async with aclosing(self._stream(request)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _stream(self, request: ChatRequest) -> AsyncGenerator[str | Ended]:
        client, chunks, began = await self._client.get(), Chunks(), False
        options: dict[str, Any] = {}
        if self._asks_usage:
            options["stream_options"] = {"include_usage": True}
        messages: Any = [{"role": t.role.value, "content": t.text} for t in request.turns]
        try:
            async with client.chat.completions.with_streaming_response.create(
                model=request.model, messages=messages, stream=True, **options
            ) as response:
                async for line in response.iter_lines():
                    text = chunks.feed(line)
                    if chunks.error is not None:
                        break
                    if text:
                        began = True
                        yield text
        except ProviderError:
            raise
        except Exception as error:
            translated = errors.translated(error, model=request.model)
            if not began:
                raise translated from error
            log.warning("a reply was cut: %s", translated.detail)
            yield Ended(finish=Finish.CUT, usage=chunks.usage)
            return
        yield self._ended(chunks, began, request.model)

    @staticmethod
    def _ended(chunks: Chunks, began: bool, model: str) -> Ended:
        """How a stream ended that was closed without an exception."""
        if chunks.error is not None:
            error = errors.from_code(
                code=chunks.error.code,
                message=chunks.error.message,
                model=model,
                detail=f"error in the stream: {errors.clean(chunks.error.message)}",
            )
            if not began:
                raise error
            log.warning("a reply was cut: %s", error.detail)
            return Ended(finish=Finish.CUT, usage=chunks.usage)
        if chunks.finish is None:  # closed cleanly in the middle: no exception tells of it
            if not began:
                raise ProviderUnavailable(detail="the stream ended before it began")
            return Ended(finish=Finish.CUT, usage=chunks.usage)
        return Ended(finish=chunks.finish, usage=chunks.usage)
