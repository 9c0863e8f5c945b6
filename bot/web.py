"""The bot's own HTTP server: health, metrics, and what platforms call back.

It runs inside of our event loop and leaves the process's signals alone. It speaks plain HTTP and
stands behind a proxy that speaks TLS; HTTP_HOST and HTTP_PORT say where it listens.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from avatar.errors import AvatarError
from bot.doors import OF_ROUTES

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1  # that requests in progress get at the end
LISTENING = 2048  # connections that may wait to be taken


class WebRefused(AvatarError):
    """The HTTP server cannot listen at {host} port {port}: {reason}. Check HTTP_HOST, HTTP_PORT."""


class _Quiet(uvicorn.Server):
    """A server that leaves the process's signals alone: its owner decides when it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Web:
    """Serves its routes while the context lasts. `port` 0 takes a free one; `url` says where it
    listens from then on. Entering raises WebRefused. At the end it takes nothing more, and requests
    in progress get CLOSE_SECONDS.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self.routes: list[Route] = []
        self._stack = contextlib.AsyncExitStack()
        self._started = False
        self.url = ""  # http://127.0.0.1:8080, without a slash at its end

    def add(self, *routes: Route) -> None:
        """Serve these too. Only before the context is entered: a path is never there later than
        the port. None without its place in the table of doors.
        """
        if self._started:
            raise RuntimeError("routes are added before the server starts")
        for route in routes:
            if route.path not in OF_ROUTES:
                raise RuntimeError(f"{route.path} is missing from the table of doors")
        self.routes += routes

    async def __aenter__(self) -> "Web":
        self._started = True
        async with contextlib.AsyncExitStack() as stack:
            listener = self._listen()
            stack.callback(listener.close)
            server = _Quiet(
                uvicorn.Config(
                    Starlette(routes=self.routes),
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    proxy_headers=False,  # nothing here believes in who a caller says it is
                    server_header=False,
                    ws="none",
                    timeout_graceful_shutdown=CLOSE_SECONDS,
                )
            )
            serving = asyncio.create_task(server.serve(sockets=[listener]))

            async def close() -> None:
                server.should_exit = True
                await serving
                await asyncio.gather(*server.server_state.tasks, return_exceptions=True)

            stack.push_async_callback(close)
            await server.up.wait()
            host, port = listener.getsockname()[:2]
            self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            log.info("HTTP at %s", self.url)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _listen(self) -> socket.socket:
        """A bound socket: once we hold it, nobody else can have the port."""
        try:
            family, *_, where = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise self._refused(error) from error
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(LISTENING)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise self._refused(error) from error
        return listener

    def _refused(self, error: OSError) -> WebRefused:
        reason = (error.strerror or str(error)).lower()
        return WebRefused(host=self._host, port=self._port, reason=reason, detail=str(error))
