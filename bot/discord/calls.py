"""How Discord is called, and what its errors mean. Rate limits are discord.py's business: it waits
before a limit is reached.
"""

import asyncio
import io
import json
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
import discord
from discord.http import Route

from avatar.errors import NotDelivered, Unreachable
from bot.discord.client import Client
from bot.discord.pace import Pace

log = logging.getLogger(__name__)

Json = dict[str, Any]

_TRIES = 4
# Unknown message, somebody else's, in an archived thread: only what is sent anew is seen.
_GONE = frozenset({10008, 50005, 50083})
_STALE = frozenset({10015, 10062, 50027})  # unknown webhook, unknown interaction, invalid token
_ACKNOWLEDGED = 40060
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


class Gone(Exception):
    """There is no such message that we could edit any more."""


class Stale(Exception):
    """The interaction can no longer be answered."""


class Acknowledged(Exception):
    """The interaction has had its first answer."""


class Calls:
    """Calls that raise the three above, Unreachable and NotDelivered, and nothing else."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    async def call(
        self,
        route: Route,
        body: Json | None = None,
        *,
        file: tuple[str, bytes] | None = None,
        query: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """The answer. With `repeatable`, a call whose connection broke is made again: doing it
        twice must be the same as doing it once.
        """
        try:
            async with asyncio.timeout(self._pace.patience):
                return await self._tried(route, body, file, query or {}, repeatable=repeatable)
        except discord.RateLimited as error:
            raise NotDelivered(retry_after=error.retry_after, detail="Discord's limit") from error
        except discord.HTTPException as error:
            raise _meant(error) from error
        except (*_BROKEN, ValueError) as error:  # the last: no JSON, in spite of what it says
            raise NotDelivered(detail=f"Discord: {type(error).__name__} {error}") from error

    async def _tried(
        self,
        route: Route,
        body: Json | None,
        file: tuple[str, bytes] | None,
        query: Mapping[str, str],
        *,
        repeatable: bool,
    ) -> Any:
        tries = 0
        while True:
            try:
                payload = _payload(body, file)
                return await self._client.http.request(route, params=query, **payload)
            except _BROKEN as error:
                tries += 1
                unsent = isinstance(error, aiohttp.ClientConnectorError)
                if tries == _TRIES or not (repeatable or unsent):
                    raise
                log.info("a call to Discord broke: %s", type(error).__name__)
                await asyncio.sleep(self._pace.pause * 2 ** (tries - 1))


def _payload(body: Json | None, file: tuple[str, bytes] | None) -> dict[str, Any]:
    if file is None:
        return {} if body is None else {"json": body}
    name, content = file
    told = {**(body or {}), "attachments": [{"id": "0", "filename": name}]}
    opened = io.BytesIO(content)
    return {
        "files": [discord.File(opened, name)],
        "form": [
            {"name": "payload_json", "value": json.dumps(told)},
            {
                "name": "files[0]",
                "value": opened,
                "filename": name,
                "content_type": "application/octet-stream",
            },
        ],
    }


def _meant(error: discord.HTTPException) -> Exception:
    detail = f"Discord answered {error.status} ({error.code}): {error.text}"
    if error.code in _GONE:
        return Gone(detail)
    if error.code in _STALE:
        return Stale(detail)
    if error.code == _ACKNOWLEDGED:
        return Acknowledged(detail)
    if error.status in {401, 408, 429} or error.status >= 500:
        return NotDelivered(detail=detail)
    return Unreachable(detail=detail)
