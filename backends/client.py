"""The `openai` package's client for one host, made when it is first needed.

Importing the package takes a second and reading the certificates another tenth, so that happens in
a thread at first use (or when somebody calls `warm_up`), and never delays the start of the bot.
"""

import asyncio
import email.utils
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from avatar import trace
from avatar.errors import QuotaExceeded, WrongKey
from avatar.hosts import on_this_machine
from backends import errors

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 120.0  # between two pieces of a stream, or until an answer begins
CONNECTIONS = 2_000  # at once: every reply in progress holds one
KEPT_SECONDS = 30.0  # an idle connection: the next message then needs no new TLS handshake
MAX_RETRIES = 2  # of calls that may be repeated; paid ones are never repeated
LONGEST_WAIT = 20.0  # seconds; a host that wants a longer pause is overloaded


class Client:
    """Gives the package's client; closes it at the end. `base_url` None means OpenAI."""

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._api_key = api_key or ""
        self._base_url = base_url or "https://api.openai.com/v1"
        self._host = urlsplit(self._base_url).hostname or ""
        self._silence_seconds = silence_seconds
        self._made: AsyncOpenAI | None = None
        self._lock = asyncio.Lock()

    @property
    def secret(self) -> str:
        """What must not be seen in any text; empty where there is no key."""
        return self._api_key

    @asynccontextmanager
    async def using(self, *, model: str = "") -> AsyncIterator["AsyncOpenAI"]:
        """The package's client; its errors leave as ours. `model`: the one that is asked for."""
        made = await self._get()
        try:
            yield made
        except Exception as error:
            ours = errors.translated(error, model=model, secret=self._api_key, host=self._host)
            if ours is None or ours is error:
                raise
            raise ours from error

    async def warm_up(self) -> None:
        """Have it ready before somebody waits for it."""
        await self._get()

    async def aclose(self) -> None:
        """Close its connections. It must not be used afterwards."""
        if self._made is not None:
            await self._made.close()

    async def _get(self) -> "AsyncOpenAI":
        async with self._lock:
            if self._made is None:
                if not (self._api_key.isascii() and self._api_key.isprintable()):
                    # The HTTP library's own error for this would show the key.
                    raise WrongKey(detail="the key has characters that no header can carry")
                self._made = await asyncio.to_thread(self._make)
            return self._made

    def _make(self) -> "AsyncOpenAI":
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        timeout = httpx2.Timeout(self._silence_seconds, connect=CONNECT_SECONDS)
        return AsyncOpenAI(
            api_key=self._api_key or "none",  # hosts without keys want the header all the same
            base_url=self._base_url,
            max_retries=MAX_RETRIES,
            timeout=timeout,
            http_client=DefaultAioHttpClient(
                timeout=timeout,
                limits=httpx2.Limits(
                    max_connections=CONNECTIONS,
                    max_keepalive_connections=CONNECTIONS,
                    keepalive_expiry=KEPT_SECONDS,
                ),
                event_hooks={"request": [_name_it], "response": [_decide_retry]},
                # A proxy of the environment could not reach a server on this machine.
                trust_env=not on_this_machine(self._base_url),
            ),
        )


async def _name_it(request: "httpx2.Request") -> None:
    """Say which request this is, in the header that OpenAI keeps for its support; other hosts
    ignore it. It begins with the word that stands in our log.
    """
    if word := trace.current():
        request.headers["X-Client-Request-Id"] = f"{word}-{secrets.token_hex(4)}"


async def _decide_retry(response: "httpx2.Response") -> None:
    """Tell the package what not to repeat: it would wait for two minutes where a host asks for it,
    and ask an account without credit three times.
    """
    if response.status_code < 400:
        return
    final = _retry_after(response.headers) > LONGEST_WAIT
    if response.status_code == 429 and not final:
        await response.aread()
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            body = None
        reported = errors.reported_in(body, status=429)
        final = isinstance(errors.decided(reported), QuotaExceeded)
    if final:
        response.headers["x-should-retry"] = "false"


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a host asks to wait; 0 where it does not say."""
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "")
        try:
            return float(value) / divisor
        except ValueError:
            continue
    try:
        return email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, ValueError, OverflowError):
        return 0.0
