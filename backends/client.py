"""The `openai` package's client for one host, made when it is first needed.

Importing the package takes a second, so that happens in a thread at first use (or when somebody
calls `warm_up`), and never delays the start of the bot.
"""

import asyncio
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 120.0  # between two pieces of a stream, or until an answer begins
CONNECTIONS = 2_000  # at once: every reply in progress holds one
MAX_RETRIES = 2  # of calls that may be repeated; paid ones are never repeated


class Client:
    """Gives the package's client; closes it at the end."""

    def __init__(self, *, api_key: str | None, base_url: str | None) -> None:
        self._api_key = api_key or "none"  # hosts without keys want the header all the same
        self._base_url = base_url
        self._made: AsyncOpenAI | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> "AsyncOpenAI":
        """The client."""
        async with self._lock:
            if self._made is None:
                await asyncio.to_thread(importlib.import_module, "openai")
                self._made = self._make()
            return self._made

    async def warm_up(self) -> None:
        """Have it ready before somebody waits for it."""
        await self.get()

    async def aclose(self) -> None:
        """Close its connections. It must not be used afterwards."""
        if self._made is not None:
            await self._made.close()

    def _make(self) -> "AsyncOpenAI":
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        return AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=MAX_RETRIES,
            timeout=timeout,
            http_client=DefaultAsyncHttpxClient(
                timeout=timeout,
                limits=httpx2.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS
                ),
            ),
        )
