"""What the server keeps: an SQLite file for files, jobs, events and models; contents beside it.

SQLite rather than a file a job: a state and its events are written together or not at all, listing
with a cursor is a query, and kill -9 leaves no half-written record. One thread does all of it, off
the event loop.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from modelserver.disk import remove_folder

T = TypeVar("T")
Record = dict[str, Any]

_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)  # in a folder's name; base models are called org/model
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,              -- file | job | model
    id TEXT NOT NULL UNIQUE,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_kind ON records (kind, seq);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, seq);
"""


def model_folder(data: Path, name: str) -> Path:
    """Where a model is in the folder of a server."""
    return data / "models" / _UNSAFE.sub("_", name)


class FolderInUse(Exception):
    """Another model server works in this folder."""


class UnknownCursor(Exception):
    """A page was asked for after something that is not there."""


class Shelf:
    """A folder of the server. Use as an async context manager.

    Entering raises FolderInUse, OSError, and sqlite3.Error when the file is no database.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modelserver-shelf")
        self._open_things = contextlib.ExitStack()
        self._db: sqlite3.Connection

    async def __aenter__(self) -> "Shelf":
        try:
            await self._run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run(self._open_things.close)
        self._thread.shutdown()

    def content(self, file_id: str) -> Path:
        """Where the bytes of a file are. Ids are ours, so they are safe as names."""
        return self.folder / "files" / file_id

    def model(self, name: str) -> Path:
        """Where a model is. Names of models are ours too."""
        return model_folder(self.folder, name)

    def work(self, job_id: str) -> Path:
        """A folder for the engine to work in until a job has ended."""
        return self.folder / "work" / job_id

    async def put(
        self, *records: tuple[str, Record], events: Sequence[tuple[str, Record]] = ()
    ) -> None:
        """Write (kind, record) pairs, new or in place of the old ones, and (job, event) pairs:
        all of them or, after a crash, none.
        """

        def write() -> None:
            with self._db:
                for kind, record in records:
                    self._db.execute(
                        "INSERT INTO records (kind, id, data) VALUES (?, ?, ?) "
                        "ON CONFLICT (id) DO UPDATE SET data = excluded.data",
                        (kind, record["id"], json.dumps(record)),
                    )
                for job, event in events:
                    self._db.execute(
                        "INSERT INTO events (job, id, data) VALUES (?, ?, ?)",
                        (job, event["id"], json.dumps(event)),
                    )

        await self._run(write)

    async def get(self, kind: str, id_: str) -> Record | None:
        def read() -> Record | None:
            row = self._db.execute(
                "SELECT data FROM records WHERE id = ? AND kind = ?", (id_, kind)
            ).fetchone()
            return None if row is None else json.loads(row[0])

        return await self._run(read)

    async def remove(self, kind: str, id_: str) -> bool:
        """False: there was none."""

        def delete() -> bool:
            with self._db:
                done = self._db.execute(
                    "DELETE FROM records WHERE id = ? AND kind = ?", (id_, kind)
                )
            return done.rowcount == 1

        return await self._run(delete)

    async def all(self, kind: str) -> list[Record]:
        """Every record of a kind, the oldest first."""

        def read() -> list[Record]:
            rows = self._db.execute("SELECT data FROM records WHERE kind = ? ORDER BY seq", (kind,))
            return [json.loads(data) for (data,) in rows]

        return await self._run(read)

    async def page(
        self,
        kind: str,
        *,
        after: str | None,
        limit: int,
        where: Callable[[Record], bool],
    ) -> tuple[list[Record], bool]:
        """A page, newest first, and whether there is more. `after` is the last id of the page
        before; raises UnknownCursor.
        """

        def read() -> tuple[list[Record], bool]:
            found: list[Record] = []
            rows = self._db.execute(
                "SELECT data FROM records WHERE kind = ? AND seq < ? ORDER BY seq DESC",
                (
                    kind,
                    self._before("SELECT seq FROM records WHERE id = ? AND kind = ?", after, kind),
                ),
            )
            with contextlib.closing(rows):
                for (data,) in rows:
                    record = json.loads(data)
                    if where(record):
                        if len(found) == limit:
                            return found, True
                        found.append(record)
            return found, False

        return await self._run(read)

    async def events(self, job: str, *, after: str | None, limit: int) -> tuple[list[Record], bool]:
        """Events of a job, newest first, and whether there are more. Raises UnknownCursor."""

        def read() -> tuple[list[Record], bool]:
            start = self._before("SELECT seq FROM events WHERE id = ? AND job = ?", after, job)
            rows = self._db.execute(
                "SELECT data FROM events WHERE job = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (job, start, limit + 1),
            ).fetchall()
            found = [json.loads(data) for (data,) in rows]
            return found[:limit], len(found) > limit

        return await self._run(read)

    async def metrics(self, job: str) -> list[Record]:
        """The data of a job's metrics events, in order."""

        def read() -> list[Record]:
            rows = self._db.execute("SELECT data FROM events WHERE job = ? ORDER BY seq", (job,))
            events = (json.loads(data) for (data,) in rows)
            return [event["data"] for event in events if event["type"] == "metrics"]

        return await self._run(read)

    async def sweep(self, models: set[str], jobs: set[str]) -> None:
        """Remove contents that no record names: what a crash left behind. `models`, and the work
        of `jobs`, stay.
        """
        known_files = {file["id"] for file in await self.all("file")}
        known_folders = {self.model(name).name for name in models}

        def remove() -> None:
            for path in (self.folder / "files").iterdir():
                if path.name not in known_files:
                    path.unlink(missing_ok=True)
            for folder in (self.folder / "models").iterdir():
                if folder.name not in known_folders:
                    remove_folder(folder)
            for folder in (self.folder / "work").iterdir():
                if folder.name not in jobs:
                    remove_folder(folder)

        await self._run(remove)

    def _before(self, query: str, id_: str | None, group: str) -> int:
        """Where a page that comes after this id starts."""
        if id_ is None:
            return 2**62
        row = self._db.execute(query, (id_, group)).fetchone()
        if row is None:
            raise UnknownCursor(id_)
        return int(row[0])

    def _open(self) -> None:
        with contextlib.ExitStack() as stack:
            for part in ("files", "models", "work"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderInUse(
                    f"another model server works in {self.folder}; "
                    "give this one a folder of its own"
                ) from None
            self._db = stack.enter_context(
                contextlib.closing(sqlite3.connect(self.folder / "server.db"))
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
            self._open_things = stack.pop_all()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
