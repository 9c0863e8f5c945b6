"""Who answers: chat completions of any host, streamed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from avatar.errors import ProviderError, ProviderUnavailable, RequestRefused
from avatar.ports import ChatRequest, Ended
from avatar.records import Finish, Turn
from backends import errors
from backends.client import Client
from backends.sse import Chunks

log = logging.getLogger(__name__)

LAST_BYTES_SECONDS = 0.25  # that a host gets to end its answer after it said that it is done


class OpenAIChat:
    """Fulfils `avatar.ports.ChatModel`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asks_usage = True  # until a host refuses `stream_options`

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Ended]:
        """Pieces of text, then exactly one `Ended`; see the port for the errors."""
        asked = self._asks_usage
        try:
            async with aclosing(self._stream(request, ask_usage=asked)) as pieces:
                async for piece in pieces:
                    yield piece
                return
        except RequestRefused as refused:
            if not (asked and "stream_options" in refused.detail):
                raise
        log.info("this host knows no stream_options: it is not asked for the usage any more")
        self._asks_usage = False
        async with aclosing(self._stream(request, ask_usage=False)) as pieces:
            async for piece in pieces:
                yield piece

    async def _stream(
        self, request: ChatRequest, *, ask_usage: bool
    ) -> AsyncGenerator[str | Ended]:
        chunks, began = Chunks(), False
        options: dict[str, Any] = {"stream_options": {"include_usage": True}} if ask_usage else {}
        try:
            async with (
                self._client.using(model=request.model) as client,
                client.chat.completions.with_streaming_response.create(
                    model=request.model, messages=_messages(request.turns), stream=True, **options
                ) as response,
            ):
                blocks = response.iter_bytes()
                async for block in blocks:
                    if text := chunks.feed(block):
                        began = True
                        yield text
                    if chunks.done or chunks.error is not None:
                        break
                if text := chunks.end():
                    began = True
                    yield text
                if chunks.done:
                    await _read_out(blocks)
        except ProviderError as error:
            if not began:
                raise
            if chunks.finish is None:
                log.warning("a reply was cut: %s", error.detail)
        yield self._ended(chunks, began, request.model)

    def _ended(self, chunks: Chunks, began: bool, model: str) -> Ended:
        """How the stream ended. Raises ProviderError if nothing had come."""
        if chunks.error is not None:
            error = errors.decided(chunks.error, model=model, secret=self._client.secret)
            if not began:
                raise error
            log.warning("a reply was cut: %s", error.detail)
            return Ended(finish=Finish.CUT, usage=chunks.usage)
        # A connection that is closed cleanly in the middle raises nothing: only the missing
        # reason tells of it.
        finish = chunks.finish or Finish.CUT
        if finish is Finish.CUT and not began:
            raise ProviderUnavailable(detail="the stream ended before any text")
        return Ended(finish=finish, usage=chunks.usage)


def _messages(turns: tuple[Turn, ...]) -> Any:
    """Turns as the API takes them. Half of a character (a lone surrogate) cannot be sent."""
    return [
        {"role": turn.role.value, "content": turn.text.encode(errors="replace").decode()}
        for turn in turns
    ]


async def _read_out(blocks: AsyncIterator[bytes]) -> None:
    """Read the end of an answer, so that its connection can serve the next one."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LAST_BYTES_SECONDS):
            async for _ in blocks:
                pass
