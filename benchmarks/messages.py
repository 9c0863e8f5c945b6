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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bot.loops import fast_loop

ROOT = Path(__file__).parent.parent
CROWDS = (50, 200, 500, 2_000)
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


def _ours(name: str, people: int, ours: dict[str, Any], floor: dict[str, Any]) -> list[str]:
    """The bot's line, and how it compares with the floor's."""
    last = statistics.median(ours["last"]) / statistics.median(floor["last"])
    return [
        _line(name, people, ours),
        f"            {last:.2f} times the floor at the last call, "
        f"{ours['cpu'] / floor['cpu']:.1f} times its CPU; load average {os.getloadavg()[0]:.1f}",
    ]


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
        "write for the first time, known ones the same once more"
    ]
    with tempfile.TemporaryDirectory() as folder:
        floor: dict[int, dict[str, Any]] = {}
        async with process("-m", "benchmarks.standin") as standin:
            base = await base_of(standin)
            async with process("-m", "benchmarks.floor", base) as bare:
                await _crowd(base, 10, bare)
                for people in crowds:
                    floor[people] = await _crowd(base, people, bare)
        async with process("-m", "benchmarks.standin") as standin:
            base = await base_of(standin)
            settings = {
                "TELEGRAM_TOKEN": "123456:" + "a" * 35,
                "TELEGRAM_API_URL": base,
                "OPENAI_BASE_URL": f"{base}/v1",
                "OPENAI_API_KEY": "any",
                "BASE_MODEL": "m",
                "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bench.db",
                "OPERATORS": "telegram:1",
                "MESSAGES_PER_MINUTE": "none",
                "LOG_LEVEL": "error",
            }
            async with process("-m", "bot", **settings) as bot:
                await asyncio.to_thread(ask, f"{base}/operator", "/newavatar Bench")
                await _done(base, 1)
                await _crowd(base, 10, bot)
                before, first = _peak_kb(bot), 11
                for people in crowds:
                    lines.append(_line("floor", people, floor[people]))
                    for name in ("strangers", "known"):
                        ours = await _crowd(base, people, bot, first=first)
                        ours["memory"] = (ours["peak"] - before) / people
                        lines += _ours(name, people, ours, floor[people])
                    first += people
    return lines


async def base_of(standin: Process) -> str:
    assert standin.stdout is not None
    return f"http://127.0.0.1:{int(await standin.stdout.readline())}"


if __name__ == "__main__":
    given = tuple(map(int, sys.argv[1:])) or CROWDS
    for each in asyncio.run(messages(given)):
        sys.stdout.write(each + "\n")
