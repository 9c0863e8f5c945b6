"""The `openai` package's client for one host, made when it is first needed.

Importing the package takes a second and reading the certificates another tenth, so that happens in
a thread at first use (or when somebody calls `warm_up`), and never delays the start of the bot.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from avatar import trace
from avatar.errors import WrongKey
from avatar.hosts import on_this_machine
from backends import errors, retries
from backends.blocks import Blocks

if TYPE_CHECKING:
    import ssl

    import httpx2
    from openai import AsyncOpenAI

    from backends.posting import Posting

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 120.0  # between two pieces of a stream, or until an answer begins
SLOWEST = 20_000.0  # bytes a second of what is sent, at least
CONNECTIONS = 2_000  # at once: every reply in progress holds one
KEPT_SECONDS = 30.0  # an idle connection: the next message then needs no new TLS handshake


@dataclass(frozen=True, slots=True)
class _Made:
    openai: "AsyncOpenAI"
    posting: "Posting"


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
        self._made: _Made | None = None
        self._lock = asyncio.Lock()

    @property
    def secret(self) -> str:
        """What must not be seen in any text; empty where there is no key."""
        return self._api_key

    @asynccontextmanager
    async def using(self, *, model: str = "", sent: int = 0) -> AsyncIterator["AsyncOpenAI"]:
        """The package's client, for one call; its errors leave as ours. `model`: the one that is
        asked for; `sent`: about how many bytes are.

        The library's own limits begin when all is sent, and begin again with every byte that
        comes: neither a host that takes no more of a file nor one that trickles meets them.
        """
        made = await self._get()
        longest = (1 + retries.MAX_RETRIES) * (self._longest(sent) + retries.LONGEST_WAIT)
        with self._told(model):
            async with asyncio.timeout(longest):
                yield made.openai

    def _longest(self, sent: int) -> float:
        """Seconds until so many bytes are sent once and an answer begins: a connection is waited
        for, too.
        """
        return 2 * self._silence_seconds + CONNECT_SECONDS + sent / SLOWEST

    @asynccontextmanager
    async def streamed(self, path: str, body: bytes, *, model: str) -> AsyncIterator[Blocks]:
        """A call with JSON, answered by a stream: its blocks as they come. Raises our errors."""
        made = await self._get()
        with self._told(model):
            async with made.posting.answer(path, body, model=model, secret=self._api_key) as blocks:
                yield blocks

    @contextmanager
    def _told(self, model: str) -> Iterator[None]:
        """Errors of the package and of HTTP libraries leave as ours."""
        try:
            yield
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
            await self._made.openai.close()
            await self._made.posting.aclose()

    async def _get(self) -> _Made:
        if self._made is not None:
            return self._made
        async with self._lock:
            if self._made is None:
                if not (self._api_key.isascii() and self._api_key.isprintable()):
                    # The HTTP library's own error for this would show the key.
                    raise WrongKey(detail="the key has characters that no header can carry")
                openai, certificates = await asyncio.to_thread(self._make)
                self._made = _Made(openai, self._posting(openai, certificates))
            return self._made

    def _make(self) -> "tuple[AsyncOpenAI, ssl.SSLContext]":
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        import backends.posting  # noqa: F401  (so that nothing is imported in the event loop)

        timeout = httpx2.Timeout(self._silence_seconds, connect=CONNECT_SECONDS)
        openai = AsyncOpenAI(
            api_key=self._api_key or "none",  # hosts without keys want the header all the same
            base_url=self._base_url,
            max_retries=retries.MAX_RETRIES,
            timeout=timeout,
            http_client=DefaultAioHttpClient(
                timeout=timeout,
                limits=httpx2.Limits(
                    max_connections=CONNECTIONS,
                    max_keepalive_connections=CONNECTIONS,
                    keepalive_expiry=KEPT_SECONDS,
                ),
                event_hooks={"request": [_name_it], "response": [_decide_retry]},
                trust_env=self._trust_env,
            ),
        )
        return openai, httpx2.create_ssl_context(trust_env=self._trust_env)

    def _posting(self, openai: "AsyncOpenAI", certificates: "ssl.SSLContext") -> "Posting":
        import aiohttp

        from backends.posting import Posting

        headers = {**openai.default_headers, **openai.auth_headers}
        return Posting(
            self._base_url,
            headers={name: said for name, said in headers.items() if isinstance(said, str)},
            more_headers=_name,
            certificates=certificates,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=self._silence_seconds,  # with the wait for one of the connections
                sock_connect=CONNECT_SECONDS,
                sock_read=self._silence_seconds,
            ),
            longest=self._longest,
            connections=CONNECTIONS,
            kept_seconds=KEPT_SECONDS,
        )

    @property
    def _trust_env(self) -> bool:
        """A proxy of the environment could not reach a server on this machine."""
        return not on_this_machine(self._base_url)


def _name() -> dict[str, str]:
    """Says which request this is, in the header that OpenAI keeps for its support; other hosts
    ignore it. It begins with the word that stands in our log.
    """
    if word := trace.current():
        return {"X-Client-Request-Id": f"{word}-{secrets.token_hex(4)}"}
    return {}


async def _name_it(request: "httpx2.Request") -> None:
    request.headers.update(_name())


async def _decide_retry(response: "httpx2.Response") -> None:
    """Tell the package what not to repeat: it would wait for two minutes where a host asks for it,
    and ask an account without credit three times.
    """
    if response.status_code < 400:
        return
    content = await response.aread() if response.status_code == 429 else b""
    if retries.is_final(response.status_code, response.headers, content):
        response.headers["x-should-retry"] = "false"
