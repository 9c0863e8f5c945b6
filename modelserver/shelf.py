"""What the server keeps: an SQLite file for files, jobs, events and models; contents beside it.

SQLite rather than a file a job: a state and its event are written together or not at all, listing
with a cursor is a query, and kill -9 leaves no half-written record. One thread does all of it, off
the event loop.
"""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Record = dict[str, Any]

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


class FolderInUse(Exception):
    """Another model server works in this folder."""


class Shelf:
    """A folder of the server. Use as an async context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modelserver-shelf")
        self._db: sqlite3.Connection
        self._lock: int | None = None

    async def __aenter__(self) -> "Shelf":
        try:
            await self._run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run(self._close)
        self._thread.shutdown()

    def content(self, file_id: str) -> Path:
        """Where the bytes of a file are. Ids are ours, so they are safe as names."""
        return self.folder / "files" / file_id

    def model(self, name: str) -> Path:
        """Where a model is."""
        return self.folder / "models" / name.replace(":", "_")

    async def put(self, kind: str, record: Record, *events: tuple[str, Record]) -> None:
        """Write a record (new, or in place of the old one), with events of a job, in one step."""
        await self._run(lambda: self._put(kind, record, events))

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

    async def page(
        self,
        kind: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        where: Callable[[Record], bool] = lambda _: True,
        newest_first: bool = True,
    ) -> tuple[list[Record], bool]:
        """One page, and whether there is more. `after` is the last id of the page before."""

        def read() -> tuple[list[Record], bool]:
            found: list[Record] = []
            order, sign = ("DESC", "<") if newest_first else ("ASC", ">")
            start = self._seq("records", after)
            bound = f"AND seq {sign} {start}" if start is not None else ""
            for (data,) in self._db.execute(
                f"SELECT data FROM records WHERE kind = ? {bound} ORDER BY seq {order}",  # noqa: S608  (whole numbers and words of ours)
                (kind,),
            ):
                record = json.loads(data)
                if where(record):
                    if len(found) == limit:
                        return found, True
                    found.append(record)
            return found, False

        return await self._run(read)

    async def events(self, job: str, *, after: str | None, limit: int) -> tuple[list[Record], bool]:
        """Events of a job, newest first, and whether there are more."""

        def read() -> tuple[list[Record], bool]:
            start = self._seq("events", after)
            rows = self._db.execute(
                "SELECT data FROM events WHERE job = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (job, 2**62 if start is None else start, limit + 1),
            ).fetchall()
            found = [json.loads(data) for (data,) in rows]
            return found[:limit], len(found) > limit

        return await self._run(read)

    def _seq(self, table: str, id_: str | None) -> int | None:
        if id_ is None:
            return None
        row = self._db.execute(
            f"SELECT seq FROM {table} WHERE id = ?",  # noqa: S608  (a word of ours)
            (id_,),
        ).fetchone()
        return None if row is None else int(row[0])

    def _put(self, kind: str, record: Record, events: tuple[tuple[str, Record], ...]) -> None:
        with self._db:
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

    def _open(self) -> None:
        for part in ("files", "models"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise FolderInUse(
                f"another model server works in {self.folder}; give this one a folder of its own"
            ) from None
        self._db = sqlite3.connect(self.folder / "server.db")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def _close(self) -> None:
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
