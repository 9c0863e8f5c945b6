"""Whether the bot lives, and whether it can work: `/healthz`, `/readyz` and `/metrics`."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from avatar.meter import TallyStore
from avatar.ports import Clock
from bot.health import Health
from bot.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")
D = TypeVar("D")

PATIENCE = 3.0  # seconds that the database gets to answer


def routes(
    health: Health, metrics: Metrics, store: TallyStore, *, clock: Clock
) -> tuple[Route, ...]:
    """For the HTTP server."""

    async def healthz(_: Request) -> Response:
        # That this is answered at all says it: the loop turns.
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        faults = health.faults()
        if not await _asked(store.alive(), otherwise=False):
            faults["database"] = "does not answer"
        body: Mapping[str, object] = {"ready": not faults, "faults": faults}
        return JSONResponse(body, status_code=503 if faults else 200)

    async def metrics_(_: Request) -> Response:
        tallies = await _asked(store.tallies(now=clock()), otherwise=None)
        return Response(metrics.text(tallies), headers={"content-type": CONTENT_TYPE})

    return (
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics_),
    )


async def _asked(call: Awaitable[T], *, otherwise: D) -> T | D:
    """What the database says; `otherwise` when it does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await call
    except Exception as error:  # whatever it is, the answer is that it does not answer
        log.warning("the database does not answer: %s", type(error).__name__)
        return otherwise
