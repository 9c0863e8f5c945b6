"""Many processes on PostgreSQL: how replies grow with workers, and what a killed one costs.

On two cores that are shared with the database and the stand-ins, a processor would be what limits
everything. So each worker may answer a few chats at once (WORKER_CONCURRENCY), a reply takes the
stand-in's model about a second, and the workers, not the processors, are the narrow place.
"""

import asyncio
import json
import random
import signal
import sys
from asyncio.subprocess import Process
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.messages import ask, base_of, process
from tests.standins import postgres

CONCURRENCY = 2  # chats that a worker answers at once
CHATS, MESSAGES = 16, 4
WITHIN = 240.0  # seconds for everything
KILL_EVERY = 5.0  # seconds
AFTER = 15.0  # seconds; longer than a dead worker's messages wait to be taken over


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of all messages."""

    workers: int
    messages: int
    seconds: float
    lost: int  # were not answered
    doubled: int  # were answered twice, without a word that this may be so
    marked: int  # were answered twice, with that word
    disordered: int  # chats in which an answer came before one that it should come after
    killed: int

    @property
    def rate(self) -> float:
        """Replies a second."""
        return self.messages / self.seconds


class _Workers:
    """Processes that answer, one of which may be killed at any moment."""

    def __init__(self, settings: dict[str, str], stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._running: list[Process] = []
        self.killed = 0

    async def start(self) -> None:
        """One more."""
        self._running.append(
            await self._stack.enter_async_context(
                process("-m", "bot", "--role", "worker", **self._settings)
            )
        )

    async def kill_every(self, seconds: float) -> None:
        """Until cancelled; another one takes the place of each."""
        chance = random.Random(1)
        while True:
            await asyncio.sleep(seconds)
            victim = self._running.pop(chance.randrange(len(self._running)))
            victim.send_signal(signal.SIGKILL)
            self.killed += 1
            await self.start()


def _settings(url: str, base: str) -> dict[str, str]:
    return {
        "TELEGRAM_TOKEN": "123456:" + "a" * 35,
        "TELEGRAM_API_URL": base,
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_KEY": "any",
        "BASE_MODEL": "m",
        "DATABASE_URL": url,
        "OPERATORS": "telegram:1",
        "MESSAGES_PER_MINUTE": "none",
        "WORKER_CONCURRENCY": str(CONCURRENCY),
        "LOG_LEVEL": "error",
    }


async def measure(
    cluster: postgres.Cluster,
    *,
    workers: int,
    chats: int = CHATS,
    messages: int = MESSAGES,
    kill_every: float | None = None,
) -> Measured:
    """Many people write several messages each at once, to an installation of its own."""
    async with AsyncExitStack() as stack:
        standin = await stack.enter_async_context(process("-m", "benchmarks.standin"))
        base = await base_of(standin)
        settings = _settings(cluster.create(), base)
        await stack.enter_async_context(process("-m", "bot", "--role", "receiver", **settings))
        serving = _Workers(settings, stack)
        for _ in range(workers):
            await serving.start()
        await asyncio.to_thread(ask, f"{base}/operator", "/newavatar Bench")
        await _until(f"{base}/report", "done", 1)
        # All are up and connected before the clock runs.
        for _ in range(2):
            await asyncio.to_thread(ask, f"{base}/talk", f"{workers * CONCURRENCY} 2")
            await _until(f"{base}/talk", "left", 0)
        killing = None
        if kill_every is not None:
            killing = asyncio.create_task(serving.kill_every(kill_every))
        await asyncio.to_thread(ask, f"{base}/talk", f"{chats} {messages}")
        report = await _until(f"{base}/talk", "left", 0)
        if killing is not None:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
            await asyncio.sleep(AFTER)  # what a dead one had begun comes now, if it comes twice
            report = json.loads(await asyncio.to_thread(ask, f"{base}/talk"))
    return Measured(
        workers=workers,
        messages=chats * messages,
        seconds=report["seconds"],
        lost=report["left"],
        doubled=report["doubled"],
        marked=report["marked"],
        disordered=report["disordered"],
        killed=serving.killed,
    )


async def _until(url: str, name: str, value: int) -> dict[str, Any]:
    """The report once a number of it is that; or the last one, after a long wait."""
    report: dict[str, Any] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while report.get(name) != value:
                await asyncio.sleep(0.2)
                report = json.loads(await asyncio.to_thread(ask, url))
    return report


async def workers() -> list[str]:
    """Lines of what was measured; one that says so where PostgreSQL is not installed."""
    if postgres.programs() is None:
        return ["workers: not measured, PostgreSQL is not installed"]
    with postgres.running() as cluster:
        one = await measure(cluster, workers=1)
        two = await measure(cluster, workers=2)
        killed = await measure(cluster, workers=2, messages=2 * MESSAGES, kill_every=KILL_EVERY)
    lines = [
        f"Workers on PostgreSQL: {CHATS} chats of several messages, a second of the model a "
        f"reply, {CONCURRENCY} chats at once a worker; database and stand-ins on the same cores"
    ]
    lines += [_line(each) for each in (one, two, killed)]
    lines.append(f"  two workers: {two.rate / one.rate:.2f} times the replies of one")
    return lines


def _line(found: Measured) -> str:
    return (
        f"  {found.workers} worker(s), {found.killed} killed: {found.messages} messages, "
        f"{found.rate:5.1f} replies/s; {found.lost} lost, {found.doubled} doubled "
        f"({found.marked} said again with a word that it may be so), "
        f"{found.disordered} chats out of order"
    )


if __name__ == "__main__":
    for each in asyncio.run(workers()):
        sys.stdout.write(each + "\n")
