"""A small HTTP server on the loopback that can also misbehave: hang up, or never answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import h11


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request."""

    method: str
    target: str  # path and query, as sent
    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A response. `reset` hangs up without one."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    reset: bool = False


Answer = Callable[[Asked], Awaitable[Answered]]


@asynccontextmanager
async def deaf() -> AsyncIterator[str]:
    """The URL of a server that accepts connections and reads nothing."""
    writers: list[asyncio.StreamWriter] = []

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, limit=2**10)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


class Loopback:
    """`async with Loopback(answer) as server:` serves at `server.url` until the end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            writer.transport.abort()  # the client left, or the test is over
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = h11.Connection(h11.SERVER)
        while (asked := await _read(wire, reader)) is not None:
            answered = await self._answer(asked)
            if answered.reset:
                writer.transport.abort()
                return
            headers = [
                ("content-type", answered.content_type),
                ("content-length", str(len(answered.body))),
            ]
            sent = wire.send(h11.Response(status_code=answered.status, headers=headers))
            sent = (sent or b"") + (wire.send(h11.Data(data=answered.body)) or b"")
            writer.write(sent + (wire.send(h11.EndOfMessage()) or b""))
            await writer.drain()
            if wire.our_state is not h11.DONE or wire.their_state is not h11.DONE:
                return
            wire.start_next_cycle()


async def _read(wire: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            types = [value for name, value in request.headers if name == b"content-type"]
            return Asked(
                method=request.method.decode(),
                target=request.target.decode(),
                content_type=types[0].decode() if types else "",
                body=bytes(body),
            )
        else:
            return None
