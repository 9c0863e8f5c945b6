"""A chat completion: the reply of an engine within the limits of a request, whole or streamed."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from starlette.responses import StreamingResponse
from starlette.types import Send

from modelserver.engine import Ended, Engine, Said, Wish
from modelserver.errors import ApiError, server_error
from modelserver.shelf import Record

log = logging.getLogger(__name__)


def prompt_tokens(engine: Engine, messages: Sequence[Said]) -> int:
    """3, and 4 a message with the tokens of its text: what OpenAI's chat format comes to."""
    return 3 + sum(4 + engine.tokens(message.text) for message in messages)


class Reply:
    """A reply within its limits. `finish` and `usage` are right once it has ended."""

    def __init__(
        self,
        engine: Engine,
        folder: Path | None,
        messages: Sequence[Said],
        *,
        prompt_tokens: int,  # of the messages, as they are counted here
        wish: Wish,
        stops: Sequence[str],
        ending: Callable[[], bool],  # whether the server ends: a reply in progress is cut then
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._messages = messages
        self._prompt_tokens = prompt_tokens
        self._wish = wish
        self._longest = wish.longest
        self._stops = stops
        self._ending = ending
        self._said = ""
        self._end: Ended | None = None
        self.finish = "stop"

    async def pieces(self) -> AsyncGenerator[str, None]:
        """The text, up to a stop text or the longest length. Raises ApiError when it is cut."""
        # The beginning of a stop text may come in one piece and its end in the next.
        hold = max((len(stop) - 1 for stop in self._stops), default=0)
        read, given, most = "", 0, 0
        async with aclosing(self._engine.reply(self._folder, self._messages, self._wish)) as source:
            async for piece in source:
                if self._ending():
                    raise server_error("The server is shutting down.", 503)
                if isinstance(piece, Ended):
                    self._end, self.finish = piece, piece.finish
                    break
                read += piece
                over = False
                if self._longest is not None:
                    # Never less than the tokens of what was read.
                    most += self._engine.tokens(piece)
                    if most > self._longest:
                        most = self._engine.tokens(read)
                        over = most > self._longest
                if over:
                    read = self._within(read, self._longest or 0)
                    self.finish = "length"
                places = [p for stop in self._stops if (p := read.find(stop)) >= 0]
                if places:
                    read = read[: min(places)]
                    self.finish = "stop"
                ended = over or bool(places)
                ready = len(read) if ended else max(given, len(read) - hold)
                self._said = read
                if ready > given:
                    yield read[given:ready]
                    given = ready
                if ended:
                    return
        if len(read) > given:
            yield read[given:]

    def _within(self, text: str, longest: int) -> str:
        """The longest beginning of a text that is not over so many tokens."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._engine.tokens(text[:middle]) <= longest:
                low = middle
            else:
                high = middle - 1
        return text[:low]

    @property
    def usage(self) -> Record:
        """Tokens, counted by the engine: the imitator's are an estimate."""
        if self._end is not None:
            prompt, completion = self._end.prompt_tokens, self._end.completion_tokens
        else:  # none were told, or the reply was cut here
            prompt = self._prompt_tokens
            completion = self._engine.tokens(self._said)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        }


async def whole(reply: Reply, head: Record) -> Record:
    """The completion as one object."""
    async with aclosing(reply.pieces()) as pieces:
        text = "".join([piece async for piece in pieces])
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "finish_reason": reply.finish,
        "logprobs": None,
    }
    return {**head, "object": "chat.completion", "choices": [choice], "usage": reply.usage}


async def events(reply: Reply, head: Record, *, with_usage: bool) -> AsyncGenerator[bytes, None]:
    """The completion as server-sent events. A failure on the way is an event too."""

    def chunk(choices: list[Record], usage: Record | None = None) -> bytes:
        data = {**head, "object": "chat.completion.chunk", "choices": choices}
        if with_usage:
            data["usage"] = usage
        return _event(data)

    def choice(delta: Record, finish: str | None = None) -> list[Record]:
        return [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]

    yield chunk(choice({"role": "assistant", "content": ""}))
    try:
        async with aclosing(reply.pieces()) as pieces:
            async for piece in pieces:
                yield chunk(choice({"content": piece}))
    except ApiError as error:
        yield _event(error.body)
        return
    except Exception:
        log.exception("a streamed reply failed")
        yield _event(server_error().body)
        return
    yield chunk(choice({}, reply.finish))
    if with_usage:
        yield chunk([], reply.usage)
    yield b"data: [DONE]\n\n"


def _event(data: Record) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


class EventStream(StreamingResponse):
    """A stream of events that ends its source when the caller has gone."""

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            source, media_type="text/event-stream", headers={"cache-control": "no-cache"}
        )
        self._source = source

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._source):
            await super().stream_response(send)
