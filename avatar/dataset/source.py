"""Bytes of an export: a file, or one file of an archive; read as a stream, with limits."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from avatar.dataset.reading import refused
from avatar.errors import BadDataset
from avatar.language import tr
from avatar.text import visible, well_formed

MAX_EXPORT = 4 * 1024 * 1024 * 1024  # bytes of text, unpacked
MAX_LINE = 1024 * 1024  # bytes
HEAD = 64 * 1024  # bytes that are looked at to recognise a format
CHUNK = 256 * 1024
_UNKNOWN = re.compile(rb"[\x00\x81\x8d\x8f\x90\x9d]")  # what no text in Windows-1252 has
Tick = Callable[[int], None]  # told how many more bytes were read

# What `visible` and `well_formed` would change.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file to read."""

    name: str  # with its folders in the archive; safe to show
    size: int  # bytes, unpacked
    open: Callable[[], BinaryIO]
    faults: tuple[type[Exception], ...] = ()  # what opening and reading raise if it is broken
    tick: Tick | None = None  # told of what is read, where no other is given

    def head(self) -> bytes:
        with Stream(self) as file:
            return file.read(HEAD)

    def stream(self, tick: Tick | None = None) -> "Stream":
        return Stream(self, tick or self.tick)


class Stream(io.RawIOBase):
    """A file whose faults are ours: a broken archive raises BadDataset."""

    def __init__(self, source: Source, tick: Tick | None = None) -> None:
        super().__init__()
        self.name = source.name
        self._faults = source.faults
        self._tick = tick
        try:
            self._file = source.open()
        except self._faults as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> BadDataset:
        return refused(
            tr(
                "{file} is broken inside its archive ({fault}).",
                file=self.name,
                fault=type(error).__name__,
            )
        )

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._file.read(size)
        except self._faults as error:
            raise self._broken(error) from error
        if self._tick is not None and data:
            self._tick(len(data))
        return data

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()


def is_western(source: Source) -> bool:
    """Whether a text is surely no UTF-8 and may be Windows-1252: it has letters beyond ASCII, none
    of which is written as UTF-8 writes them, and no byte that Windows-1252 does not know.
    """
    found = False
    with io.BufferedReader(source.stream(), CHUNK) as file:
        if file.peek(2)[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            return False
        # A line is no longer than a megabyte: else it is refused when it is read.
        while raw := file.readline(MAX_LINE):
            if raw.isascii():
                continue
            found = True
            if not raw.decode("utf-8", "ignore").isascii() or _UNKNOWN.search(raw):
                return False
    return found


def lines(
    source: Source, tick: Tick | None = None, *, encoding: str = "utf-8"
) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers, without line ends.

    UTF-8 with or without a mark, or `encoding`, and UTF-16 with a mark. Only a newline ends a
    line. Raises BadDataset for a line in another encoding or longer than a megabyte.
    """
    with io.BufferedReader(source.stream(tick), CHUNK) as file:
        mark = file.peek(4)[:4]
        for wide, bom in (
            ("utf-16-le", codecs.BOM_UTF16_LE),
            ("utf-16-be", codecs.BOM_UTF16_BE),
        ):
            if mark.startswith(bom):
                file.read(2)
                yield from _wide_lines(file, source.name, wide)
                return
        number = 0
        while raw := file.readline(MAX_LINE + 1):
            number += 1
            if len(raw) > MAX_LINE:
                raise _too_long(source.name, number)
            try:
                marked = number == 1 and encoding == "utf-8"
                text = raw.decode("utf-8-sig" if marked else encoding)
            except UnicodeDecodeError as error:
                raise refused(
                    tr(
                        "{file} line {number}: byte {place} is not UTF-8.",
                        file=source.name,
                        number=number,
                        place=error.start + 1,
                    )
                ) from error
            yield number, text.rstrip("\r\n")


def _wide_lines(file: BinaryIO, name: str, encoding: str) -> Iterator[tuple[int, str]]:
    number = 1
    decode = codecs.getincrementaldecoder(encoding)().decode
    rest = ""
    while True:
        data = file.read(CHUNK)
        try:
            rest += decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise refused(
                tr("{file} line {number}: it is not UTF-16.", file=name, number=number)
            ) from error
        *whole, rest = rest.split("\n")
        for line in whole:
            yield number, line.rstrip("\r")
            number += 1
        if len(rest) > MAX_LINE:
            raise _too_long(name, number)
        if not data:
            break
    if rest:
        yield number, rest


def _too_long(name: str, number: int) -> BadDataset:
    return refused(tr("{file} line {number}: it is longer than 1 MB.", file=name, number=number))


def fit(text: str) -> str:
    """A text fit to be kept: no control characters, no halves of characters."""
    if text.isprintable():
        return text.strip()
    if _UNFIT.search(text):
        text = visible(well_formed(text))
    return text.strip()
