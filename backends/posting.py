"""Calls that are answered by a stream, over aiohttp.

The `openai` package and its HTTP library build four objects of every URL and header for a request,
and hand every block through six generators: for a reply of some tokens that took twice as long as
everything else that is done for it. What they add is here: the same headers, repeated as they would
repeat.
"""

import asyncio
import io
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from avatar.hosts import proxy_of
from backends import errors, retries
from backends.blocks import Beat, Blocks

log = logging.getLogger(__name__)

_LARGE = 1 << 20  # bytes of a body: pictures are in it


class Posting:
    """A session with one host. Close it at the end."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        more_headers: Callable[[], Mapping[str, str]],
        certificates: ssl.SSLContext,
        timeout: aiohttp.ClientTimeout,
        longest: Callable[[int], float],
        connections: int,
        kept_seconds: float,
    ) -> None:
        """`more_headers` are those of a single request; `longest` says in how many seconds the
        answer to a body of so many bytes must begin, also where a host takes no more of it.
        """
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).hostname
        self._headers = headers
        self._more_headers = more_headers
        self._certificates = certificates
        self._proxy = proxy_of(base_url)
        self._timeout = timeout
        self._longest = longest
        self._connections = connections
        self._kept_seconds = kept_seconds
        self._opened: aiohttp.ClientSession | None = None
        self._beat = Beat()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()

    @asynccontextmanager
    async def answer(
        self, path: str, body: bytes, *, model: str, secret: str
    ) -> AsyncIterator[Blocks]:
        """The answer as it comes. Raises ProviderError where the host refuses, and what aiohttp
        raises.
        """
        async with await self._answered(path, body, model=model, secret=secret) as response:
            with Blocks(response, self._beat) as blocks:
                yield blocks

    async def _answered(
        self, path: str, body: bytes, *, model: str, secret: str
    ) -> aiohttp.ClientResponse:
        tries = 0
        while True:
            try:
                response = await self._post(path, body)
                log.debug("%s of %s: %s", path, self._host, response.status)
                if response.status < 400:
                    return response
                async with response:
                    content = await response.read()
            except (aiohttp.ClientError, TimeoutError):
                if tries == retries.MAX_RETRIES:
                    raise
                wait = retries.own_wait(tries)
            else:
                status = response.status
                asked = retries.wait_after(status, response.headers, content, tries=tries)
                if asked is None or tries == retries.MAX_RETRIES:
                    reported = errors.reported_in(retries.json_or_text(content), status=status)
                    raise errors.decided(reported, model=model, secret=secret)
                wait = asked
            tries += 1
            await asyncio.sleep(wait)

    async def _post(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self._longest(len(body))):
            return await self._session.post(
                f"{self._base_url}{path}",
                # In one piece it would hold up the event loop; in many it takes longer itself.
                data=body if len(body) < _LARGE else io.BytesIO(body),
                headers={**self._headers, **self._more_headers()},
                proxy=self._proxy,
            )

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Opened at first use, in the running event loop."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=self._kept_seconds,
                    ssl=self._certificates,
                ),
                timeout=self._timeout,
            )
        return self._opened
