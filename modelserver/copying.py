"""A model server's folder, copied while a server works in it; and kept free of one."""

import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelserver.disk import UNFINISHED
from modelserver.shelf import FolderInUse

# What belongs to jobs in progress ("work") is made anew when a server starts.
_PARTS = ("files", "models")
_RECORDS = "server.db"


def snapshot(data: Path, into: Path) -> Mapping[str, Path]:
    """Files that hold what the folder `data` held at one moment, by their path in it with slashes.
    The records first: what they name is there afterwards, unless it was deleted since. `into`: an
    empty folder for copies. Nothing where no server ever worked.
    """
    records = data / _RECORDS
    if not records.is_file():
        return {}
    copied = into / _RECORDS
    with (
        contextlib.closing(sqlite3.connect(f"file:{records}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(copied)) as target,
    ):
        source.backup(target)
    found = {_RECORDS: copied}
    for part in _PARTS:
        for path in sorted((data / part).rglob("*")):
            if path.is_file() and not path.name.endswith(UNFINISHED):
                name = path.relative_to(data).as_posix()
                target_path = into / name
                target_path.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # deleted since
                    _copy(path, target_path)
                    found[name] = target_path
    return found


def _copy(path: Path, to: Path) -> None:
    """Contents are written once and never changed, so that a second name does as well."""
    try:
        os.link(path, to)
    except FileNotFoundError:
        raise
    except OSError:  # another disk
        shutil.copyfile(path, to)


@contextlib.contextmanager
def unused(data: Path) -> Iterator[None]:
    """While inside, no server works in the folder. Raises FolderInUse where one does."""
    if not (data / "lock").is_file():
        yield
        return
    with (data / "lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUse(f"a model server works in {data}") from None
        yield
