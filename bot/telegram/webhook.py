"""Where Telegram hands over updates by itself: one place for all bots of this process.

Telegram sends each update to `<TELEGRAM_WEBHOOK_URL>/telegram/<id of the bot>`, with the secret
that it was told in a header. An update is acknowledged only when it lies in the inbox; until then
Telegram sends it again, and the inbox drops what it has already.
"""

import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

log = logging.getLogger(__name__)

PATH = "/telegram/{bot}"
MAX_BYTES = 1_000_000  # of one update: far more than Telegram's longest message with its entities
_HEADER = "X-Telegram-Bot-Api-Secret-Token"

Take = Callable[[Mapping[str, Any]], Awaitable[None]]


class _TooLarge(Exception):
    """More than an update can be."""


class Webhooks:
    """The address of each bot, its secret, and who takes its updates.

    `secret` gives a bot's secret by its id: 1 to 256 of A-Z a-z 0-9 _ and -.
    """

    def __init__(self, url: str, *, secret: Callable[[str], str]) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._takers: dict[str, Take] = {}
        self._nobody = secrets.token_urlsafe(32)  # the secret of bots that we do not have

    @property
    def route(self) -> Route:
        """What the HTTP server serves."""
        return Route(PATH, self._asked, methods=["POST"])

    def moved(self, url: str) -> None:
        """Telegram reaches us elsewhere; for bots whose webhook is set from now on."""
        self._url = url.rstrip("/")

    def url(self, bot: str) -> str:
        """Where Telegram sends a bot's updates. There is no token in it: addresses get logged."""
        return self._url + PATH.format(bot=bot)

    def secret(self, bot: str) -> str:
        """What Telegram is told to send along."""
        return self._secret(bot)

    @contextmanager
    def taking(self, bot: str, take: Take) -> Iterator[None]:
        """Hand a bot's updates to `take` while the context lasts. When it returns, the update is
        acknowledged; when it raises, Telegram is asked to send it again.
        """
        self._takers[bot] = take
        try:
            yield
        finally:
            if self._takers.get(bot) is take:
                del self._takers[bot]

    async def _asked(self, request: Request) -> Response:
        bot = str(request.path_params["bot"])
        take = self._takers.get(bot)
        expected = self._nobody if take is None else self._secret(bot)
        given = request.headers.get(_HEADER, "")
        # The same answer for a bot that we do not have: nobody learns which ones there are.
        if not hmac.compare_digest(given.encode(), expected.encode()) or take is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        try:
            update = json.loads(await _body(request))
        except _TooLarge:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except (ValueError, RecursionError):
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        if not isinstance(update, dict) or type(update.get("update_id")) is not int:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        try:
            await take(update)
        except Exception:
            log.exception(
                "update %s could not be taken: Telegram sends it again", update["update_id"]
            )
            return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
        return Response(status_code=HTTPStatus.OK)


async def _body(request: Request) -> bytes:
    """The whole body. Raises _TooLarge as soon as it is."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            raise _TooLarge
    return bytes(body)
