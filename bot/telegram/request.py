"""The bot's connection to Telegram by aiohttp, and what its errors mean.

Through the SDK's own transport, the time of a call grows with the calls in flight (658 calls a
second alone, 177 with 64 at once, as measured); aiohttp's does not.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import aiohttp
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut
from telegram.request import BaseRequest, RequestData

from avatar.certificates import refused_certificate, said_of
from avatar.hosts import proxy_of

API_URL = "https://api.telegram.org"
CONNECTIONS = 512
KEPT_SECONDS = 30.0  # an idle connection
_CONNECT = 10.0
_ANSWER = 20.0
_SLOWEST = 20_000.0  # bytes a second of an upload, at least

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# Raised before anything was sent.
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class AiohttpRequest(BaseRequest):
    """Makes the SDK's requests over one session of aiohttp, which is opened at first use.

    `proxy` is the one to go through.
    """

    def __init__(self, *, connections: int, proxy: str | None) -> None:
        self._connections = connections
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def read_timeout(self) -> float | None:
        return _ANSWER

    async def initialize(self) -> None:
        """Nothing: the session is opened at first use."""

    async def shutdown(self) -> None:
        """Close all connections, for good: another session would be closed by nobody."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, opened in the running event loop. Raises NetworkError once it is closed."""
        if self._closed:
            raise NetworkError("the connection is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=KEPT_SECONDS
                ),
                proxy=self._proxy,
                auto_decompress=True,
            )
        return self._session

    async def do_request(  # noqa: PLR0917  (the SDK calls it so)
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Status and body. Raises TimedOut and NetworkError."""
        connect, answer = _or(connect_timeout, _CONNECT), _or(read_timeout, _ANSWER)
        timeout = aiohttp.ClientTimeout(
            total=_longest(request_data, connect, answer), sock_connect=connect, sock_read=answer
        )
        try:
            async with self.session.request(
                method, url, timeout=timeout, **_body(request_data)
            ) as response:
                if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    raise BadRequest("Request Entity Too Large")  # for good, unlike others
                if response.status == HTTPStatus.GATEWAY_TIMEOUT:
                    raise TimedOut("Gateway Timeout")
                return response.status, await response.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            # The error's own text may hold the URL, and that the token.
            if (reason := refused_certificate(error)) is not None:
                raise NetworkError(said_of(urlsplit(url).hostname or "", reason)) from error
            raise NetworkError(f"aiohttp.{type(error).__name__}") from error


def _or(given: Any, usual: float) -> float | None:
    if given is BaseRequest.DEFAULT_NONE:
        return usual
    return None if given is None else float(given)


def _longest(data: RequestData | None, connect: float | None, answer: float | None) -> float | None:
    """Seconds until an upload must have ended: aiohttp waits for an answer only when all is sent,
    and for ever while a server takes no more of it. Other bodies are sent in one go.
    """
    if data is None or not data.contains_files or connect is None or answer is None:
        return None
    files = (content for _, content, _ in data.multipart_data.values())
    size = sum(len(content) for content in files if isinstance(content, bytes))
    return connect + answer + size / _SLOWEST


def _body(data: RequestData | None) -> dict[str, Any]:
    if data is None:
        return {}
    if not data.contains_files:
        return {"data": urlencode(data.json_parameters).encode(), "headers": _FORM}
    form = aiohttp.FormData(data.json_parameters)
    for name, (filename, content, kind) in data.multipart_data.items():
        # Whole, a large file would be handed over in one piece, and hold up the event loop.
        read = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, read, filename=filename, content_type=kind)
    return {"data": form}


class _Parameters:
    """Parameters that need no types of the SDK: its objects cost more than the call."""

    contains_files = False

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    @property
    def json_parameters(self) -> dict[str, str]:
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in self._given.items()
        }


def seconds(error: RetryAfter) -> float:
    """How long Telegram wants us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def not_carried_out(error: NetworkError) -> bool:
    """Whether a call surely had no effect: it never left, or Telegram's front answered that it
    could not pass it on (5xx). False: the connection broke while the answer was waited for, or the
    front itself waited in vain (504).
    """
    if isinstance(error, BadRequest) or isinstance(error.__cause__, _UNSENT):
        return True
    broke = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
    return not isinstance(error, TimedOut) and not isinstance(error.__cause__, broke)


class Connection:
    """A bot, which was not asked yet who it is, and its files. Raises InvalidToken for an empty
    token.
    """

    def __init__(self, token: str, api_url: str | None) -> None:
        base = (api_url or API_URL).rstrip("/")
        proxy = proxy_of(base)
        self._url = f"{base}/bot{token}"
        self._calls = AiohttpRequest(connections=CONNECTIONS, proxy=proxy)
        self._updates = AiohttpRequest(connections=1, proxy=proxy)
        self.bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._calls,
            get_updates_request=self._updates,
        )

    async def call(self, method: str, given: Mapping[str, Any]) -> Any:
        """Any method, with its parameters as JSON describes them; the result likewise. Raises
        TelegramError, as the bot's own methods do.
        """
        data = cast("RequestData", _Parameters(given))
        return await self._calls.post(f"{self._url}/{method}", data)

    async def pieces(self, url: str) -> AsyncIterator[bytes]:
        """The file at a URL, piece by piece: the SDK would hold it whole in memory. Raises
        aiohttp.ClientError and TimeoutError.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_ANSWER)
        async with self._calls.session.get(url, timeout=timeout) as response:
            response.raise_for_status()
            async for piece in response.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        """Close all connections."""
        await self._calls.shutdown()
        await self._updates.shutdown()
