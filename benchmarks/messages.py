"""Many people write at once: the bot as a process, with its database on, against the floor."""

import asyncio
import json
import os
import resource
import signal
import statistics
import sys
import tempfile
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bot.__main__ import STARTED
from bot.loops import fast_loop

ROOT = Path(__file__).parent.parent
CROWDS = (50, 200, 500, 2_000)
ROUNDS = 3  # the machine's speed varies: the floor is measured beside the bot, again and again
WITHIN = 300.0  # seconds for a crowd
FILES = 16_384  # open files: every reply holds connections


def ask(url: str, data: str | None = None) -> bytes:
    with urllib.request.urlopen(url, None if data is None else data.encode(), timeout=30) as said:
        return bytes(said.read())


@asynccontextmanager
async def process(*command: str, **settings: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        stdout=PIPE if "benchmarks.standin" in command else DEVNULL,
        stderr=None,
        env={**os.environ, **settings},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # it was killed
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


def _peak_kb(process: Process) -> int:
    """The most memory that a process ever had, in kB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _stat(pid: int) -> list[str]:
    """What the kernel says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    """The time that a process has computed so far: unlike all other times here it does not depend
    on what else the machine does.
    """
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_family(pid: int) -> float:
    """Of a process and those that it started, also those that have ended."""
    ended = sum(map(int, _stat(pid)[13:15])) / os.sysconf("SC_CLK_TCK")
    total = cpu_seconds(pid) + ended
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if int(_stat(int(folder.name))[1]) == pid:
                total += cpu_seconds(int(folder.name))
    return total


async def _crowd(base: str, people: int, process: Process, *, first: int = 1) -> dict[str, Any]:
    before = cpu_seconds(process.pid)
    await asyncio.to_thread(ask, f"{base}/people", f"{people} {first}")
    report = await _done(base, people)
    return report | {
        "cpu": (cpu_seconds(process.pid) - before) / people * 1000,
        "peak": _peak_kb(process),
    }


async def _done(base: str, people: int) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN):
        while True:
            await asyncio.sleep(0.3)
            report: dict[str, Any] = json.loads(await asyncio.to_thread(ask, f"{base}/report"))
            if report["done"] >= people:
                return report


def _line(name: str, people: int, report: dict[str, Any]) -> str:
    first, last = sorted(report["first"]), sorted(report["last"])
    p95 = round(0.95 * (people - 1))
    words = (
        f"  {name:<9} {people:>5} people: first sight {statistics.median(first):5.2f} s "
        f"(95 %: {first[p95]:5.2f}), last call {statistics.median(last):5.2f} s "
        f"(95 %: {last[p95]:5.2f}), {report['calls'] / people:.1f} calls a reply, "
        f"{people / max(last):5.0f} replies/s, {report['cpu']:.1f} ms of CPU a reply, "
        f"memory at its peak {report['peak'] / 1024:.0f} MB"
    )
    if (memory := report.get("memory")) is not None:
        words += f" ({memory:.0f} kB a chat in progress)"
    return words


def _last(report: dict[str, Any]) -> float:
    """When half of the people had their reply, in seconds."""
    return float(statistics.median(report["last"]))


def _lines(people: int, rounds: Sequence[dict[str, dict[str, Any]]]) -> list[str]:
    """Of each the round in the middle, and how ours compare with the floor of their round."""
    lines = []
    for name in rounds[0]:
        middle = sorted((each[name] for each in rounds), key=_last)[len(rounds) // 2]
        lines.append(_line(name, people, middle))
        if name == "floor":
            continue
        last = sorted(_last(each[name]) / _last(each["floor"]) for each in rounds)
        cpu = statistics.median(each[name]["cpu"] / each["floor"]["cpu"] for each in rounds)
        lines.append(
            f"            {statistics.median(last):.2f} times the floor at the last call "
            f"({last[0]:.2f} to {last[-1]:.2f}), {cpu:.1f} times its CPU"
        )
    return lines


def _loop_name() -> str:
    loop = fast_loop()
    loop.close()
    return type(loop).__module__.partition(".")[0]


async def messages(crowds: tuple[int, ...] = CROWDS) -> list[str]:
    """Lines of what was measured."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    lines = [
        "Telegram: 60 tokens, one each 20 ms, after 0.3 s; the stand-ins on the same "
        f"{os.cpu_count()} cores; floor and bot both on {_loop_name()}; strangers are people who "
        f"write for the first time, known ones the same once more; the middle of {ROUNDS} rounds"
    ]
    async with AsyncExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        theirs, _ = await running.enter_async_context(standin())
        bare = await running.enter_async_context(process("-m", "benchmarks.floor", theirs))
        base, _ = await running.enter_async_context(standin())
        bot = await running.enter_async_context(
            process("-m", "bot", **settings(base, f"sqlite:///{folder}/bench.db"))
        )
        await asyncio.to_thread(ask, f"{base}/operator", "/newavatar Bench")
        await _done(base, 1)
        await asyncio.sleep(STARTED + 1)  # what it does once at its start is not measured
        await _crowd(theirs, 10, bare)
        await _crowd(base, 10, bot)
        before, first = _peak_kb(bot), 11
        for people in crowds:
            rounds = []
            for _ in range(ROUNDS):
                each = {"floor": await _crowd(theirs, people, bare)}
                for name in ("strangers", "known"):
                    each[name] = await _crowd(base, people, bot, first=first)
                    each[name]["memory"] = (each[name]["peak"] - before) / people
                rounds.append(each)
                first += people
            lines += _lines(people, rounds)
        lines.append(f"  load average {os.getloadavg()[0]:.1f}")
    return lines


@asynccontextmanager
async def standin(*arguments: str) -> AsyncIterator[tuple[str, Process]]:
    """A stand-in: its URL, and its process."""
    async with process("-m", "benchmarks.standin", *arguments) as running:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{int(await running.stdout.readline())}", running


def settings(base: str, database: str) -> dict[str, str]:
    """Of a bot between the stand-ins at a URL."""
    return {
        "TELEGRAM_TOKEN": "123456:" + "a" * 35,
        "TELEGRAM_API_URL": base,
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_KEY": "any",
        "BASE_MODEL": "m",
        "DATABASE_URL": database,
        "OPERATORS": "telegram:1",
        "MESSAGES_PER_MINUTE": "none",
        "LOG_LEVEL": "error",
    }


if __name__ == "__main__":
    given = tuple(map(int, sys.argv[1:])) or CROWDS
    for each in asyncio.run(messages(given)):
        sys.stdout.write(each + "\n")
