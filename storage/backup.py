"""A whole installation in one file, and back: `python -m bot backup` and `restore`.

The file is a zip archive: the rows of every table as lines of JSON, so that it can be restored on
SQLite and on PostgreSQL alike; the files of the model server; and at its end `manifest.json`, with
counts and checksums of all of it. The tables are read at one moment, while a bot works on them.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AvatarError
from storage.columns import Moment
from storage.copying import (
    BATCH,
    POINTERS,
    canonical,
    last_number,
    must_be_empty,
    pages,
    set_last_number,
    summed,
    tables_in_order,
)
from storage.database import Database
from storage.schema import HEAD, bring_up_to_date
from storage.tables import avatars

FORMAT = 1  # of the archive
MANIFEST = "manifest.json"
MAX_MANIFEST = 64 * 1024 * 1024  # bytes
BLOCK = 1 << 20
# What zipfile raises for an archive that is not as it should be; a RuntimeError where it is
# encrypted, or made in a way that it does not know.
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, RuntimeError),
    *(EOFError, OSError, ValueError, KeyError, TypeError),
)


class BackupFailed(AvatarError):
    """The backup was not made: {reason}"""


class BadArchive(AvatarError):
    """This cannot be restored: {reason} Nothing was changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One part of an archive."""

    name: str  # "tables/messages.jsonl", "files/modelserver/server.db"
    rows: int | None  # of a table
    last: int | None  # of a table: the highest number ever given
    size: int  # bytes
    checksum: str  # SHA-256 of its bytes


# --- making one


async def backup(
    url: str, path: Path, *, files: Callable[[], Mapping[str, Path]], now: datetime
) -> tuple[Kept, ...]:
    """Write an archive that only its owner may read, and read it again. `files`: what is kept
    beside the database, by a path with slashes; asked for when the tables are read, so that what
    they name is there. Raises BackupFailed and DatabaseRefused; then
    there is no file at `path`.
    """
    if await asyncio.to_thread(path.exists):
        raise BackupFailed(reason=f"{path} exists already. Choose another name.")
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with _opened(unfinished) as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                kept = [each async for each in _tables(url, archive)]
                there = await asyncio.to_thread(files)
                kept += [_file(archive, name, there[name]) for name in sorted(there)]
                about = {
                    "format": FORMAT,
                    "schema": HEAD,
                    "made": now.isoformat(),
                    "parts": [asdict(each) for each in kept],
                }
                archive.writestr(MANIFEST, json.dumps(about, indent=1))
            file.flush()
            os.fsync(file.fileno())
        verify(unfinished)
        unfinished.replace(path)
    except (OSError, BadArchive) as error:
        raise BackupFailed(reason=_words(error), detail=str(error)) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return tuple(kept)


def _words(error: OSError | BadArchive) -> str:
    if isinstance(error, BadArchive):
        return f"what was written could not be read again ({error.fields['reason']})"
    return f"{error.strerror or error}: {error.filename or 'the file'}."


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        yield file


async def _tables(url: str, archive: zipfile.ZipFile) -> AsyncIterator[Kept]:
    """Every table as it is at one moment."""
    database = Database(url)
    try:
        await bring_up_to_date(database)
        async with database.reading() as read:
            for table in tables_in_order():
                name = f"tables/{table.name}.jsonl"
                count, size, hashed = 0, 0, hashlib.sha256()
                with archive.open(name, "w", force_zip64=True) as part:
                    async for page in pages(read, table):
                        for row in page:
                            line = canonical(row)
                            hashed.update(line)
                            size += part.write(line)
                            count += 1
                yield Kept(
                    name=name,
                    rows=count,
                    last=await last_number(read, table, is_sqlite=database.is_sqlite),
                    size=size,
                    checksum=hashed.hexdigest(),
                )
    finally:
        await database.close()


def _file(archive: zipfile.ZipFile, name: str, path: Path) -> Kept:
    size, hashed = 0, hashlib.sha256()
    with path.open("rb") as source, archive.open(f"files/{name}", "w", force_zip64=True) as part:
        while block := source.read(BLOCK):
            hashed.update(block)
            size += part.write(block)
    return Kept(name=f"files/{name}", rows=None, last=None, size=size, checksum=hashed.hexdigest())


# --- reading one


def verify(path: Path) -> tuple[Kept, ...]:
    """What an archive holds, every byte of it checked. Raises BadArchive."""
    try:
        with zipfile.ZipFile(path) as archive:
            kept = _manifest(archive)
            if sorted(archive.namelist()) != sorted([MANIFEST, *(each.name for each in kept)]):
                raise BadArchive(reason="it does not hold what its manifest says.")
            for each in kept:
                if _checksum(archive, each) != each.checksum:
                    raise BadArchive(reason=f"{each.name} is damaged.")
    except _FAULTS as error:
        reason = "it is no archive of `python -m bot backup`, or only a part of one."
        raise BadArchive(reason=reason, detail=str(error)) from error
    return kept


def _manifest(archive: zipfile.ZipFile) -> tuple[Kept, ...]:
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST:
        raise ValueError("a manifest of that size")
    about = json.loads(archive.read(MANIFEST))
    if about["format"] != FORMAT:
        raise BadArchive(reason="it was written by a newer avatar-bot. Update this one first.")
    if about["schema"] != HEAD:
        raise BadArchive(
            reason=f"it is of another version of avatar-bot (tables {about['schema']}, here "
            f"{HEAD}). Restore it with that version, then update."
        )
    kept = tuple(Kept(**each) for each in about["parts"])
    tables = {f"tables/{table.name}.jsonl" for table in tables_in_order()}
    if {each.name for each in kept if each.rows is not None} != tables:
        raise BadArchive(reason="it does not hold the tables of this version.")
    for each in kept:
        if each.rows is None and not _inside(each.name):
            raise BadArchive(reason="it names a path outside of itself.")
    return kept


def _inside(name: str) -> bool:
    first, *rest = name.split("/")
    return first == "files" and bool(rest) and all(part not in {"", ".", ".."} for part in rest)


def _checksum(archive: zipfile.ZipFile, kept: Kept) -> str:
    """Never unpacks more than the manifest says."""
    hashed, left = hashlib.sha256(), kept.size
    with archive.open(kept.name) as part:
        while block := part.read(min(BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                return ""
            hashed.update(block)
    return hashed.hexdigest() if left == 0 else ""


async def restore(
    url: str, path: Path, *, force: bool, folder: Path, keep: frozenset[str]
) -> tuple[Kept, ...]:
    """Put everything back: into the database, and files into the folders that `keep` names inside
    of `folder`. All or nothing. `force`: also where there is something; that is gone afterwards.
    Raises BadArchive and DatabaseRefused.
    """
    kept = verify(path)
    files = [each for each in kept if each.rows is None]
    if strange := [each.name for each in files if each.name.split("/")[1] not in keep]:
        raise BadArchive(reason=f"it holds a file that belongs nowhere: {strange[0]}.")
    database = Database(url)
    try:
        await bring_up_to_date(database)
        with zipfile.ZipFile(path) as archive, _Folders(folder, keep) as folders:
            folders.unpack(archive, files)
            async with database.writing() as write:
                if force:
                    await _emptied(write)
                await must_be_empty(write)
                if not force:
                    folders.must_be_empty()
                await _fill(write, archive, kept, is_sqlite=database.is_sqlite)
                folders.swap()
            folders.done()
    finally:
        await database.close()
    return kept


async def _emptied(write: AsyncConnection) -> None:
    await write.execute(sa.update(avatars).where(avatars.c.id > 0).values(dict.fromkeys(POINTERS)))
    for table in reversed(tables_in_order()):
        await write.execute(sa.delete(table).where(table.c.id > 0))


async def _fill(
    write: AsyncConnection, archive: zipfile.ZipFile, kept: tuple[Kept, ...], *, is_sqlite: bool
) -> None:
    by_name = {each.name: each for each in kept}
    for table in tables_in_order():
        none = dict.fromkeys(POINTERS) if table is avatars else {}
        for rows in _rows(archive, table):
            await write.execute(sa.insert(table), [{**row, **none} for row in rows])
    for rows in _rows(archive, avatars):
        for row in rows:
            await write.execute(
                sa.update(avatars)
                .where(avatars.c.id == row["id"])
                .values({name: row[name] for name in POINTERS})
            )
    for table in tables_in_order():
        each = by_name[f"tables/{table.name}.jsonl"]
        await set_last_number(write, table, each.last or 0, is_sqlite=is_sqlite)
        if await summed(write, table) != (each.rows, each.checksum):
            raise BadArchive(reason=f"{table.name} is not the same in the database.")


def _rows(archive: zipfile.ZipFile, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table, some at a time."""
    page: list[dict[str, Any]] = []
    with archive.open(f"tables/{table.name}.jsonl") as part:
        for line in part:
            page.append(_decoded(table, json.loads(line)))
            if len(page) == BATCH:
                yield page
                page = []
    if page:
        yield page


def _decoded(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    for column in table.columns:
        value = row[column.name]
        if value is None:
            continue
        if isinstance(column.type, Moment):
            row[column.name] = datetime.fromisoformat(value)
        elif isinstance(column.type, sa.Date):
            row[column.name] = date.fromisoformat(value)
    return row


class _Folders:
    """Folders of files that take the place of those that are there, in the same breath as the
    database: unpacked beside them first, and taken back when the database does not follow.
    """

    def __init__(self, folder: Path, names: frozenset[str]) -> None:
        self._folder = folder
        self._names = sorted(names)
        self._mark = secrets.token_hex(4)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "_Folders":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()  # whatever was not done is undone
        for name in self._names:
            _removed(self._new(name))

    def unpack(self, archive: zipfile.ZipFile, files: list[Kept]) -> None:
        """Beside what is there."""
        for each in files:
            _, name, *rest = each.name.split("/")
            target = self._new(name).joinpath(*rest)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(each.name) as part, _opened(target) as file:
                while block := part.read(BLOCK):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())

    def must_be_empty(self) -> None:
        """Raises BadArchive where there is a file already."""
        for name in self._names:
            place = self._folder / name
            if any(path.is_file() and path.name != "lock" for path in place.rglob("*")):
                raise BadArchive(reason=f"there are files in {place} already.")

    def swap(self) -> None:
        """What is new is in place; what was there stands beside it until `done`. Raises
        BadArchive.
        """
        try:
            for name in self._names:
                place, new, old = self._folder / name, self._new(name), self._old(name)
                if place.exists():
                    place.rename(old)
                    self._stack.callback(old.rename, place)
                if new.exists():
                    new.rename(place)
                    self._stack.callback(place.rename, new)
        except OSError as error:  # not the database's fault, inside of whose transaction this is
            raise BadArchive(reason=_words(error), detail=str(error)) from error

    def done(self) -> None:
        """The database followed."""
        self._stack.pop_all()
        for name in self._names:
            _removed(self._old(name))

    def _new(self, name: str) -> Path:
        return self._folder / f"{name}.{self._mark}.new"

    def _old(self, name: str) -> Path:
        return self._folder / f"{name}.{self._mark}.old"


def _removed(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
