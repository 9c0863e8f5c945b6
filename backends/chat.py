"""Who answers: chat completions of any host, streamed."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from avatar.errors import ProviderError, ProviderUnavailable, RequestRefused
from avatar.ports import ChatRequest, Ended
from avatar.records import Finish, Turn
from backends import errors
from backends.blocks import Blocks
from backends.client import Client
from backends.sse import Chunks

log = logging.getLogger(__name__)

THINKING_TOKENS = 8_000  # of a reasoning model, beside its reply
LAST_BYTES_SECONDS = 0.25  # that a host gets to end its answer after it said that it is done


class OpenAIChat:
    """Fulfils `avatar.ports.ChatModel`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asks_usage = True  # until a host refuses `stream_options`
        self._reasoning: set[str] = set()  # models that refused `max_tokens`

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Ended]:
        """Pieces of text, then exactly one `Ended`; see the port for the errors."""
        while True:
            asked = self._options(request)
            try:
                async with aclosing(self._stream(request, asked)) as pieces:
                    async for piece in pieces:
                        yield piece
                    return
            except RequestRefused as refused:
                if not self._learnt(asked, request.model, refused.detail):
                    raise

    def _options(self, request: ChatRequest) -> dict[str, Any]:
        """What is asked for beside the messages, by what is known of this host and model."""
        options: dict[str, Any] = {}
        if self._asks_usage:
            options["stream_options"] = {"include_usage": True}
        if request.reasons or request.model in self._reasoning:
            # Its thinking counts too, and it takes no other name for the limit.
            options["max_completion_tokens"] = request.reply_tokens + THINKING_TOKENS
        else:
            options["max_tokens"] = request.reply_tokens
        return options

    def _learnt(self, asked: dict[str, Any], model: str, detail: str) -> bool:
        """Whether a refusal tells of an option that this host or model does not take: the next
        request leaves it out.
        """
        if "stream_options" in asked and "stream_options" in detail:
            log.info("this host knows no stream_options: it is not asked for the usage any more")
            self._asks_usage = False
        elif "max_tokens" in asked and "max_completion_tokens" in detail:
            log.info("%s takes max_completion_tokens, as reasoning models do", model)
            self._reasoning.add(model)
        else:
            return False
        return True

    async def _stream(
        self, request: ChatRequest, options: dict[str, Any]
    ) -> AsyncGenerator[str | Ended]:
        chunks, began = Chunks(), False
        try:
            async with self._client.streamed(
                "/chat/completions", _body(request, options), model=request.model
            ) as blocks:
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


def _body(request: ChatRequest, options: Mapping[str, object]) -> bytes:
    """What is asked, as JSON: it may be long, and is kept until the reply has ended."""
    messages = _messages(request.turns)
    body = {"model": request.model, "messages": messages, "stream": True, **options}
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _messages(turns: tuple[Turn, ...]) -> Any:
    """Turns as the API takes them. Half of a character (a lone surrogate) cannot be sent."""
    return [{"role": turn.role.value, "content": _content(turn)} for turn in turns]


def _content(turn: Turn) -> Any:
    text = turn.text.encode(errors="replace").decode()
    if not turn.images:
        return text  # hosts that see nothing know no parts
    images = [{"type": "image_url", "image_url": {"url": url}} for url in turn.images]
    return [{"type": "text", "text": text}, *images]


async def _read_out(blocks: Blocks) -> None:
    """Read the end of an answer, so that its connection can serve the next one."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LAST_BYTES_SECONDS):
            await blocks.read_out()
