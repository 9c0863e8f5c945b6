"""`make soak`: endurance. Many messages through one process; much in the database; many trainings.

    python -m benchmarks.soak [MESSAGES [STORED [VERSIONS [TRAININGS]]]]

The default is a look of a few minutes; the whole of it is 100000 1000000 10000 10000. Memory is the
resident size of the bot's own process (VmRSS), with a server on the same cores that stands in for
Telegram and the provider.
"""

import asyncio
import io
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from avatar.ports import ChatRequest, Ended
from avatar.providers import preset, providers_for
from avatar.records import Author, Finish, Usage
from backends.backend import Backend
from backends.chat import OpenAIChat
from benchmarks.messages import _crowd, _done, ask, process, settings, standin
from bot.composition import bot
from bot.settings import Settings
from bot.terminal.messenger import ADDRESS, TerminalMessenger
from bot.terminal.platform import LinePaper, Typed, author
from bot.welcome import welcome
from jobs.follower import Follower
from storage.database import Database
from storage.store import SqlStore, open_store
from storage.tables import avatars, fine_tune_jobs, messages, versions

NOW = datetime(2026, 11, 1, tzinfo=UTC)
# People who write at once: so few that after the first tenth of the whole every conversation is as
# long as what is read of one, and each reply holds as much from then on.
CROWD = 100
WARM = 0.1  # the share of the messages after which memory should not grow
TIMES_AS_FAST = 10  # the model speaks: how long it takes is of no account here
PAGE = 5_000  # rows written at once
TIMES = 30  # how often something is done for its median


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# --- many messages through one process


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares through (x, y): the slope, and its standard error."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    mx, my = statistics.fmean(xs), statistics.fmean(ys)
    square = sum((x - mx) ** 2 for x in xs)
    rise = sum((x - mx) * (y - my) for x, y in points) / square
    rest = sum((y - my - rise * (x - mx)) ** 2 for x, y in points)
    return rise, (rest / max(1, len(points) - 2) / square) ** 0.5


async def through_one_process(count: int) -> None:
    """How the memory of the process grows with messages."""
    crowd = min(CROWD, max(10, count // 20))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            standin(str(TIMES_AS_FAST)) as (base, _),
            process("-m", "bot", **settings(base, f"sqlite:///{folder}/soak.db")) as running,
        ):
            await asyncio.to_thread(ask, f"{base}/operator", "/newavatar Soak")
            await _done(base, 1)
            points, sent, began = [], 0, time.perf_counter()
            while sent < count:
                await _crowd(base, crowd, running)
                sent += crowd
                points.append((sent / 1000, float(_resident_kb(running.pid))))
            taken = time.perf_counter() - began
    later = [point for point in points if point[0] * 1000 > count * WARM]
    rise, error = slope(later)
    say(
        f"{sent:,} messages, {crowd} at once, {sent / taken:.0f}/s: {points[0][1] / 1024:.1f} MB "
        f"after the first {crowd}, {later[0][1] / 1024:.1f} MB after {later[0][0] * 1000:,.0f}, "
        f"{later[-1][1] / 1024:.1f} MB at the end; slope from there on "
        f"{rise:+.2f} ± {2 * error:.2f} kB per 1,000 messages"
    )


# --- much in the database


async def _answer(_: OpenAIChat, request: ChatRequest) -> AsyncIterator[str | Ended]:
    """A model that costs nothing, so that the rest is what is measured."""
    yield "Well."
    yield Ended(finish=Finish.STOP, usage=Usage(prompt_tokens=10, completion_tokens=2))


async def _filled(url: str, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    database = Database(url)
    try:
        while page := list(itertools.islice(rows, PAGE)):
            async with database.writing() as write:
                await write.execute(sa.insert(table), page)
    finally:
        await database.close()


def _messages(count: int, *, avatar: int, chat: int, person: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        reply = number % 2 == 0
        yield {
            "id": number,
            "chat_id": chat,
            "avatar_id": avatar,
            "person_id": person,
            "role": "assistant" if reply else "user",
            "text": f"what was said as number {number}, some words long as people write",
            "created_at": NOW + timedelta(seconds=number),
            "answers": number - 1 if reply else None,
            "incoming_id": 10_000_000 + number,
        }


def _versions(count: int, *, avatar: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        yield {
            "avatar_id": avatar,
            "number": number,
            "training_type": "prompt_update",
            "status": "completed",
            "note": "",
            "created_at": NOW,
            "prompt": f"Prompt {number}",
            "example_count": 0,
        }


async def _medians(folder: Path, *, stored: int, path: int) -> dict[str, float]:
    """Milliseconds of what people ask for, with so much in the database."""
    url = f"sqlite+aiosqlite:///{folder}/avatar.db"
    messenger = TerminalMessenger(LinePaper(io.StringIO()))
    person = author()
    settings = Settings(
        database_url=url, operators=frozenset({(person.platform, person.external_id)})
    )
    async with bot(settings, {"terminal": messenger}) as (dispatcher, desk):
        await welcome(desk, person)
        known = await desk.store.person(person)
        chat = await desk.store.chat(ADDRESS, now=NOW)
        about = {"avatar": chat.avatar_id or 0, "chat": chat.id, "person": known.id}
        await _filled(url, messages, _messages(stored, **about))
        await _filled(url, versions, _versions(path, avatar=about["avatar"]))
        await _numbers_go_on(url, path)
        typed, found = Typed(messenger), {}
        for said in ("Hello", "/history", "/cost"):
            taken = []
            for _ in range(TIMES):
                incoming = typed.incoming(said)
                began = time.perf_counter()
                await dispatcher.receive(incoming)
                await dispatcher.settled(incoming)
                taken.append(time.perf_counter() - began)
            found[said] = statistics.median(taken) * 1000
    return found


async def _numbers_go_on(url: str, path: int) -> None:
    database = Database(url)
    try:
        async with database.writing() as write:
            await write.execute(
                sa.update(avatars).where(avatars.c.id > 0).values(versions_made=path)
            )
    finally:
        await database.close()


async def much_in_the_database(stored: int, path: int) -> None:
    """What people wait for, against an empty database."""
    OpenAIChat.stream = _answer  # type: ignore[method-assign, assignment]
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        empty = await _medians(Path(small), stored=0, path=0)
        full = await _medians(Path(large), stored=stored, path=path)
    for said, taken in full.items():
        say(
            f"{said if said.startswith('/') else 'a reply'}: {taken:.1f} ms with {stored:,} stored "
            f"messages and {path:,} versions, {taken / empty[said]:.2f} times an empty database"
        )


# --- many trainings


@asynccontextmanager
async def _host(count: int, calls: dict[str, int]) -> AsyncIterator[str]:
    """A provider with so many jobs that run, the newest first in its list."""

    def job(number: int) -> dict[str, Any]:
        return {"id": f"ftjob-{number}", "object": "fine_tuning.job", "status": "running"}

    async def listed(request: web.Request) -> web.Response:
        calls["list"] += 1
        after = request.query.get("after")
        start = count if after is None else int(after.removeprefix("ftjob-")) - 1
        limit = int(request.query["limit"])
        page = [job(number) for number in range(start, max(0, start - limit), -1)]
        return web.json_response(
            {"object": "list", "data": page, "has_more": bool(page) and start > limit}
        )

    async def other(request: web.Request) -> web.Response:
        calls["events" if request.path.endswith("/events") else "other"] += 1
        return web.json_response({"object": "list", "data": [], "has_more": False})

    app = web.Application()
    app.router.add_get("/v1/fine_tuning/jobs", listed)
    app.router.add_get("/v1/{rest:.*}", other)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    yield f"http://127.0.0.1:{address[1]}/v1"
    await runner.cleanup()


class _NobodyListens:
    """A herald for trainings that nobody watches."""

    async def bring(self, notice: object) -> None:
        """Nothing."""

    async def show_progress(self, version: object, job: object) -> None:
        """Nothing."""


async def _trainings(store: SqlStore, url: str, count: int) -> None:
    person = await store.person(Author(platform="terminal", external_id="1", name="Ann"))
    avatar = await store.add_avatar(
        slug="a", name="A", provider="custom", base_model="m", owner_id=person.id, now=NOW
    )
    await _filled(
        url,
        versions,
        (
            each
            | {"id": each["number"], "training_type": "fine_tune", "status": "training"}
            | {"prompt": None, "provider": "openai", "base_model": "m"}
            for each in _versions(count, avatar=avatar.id)
        ),
    )
    await _filled(
        url,
        fine_tune_jobs,
        (
            {
                "version_id": number,
                "key": f"key-{number}",
                "provider": "openai",
                "hyperparameters": {"n_epochs": 3},
                "created_at": NOW,
                "next_poll_at": NOW,
                "remote_file_id": f"file-{number}",
                "create_attempted_at": NOW,
                "remote_job_id": f"ftjob-{number}",
                "remote_status": "running",
                "searches": 0,
                "failures": 0,
            }
            for number in range(1, count + 1)
        ),
    )


async def many_trainings(count: int) -> None:
    """What following all of them once asks of the provider."""
    calls = {"list": 0, "events": 0, "other": 0}
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/avatar.db"
        async with _host(count, calls) as base, open_store(url) as store:
            await _trainings(store, url, count)
            backend = Backend(preset("openai", base_url=base), api_key="any", base_url=base)
            follower = Follower(
                store,
                trainers={"openai": backend.trainer},
                moderators={},
                providers=providers_for(api_key="any", base_url=None, base_model=None),
                herald=_NobodyListens(),
                poll=timedelta(hours=1),
                owner="soak",
                clock=clock,
            )
            began, followed = time.perf_counter(), 0
            while due := await follower.follow_once(clock()):
                followed += due
            taken = time.perf_counter() - began
            await backend.aclose()
    say(
        f"{followed:,} open trainings followed once in {taken:.1f} s: {calls['list']} list calls "
        f"({calls['list'] * 100 / max(1, followed):.2f} per 100), {calls['events']} for events of "
        f"those that are watched, {calls['other']} others"
    )


async def main(
    sent: int = 3_000, stored: int = 100_000, path: int = 2_000, trainings: int = 2_000
) -> None:
    await many_trainings(trainings)
    await much_in_the_database(stored, path)
    await through_one_process(sent)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
