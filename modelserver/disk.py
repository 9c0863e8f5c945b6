"""Writing to the disk so that a crash leaves a whole file or none."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
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
    """Remove a folder with all that is in it; one that is not there is fine."""
    if folder.is_dir():
        shutil.rmtree(folder)


def copy_folder(folder: Path, to: Path) -> None:
    """Copy the files of a folder, over what is there."""
    shutil.copytree(folder, to, dirs_exist_ok=True)


def blocks_of(path: Path) -> Iterator[bytes]:
    """What a file holds, in blocks, so that it need not fit the memory."""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
