"""Writing to the disk so that a crash leaves a whole file or none."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

UNFINISHED = ".new"  # what a name ends in until its file is whole


def write_whole(path: Path, blocks: Iterable[bytes]) -> int:
    """Write a file, or replace it, in one step; returns its size in bytes."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    size = 0
    try:
        with unfinished.open("wb") as file:
            for block in blocks:
                size += file.write(block)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return size


def remove_folder(folder: Path) -> None:
    """Remove a folder of files; one that is not there is fine."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()
