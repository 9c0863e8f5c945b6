"""The server as an object: for embedding in another program, and for `python -m modelserver`."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from modelserver.app import Api
from modelserver.engine import Engine
from modelserver.imitator.engine import Imitator
from modelserver.jobs import Jobs
from modelserver.shelf import Shelf

TRAINING_SECONDS = 5.0  # of an engine without real work, so that a person sees it progress
CLOSE_SECONDS = 1  # open streams get at the end


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


class KeyNeeded(Exception):
    """A server that is reached from other machines needs an API key."""


class ModelServer:
    """Serves a folder on a port while the context lasts, in the running event loop.

    `port` 0 takes a free one; `training_seconds` is about how long a training of the imitator
    takes, and may be 0; None with an engine that really trains. `base_url` is what clients are
    given. Raises KeyNeeded without a key on a host that is not this machine's own; entering raises
    FolderInUse, EngineFault, sqlite3.Error when the folder's records cannot be read, and OSError,
    for example when the port is taken.
    """

    def __init__(
        self,
        data: Path,
        *,
        engine: Engine | None = None,
        api_key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        training_seconds: float | None = TRAINING_SECONDS,
    ) -> None:
        self._host = "127.0.0.1" if host == "localhost" else host
        self._api_key = api_key or None  # an empty key is none
        if self._api_key is None and not _is_loopback(self._host):
            raise KeyNeeded(f"the host {host} is reached from other machines: give an API key")
        self._data = data.absolute()  # engines hand paths on to other processes
        self._engine = engine or Imitator()
        self._port = port
        self._training_seconds = training_seconds
        self._stack = contextlib.AsyncExitStack()
        self.base_url = ""

    async def __aenter__(self) -> "ModelServer":
        async with contextlib.AsyncExitStack() as stack:
            shelf = await stack.enter_async_context(Shelf(self._data))
            await self._engine.start()
            stack.push_async_callback(self._engine.close)
            jobs = Jobs(shelf, self._engine, seconds=self._training_seconds)
            stack.push_async_callback(jobs.stop)
            listener = self._listen()
            stack.callback(listener.close)
            api = Api(shelf, self._engine, jobs, api_key=self._api_key)
            config = uvicorn.Config(
                api.app(),
                lifespan="off",
                log_config=None,
                access_log=False,
                ws="none",
                timeout_graceful_shutdown=CLOSE_SECONDS,
            )
            server = _Quiet(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))

            async def close() -> None:
                api.end()
                server.should_exit = True
                await serving
                await asyncio.gather(*server.server_state.tasks, return_exceptions=True)

            stack.push_async_callback(close)
            await server.up.wait()
            await jobs.start()
            host, port = listener.getsockname()[:2]
            self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _listen(self) -> socket.socket:
        """A bound socket: once we hold it, nobody else can have the port."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            listener.listen(2048)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
