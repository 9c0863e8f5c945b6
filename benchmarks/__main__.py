"""`make bench`: what things cost, as ratios within one run."""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from avatar.records import Author
from benchmarks.exports import main as exports
from benchmarks.messages import messages
from benchmarks.workers import workers
from modelserver.engine import Said
from modelserver.imitator import voice
from modelserver.imitator.index import Entry, Index
from storage.store import SqlStore, open_store

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def imitator() -> None:
    """Replies from 10,000 examples against replies from 100."""
    chance = random.Random(1)
    words = [f"word{i}" for i in range(2000)] + ["the", "a", "is", "you"] * 50

    def line() -> str:
        return " ".join(chance.choices(words, k=12))

    times = {}
    for size in (100, 10_000):
        index = Index([Entry(line(), "", line()) for _ in range(size)])
        asked = [[Said("user", line())] for _ in range(50)]
        taken = []
        for conversation in asked:
            began = time.perf_counter()
            voice.trained(index, conversation)
            taken.append(time.perf_counter() - began)
        times[size] = statistics.median(taken) * 1000
    say(
        f"imitator: {times[10_000]:.2f} ms a reply from 10,000 examples, "
        f"{times[10_000] / times[100]:.1f} times that from 100"
    )


async def _median(call: Callable[[], Awaitable[object]], times: int = 40) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


async def history(store: SqlStore) -> None:
    """A page of /history and a version by number: of 10 versions against 2,000."""
    person = await store.person(Author(platform="terminal", external_id="1", name="Ann"))
    times = {}
    for size in (10, 2_000):
        avatar = await store.add_avatar(
            slug=f"a{size}",
            name="A",
            provider="embedded",
            base_model="imitator-1",
            owner_id=person.id,
            now=NOW,
        )
        for i in range(size):
            await store.add_prompt(
                avatar_id=avatar.id,
                prompt=f"Prompt {i}",
                note="",
                person_id=person.id,
                now=NOW + timedelta(seconds=i),
            )

        async def page(avatar_id: int = avatar.id) -> object:
            return await store.history(avatar_id, limit=6, offset=0)

        times[size] = await _median(page)
    say(
        f"/history: {times[2_000]:.2f} ms a page of 2,000 versions, "
        f"{times[2_000] / times[10]:.2f} times that of 10"
    )


async def main() -> None:
    imitator()
    exports()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        async with open_store(f"sqlite+aiosqlite:///{path}") as store:
            await history(store)
    for line in await messages():
        say(line)
    for line in await workers():
        say(line)


asyncio.run(main())
