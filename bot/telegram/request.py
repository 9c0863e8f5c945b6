"""The bot's connection to Telegram, and what its errors mean."""

import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cache

import httpx
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut
from telegram.request import HTTPXRequest

API_URL = "https://api.telegram.org"
CONNECTIONS = 256
_CONNECT = 10.0
_ANSWER = 20.0

# Raised before anything was sent.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def _request(connections: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        connect_timeout=_CONNECT,
        read_timeout=_ANSWER,
        write_timeout=_ANSWER,
        pool_timeout=_CONNECT,
        httpx_kwargs={"verify": _certificates()},
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: it takes some 30 ms, and each client would do it anew."""
    return httpx.create_ssl_context()


def seconds(error: RetryAfter) -> float:
    """How long Telegram wants us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def not_carried_out(error: NetworkError) -> bool:
    """Whether a call surely had no effect: it never left, or Telegram's front answered that it
    could not pass it on (5xx). False: the connection broke while the answer was waited for.
    """
    if isinstance(error, BadRequest) or isinstance(error.__cause__, _UNSENT):
        return True
    return not isinstance(error, TimedOut) and not isinstance(error.__cause__, httpx.HTTPError)


class Connection:
    """A bot, which was not asked yet who it is, and its files. Raises InvalidToken for an empty
    token.
    """

    def __init__(self, token: str, api_url: str | None) -> None:
        base = (api_url or API_URL).rstrip("/")
        self._requests = (_request(CONNECTIONS), _request(1))
        self.bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._requests[0],
            get_updates_request=self._requests[1],
        )
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(_ANSWER, connect=_CONNECT), verify=_certificates()
        )

    async def pieces(self, url: str) -> AsyncIterator[bytes]:
        """The file at a URL, piece by piece: the SDK would hold it whole in memory. Raises
        httpx.HTTPError.
        """
        async with self._client.stream("GET", url) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                yield piece

    async def aclose(self) -> None:
        """Close all connections."""
        for request in self._requests:
            await request.shutdown()
        await self._client.aclose()
