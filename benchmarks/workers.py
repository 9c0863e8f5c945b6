"""Many processes on PostgreSQL: how replies grow with workers, and what a killed one costs.

Two bounds are told apart. What a worker waits for: it answers a few chats at once
(WORKER_CONCURRENCY), a reply takes the stand-in's model some seconds, and nothing is computed
meanwhile; this bound grows with workers, on any machine. And what processors can do: all processes,
the database and the stand-ins are on the same cores, and however many workers there are, they share
those. So what is measured here is that workers are not in each other's way, as long as there are
cores left; how many processors' worth of workers one database bears takes more cores than this.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.messages import ask, cpu_seconds, cpu_seconds_of_family, process, settings, standin
from tests.standins import postgres

CONCURRENCY = 4  # chats that a worker answers at once
CHATS, MESSAGES = 16, 4
# Seconds that the model takes for a reply. A long time makes what is measured depend little on what
# else a machine does; with a short one, workers that are killed every few seconds get some done.
LONG, SHORT = 5.0, 1.0
WITHIN = 400.0  # seconds for everything, also on a busy machine
KILL_EVERY = 5.0  # seconds
AFTER = 10.0  # seconds; longer than a dead worker's messages wait to be taken over
_ANSWERED = 4  # messages, between two that are killed
_WORKS = """
    SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE application_name = %s AND classid = 7301936
"""  # storage/living.py


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of all messages."""

    workers: int
    messages: int
    reply_seconds: float  # that the model takes
    seconds: float  # from the first message to the last answer
    lost: int  # were not answered
    doubled: int  # were answered twice, without a word that this may be so
    marked: int  # were answered twice, with that word
    disordered: int  # chats in which an answer came before one that it should come after
    killed: int
    cpu: dict[str, float]  # seconds of processor a reply, by what they went into

    @property
    def rate(self) -> float:
        """Replies a second."""
        return (self.messages - self.lost) / self.seconds

    @property
    def by_waiting(self) -> float:
        """Replies a second that the workers' concurrency allows."""
        return self.workers * CONCURRENCY / self.reply_seconds

    @property
    def by_processors(self) -> float:
        """Replies a second that this machine's cores allow, if nothing else ran there."""
        return cores() / sum(self.cpu.values())


def cores() -> int:
    """That these processes may run on."""
    return len(os.sched_getaffinity(0))


class _Workers:
    """Processes that answer, one of which may be killed at any moment in which it works."""

    def __init__(self, url: str, settings: dict[str, str], stack: AsyncExitStack) -> None:
        self._url = url
        self._settings = settings
        self._stack = stack
        self._started = 0
        self._since: dict[Process, float] = {}  # when those that run began to work
        self.killed = 0

    @property
    def running(self) -> list[Process]:
        return list(self._since)

    async def start(self) -> None:
        """One more; returns when it takes messages."""
        self._started += 1
        name = f"worker{self._started}"
        settings = self._settings | {"DATABASE_URL": f"{self._url}&application_name={name}"}
        worker = await self._stack.enter_async_context(
            process("-m", "bot", "--role", "worker", **settings)
        )
        while not await asyncio.to_thread(self._works, name):  # noqa: ASYNC110  (others do it)
            await asyncio.sleep(0.1)
        self._since[worker] = time.monotonic()

    def _works(self, name: str) -> bool:
        """Whether it is known in the database as one that lives, and takes messages."""
        with psycopg.connect(self._url) as connection:
            return connection.execute(_WORKS, (name,)).fetchone() is not None

    async def kill_every(self, seconds: float, left: Callable[[], Awaitable[int]]) -> None:
        """Until cancelled: one of those that have worked so long, if something was answered since
        the last one was killed, and another one takes its place. Where a processor is so busy that
        nothing is done in that time, fewer are killed.
        """
        chance, before = random.Random(1), await left()
        async with asyncio.TaskGroup() as starting:
            while True:
                await asyncio.sleep(seconds)
                while await left() > before - _ANSWERED:  # noqa: ASYNC110  (others do it)
                    await asyncio.sleep(0.2)
                while not (ripe := self._ripe(seconds)):  # noqa: ASYNC110  (it comes with time)
                    await asyncio.sleep(0.1)
                before = await left()
                victim = chance.choice(ripe)
                del self._since[victim]
                victim.send_signal(signal.SIGKILL)
                self.killed += 1
                starting.create_task(self.start())

    def _ripe(self, seconds: float) -> list[Process]:
        now = time.monotonic()
        return [worker for worker, since in self._since.items() if now - since >= seconds]


async def measure(
    cluster: postgres.Cluster,
    *,
    workers: int,
    chats: int = CHATS,
    messages: int = MESSAGES,
    seconds: float = SHORT,
    kill_every: float | None = None,
) -> Measured:
    """Many people write several messages each at once, to an installation of its own."""
    async with AsyncExitStack() as stack:
        base, standins = await stack.enter_async_context(standin())
        url = cluster.create()
        common = settings(base, url) | {"WORKER_CONCURRENCY": str(CONCURRENCY)}
        receiver = await stack.enter_async_context(
            process("-m", "bot", "--role", "receiver", **common)
        )
        serving = _Workers(url, common, stack)
        await asyncio.to_thread(ask, f"{base}/operator", "/newavatar Bench")
        # The first one brings the database up to date, for which all others would wait.
        for _ in range(workers):
            await serving.start()
        await _until(f"{base}/report", "done", 1)
        # All are warm before the clock runs.
        for _ in range(2):
            await asyncio.to_thread(ask, f"{base}/talk", f"{workers * CONCURRENCY} 2 {SHORT}")
            await _until(f"{base}/talk", "left", 0)

        def computed() -> dict[str, float]:
            return {
                "workers": sum(cpu_seconds(worker.pid) for worker in serving.running),
                "receiver": cpu_seconds(receiver.pid),
                "database": cpu_seconds_of_family(cluster.pid),
                "stand-ins": cpu_seconds(standins.pid),
            }

        async def left() -> int:
            return int(json.loads(await asyncio.to_thread(ask, f"{base}/talk"))["left"])

        before, killing = computed(), None
        await asyncio.to_thread(ask, f"{base}/talk", f"{chats} {messages} {seconds}")
        if kill_every is not None:
            killing = asyncio.create_task(serving.kill_every(kill_every, left))
        report = await _until(f"{base}/talk", "left", 0)
        after = computed()
        if killing is not None:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
            await asyncio.sleep(AFTER)  # what a dead one had begun comes now, if it comes twice
            report = json.loads(await asyncio.to_thread(ask, f"{base}/talk"))
    asked = chats * messages
    return Measured(
        workers=workers,
        messages=asked,
        reply_seconds=seconds,
        seconds=report["seconds"],
        lost=report["left"],
        doubled=report["doubled"],
        marked=report["marked"],
        disordered=report["disordered"],
        killed=serving.killed,
        cpu={part: (after[part] - before[part]) / asked for part in after},
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
        one = await measure(cluster, workers=1, seconds=LONG)
        two = await measure(cluster, workers=2, seconds=LONG)
        killed = await measure(cluster, workers=2, messages=2 * MESSAGES, kill_every=KILL_EVERY)
    return [
        f"Workers on PostgreSQL, with the database and the stand-ins on {cores()} core(s): "
        f"{CHATS} chats, the model takes {LONG:.0f} s for a reply, each worker answers "
        f"{CONCURRENCY} chats at once",
        *_lines(one),
        *_lines(two),
        f"  two workers: {two.rate / one.rate:.2f} times the replies of one (waiting is their "
        f"bound here, and grows with them; the processors' does not)",
        _killed(killed),
    ]


def _lines(found: Measured) -> list[str]:
    cpu = ", ".join(f"{part} {seconds * 1000:.0f}" for part, seconds in found.cpu.items())
    return [
        f"  {found.workers} worker(s): {found.messages} messages, {found.rate:.2f} replies/s; "
        f"at most {found.by_waiting:.1f} by the model's seconds and what workers do at once, "
        f"{found.by_processors:.0f} by the processors",
        f"    {sum(found.cpu.values()) * 1000:.0f} ms of processor a reply ({cpu})",
    ]


def _killed(found: Measured) -> str:
    return (
        f"  replies of {found.reply_seconds:.0f} s, {found.workers} workers, one killed every "
        f"{KILL_EVERY:.0f} s in which something was answered ({found.killed} in all) and another "
        f"one started: {found.messages} messages, {found.rate:.2f} replies/s; {found.lost} lost, "
        f"{found.doubled} doubled ({found.marked} said again with a word that it may be so), "
        f"{found.disordered} chats out of order"
    )


if __name__ == "__main__":
    for each in asyncio.run(workers()):
        sys.stdout.write(each + "\n")
