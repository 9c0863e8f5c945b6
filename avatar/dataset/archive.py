"""Zip archives from strangers: looked through before anything of them is used."""

import lzma
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from avatar.dataset.reading import refused
from avatar.dataset.source import MAX_EXPORT, Source
from avatar.language import tr

MAX_RATIO = 100  # unpacked to packed; chats reach some 20
MAX_FILES = 100_000
_TEXTS = (".txt", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".md")
_ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".zst")
_ENCRYPTED = 0x1
# What zipfile and what it unpacks with raise for an archive that is not as it should be.
_FAULTS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # a way of packing that Python does not know
    RuntimeError,  # a password is needed
    OSError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)


class _Mapped(mmap.mmap):
    """An archive for as long as its sources are kept (see `_opener`), without a file that stays
    open: whoever holds a source would have to close it.
    """

    def seekable(self) -> bool:
        return True


def texts(path: Path, name: str) -> tuple[Source, ...]:
    """The files of an archive that may hold chats: texts by their ending, each a Source.

    Pictures and the like are never opened. Raises BadDataset for an archive that is broken or
    encrypted, holds archives, names paths outside of itself, or unpacks to more than it should.
    """
    try:
        with path.open("rb") as file:
            mapped = _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ)
        archive = zipfile.ZipFile(cast(BinaryIO, mapped))
        members = archive.infolist()
    except _FAULTS as error:
        raise refused(
            tr("the archive is broken, or only a part of it arrived. Pack it again.")
        ) from error
    if len(members) > MAX_FILES:
        raise refused(tr("the archive has more than {most:,} files.", most=MAX_FILES))
    for member in members:
        _check_path(member.filename)
    files = [member for member in members if not member.is_dir()]
    for member in files:
        _check(member)
    wanted = [member for member in files if _may_be_chat(member.filename)]
    if sum(member.file_size for member in wanted) > MAX_EXPORT:
        raise refused(tr("its texts unpack to more than {size} GB.", size=MAX_EXPORT // 1024**3))
    seen: set[str] = set()
    for member in wanted:
        if member.filename in seen:
            raise refused(tr("the archive has {file} twice.", file=_shown(member.filename)))
        seen.add(member.filename)
    single = name if len(wanted) == 1 and name else ""
    return tuple(
        Source(
            # "_chat.txt" says nothing; the archive's own name says whose chat it is.
            name=single if single and member.filename == "_chat.txt" else _shown(member.filename),
            size=member.file_size,
            open=_opener(archive, member),
            faults=_FAULTS,
        )
        for member in wanted
    )


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    """One table of contents serves all: reading it anew for each of thousands of files would take
    minutes where there are as many pictures beside them.
    """
    return lambda: cast(BinaryIO, archive.open(member))


def _check_path(name: str) -> None:
    if not name:  # Python itself stumbles over it
        raise refused(tr("the archive has a file without a name. Pack it again."))
    parts = name.replace("\\", "/").split("/")
    # A drive is one letter; a chat may be called "Bali: the plan".
    if name.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":":
        raise refused(
            tr("the archive has a path that leads outside of it: {path}.", path=_shown(name))
        )


def _check(member: zipfile.ZipInfo) -> None:
    shown = _shown(member.filename)
    if member.filename.lower().endswith(_ARCHIVES):
        raise refused(
            tr(
                "the archive holds another archive: {file}. Unpack it and send what is inside; or "
                "take it out, if it is only something that was sent in the chat.",
                file=shown,
            )
        )
    if member.flag_bits & _ENCRYPTED:
        raise refused(
            tr("the archive is protected by a password ({file}). Pack it without one.", file=shown)
        )
    if member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise refused(
            tr(
                "{file} in the archive unpacks to more than {times} times its size; no chat does. "
                "Send the file itself, if it is one.",
                file=shown,
                times=MAX_RATIO,
            )
        )


def _may_be_chat(name: str) -> bool:
    last = name.rpartition("/")[2].lower()
    return last.endswith(_TEXTS) and not last.startswith("._") and "__macosx" not in name.lower()


def _shown(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[-120:] or "a file"
