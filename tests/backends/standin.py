"""A host of the API that says what a test scripts: over HTTP, and able to break connections.

Bare asyncio instead of a web framework, because those do not let an answer end in the middle.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked. `connection` counts the connections, from 0."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> dict[str, object]:
        read = json.loads(self.body)
        assert isinstance(read, dict)
        return read


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered: `parts` one after the other with `pause` seconds between, then the end."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    parts: Sequence[bytes] = ()
    pause: float = 0.0
    # complete: as HTTP wants it; cut: the connection is closed before the answer was complete;
    # until_close: no length is given, closing is the end; hang: nothing more until the client goes
    end: str = "complete"


def said(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return Answer(
        status=status,
        headers={"content-type": "application/json"} | _dashed(headers),
        parts=[json.dumps(body).encode()],
    )


def refused(status: int, message: str = "no", *, code: object = None, **headers: str) -> Answer:
    """An error in OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return said({"error": error}, status, **headers)


def streamed(*parts: bytes, end: str = "complete", pause: float = 0.0) -> Answer:
    """A stream of events."""
    return Answer(headers={"content-type": "text/event-stream"}, parts=parts, end=end, pause=pause)


def text(content: str | None, finish: str | None = None) -> bytes:
    """An event with a piece of text."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return event({"choices": [choice]})


def event(body: object) -> bytes:
    """An event as OpenAI sends it: its characters are not escaped."""
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
DROPPED = Answer(status=0, end="cut")  # the connection is closed without any answer


class Standin:
    """The host: `requests` it got, and the answers it will give, in order."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: deque[Answer] = deque()
        self.asked = asyncio.Event()  # a request has come
        self.left = asyncio.Event()  # a client went away in the middle of an answer
        self.base_url = ""
        self._connections = 0
        self._serving: set[asyncio.Task[None]] = set()

    def will(self, *answers: Answer) -> None:
        """Answer with these next."""
        self.answers.extend(answers)

    def answer(self, request: Request) -> Answer:
        """What is answered to it: the next in order."""
        self.asked.set()
        return self.answers.popleft() if self.answers else refused(418, "not scripted")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Standin"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.base_url = f"http://{host}:{port}/v1"
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        number, self._connections = self._connections, self._connections + 1
        try:
            while (request := await _request(reader, number)) is not None:
                self.requests.append(request)
                if not await self._answer(self.answer(request), reader, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """False: the connection is over."""
        if answer.status == 0:
            return False
        chunked = answer.end != "until_close"
        headers = answer.headers | (
            {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{head}\r\n".encode())
        for part in answer.parts:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            await writer.drain()
            if answer.pause:
                await asyncio.sleep(answer.pause)
        if answer.end == "hang":
            if await reader.read(1) == b"":
                self.left.set()
            return False
        if answer.end == "complete":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return answer.end == "complete"


async def _request(reader: asyncio.StreamReader, connection: int) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    url = urlsplit(target)
    return Request(
        method=method,
        path=url.path,
        query=parse_qs(url.query),
        headers=headers,
        body=await reader.readexactly(int(headers.get("content-length", "0"))),
        connection=connection,
    )


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
