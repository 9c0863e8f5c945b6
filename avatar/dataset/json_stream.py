"""JSON of any size, read as a stream: the elements of the lists that are asked for, one by one.

What is around these elements is taken apart here, sign by sign; the elements themselves are parsed
by Python's own `json`. ijson was tried: its events, made into messages, took 2.9 times as long as
`json.load` of a million messages, which leaves nothing for the rest of the work.
"""

import codecs
import io
import json
import re
from collections.abc import Collection, Iterator
from json.scanner import make_scanner
from typing import Any, Final, Protocol

from avatar.dataset.reading import refused
from avatar.dataset.source import CHUNK, Source, Tick
from avatar.errors import BadDataset
from avatar.language import tr

MAX_VALUE = 4 * 1024 * 1024  # characters of one element; a message has a thousand
MAX_DEPTH = 200  # of what is around the elements
MAX_PATH = 2_000  # characters
_BOM = b"\xef\xbb\xbf"
# Telegram Desktop writes control characters as \x07, which is no JSON: after an even number of
# backslashes (they escape each other), \xNN becomes \u00NN.
_HEX = re.compile(rb"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_PUNCTUATION = re.compile(r"[\]},:]")
_NUMBERS = (int, float)
_LONGEST_SIGN = 12  # characters: half of "\ud83d\ude00", "-Infinity" and the like fit in


class Begin:
    """Stands for the value of an object or list that begins."""


BEGIN: Final = Begin()


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _NoJson(Exception):
    """What was read is no JSON; never leaves this module."""


class _Cut(_NoJson):
    """It ends too soon."""


class _Mended:
    """JSON bytes without a mark at the start, and with `\\xNN` written as JSON has it."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._started = False
        self._kept = b""

    def read(self, size: int = -1) -> bytes:
        while raw := self._stream.read(size):
            if not self._started:
                self._started = True
                raw = raw.removeprefix(_BOM)
            data, self._kept = _uncut(self._kept + raw if self._kept else raw)
            if data:
                return _mended(data)
        data, self._kept = self._kept, b""
        return _mended(data)


def _uncut(data: bytes) -> tuple[bytes, bytes]:
    """What can be mended now, and what waits for more: an escape that may be cut at the end, with
    all backslashes before it.
    """
    last = data.rfind(b"\\", -4)
    if last < 0:
        return data, b""
    begin = len(data[:last].rstrip(b"\\"))
    return data[:begin], data[begin:]


def _mended(data: bytes) -> bytes:
    return _HEX.sub(rb"\1\\u00\2", data) if b"\\x" in data else data


class _Text:
    """The text of a stream: a window of it, which moves on."""

    def __init__(self, stream: _Readable, name: str) -> None:
        self._file = _Mended(stream)
        self._name = name
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        decoder = json.JSONDecoder(strict=False, parse_constant=_constant)
        self._parse = decoder.raw_decode
        self._scan = make_scanner(decoder)  # type: ignore[arg-type]  # a decoder is right
        self._text = ""
        self._at = 0
        self.count = 0  # of the values that were read, for the place of a fault

    def _more(self) -> bool:
        """Read on, at least as much as is there; False: that was all, and nothing has moved."""
        rest = self._text[self._at :]
        if len(rest) >= MAX_VALUE:
            raise refused(tr("{file}: one message in it is larger than 4 MB.", file=self._name))
        data = self._file.read(min(max(CHUNK, len(rest)), MAX_VALUE - len(rest)))
        more = self._decode(data, final=not data)
        if not data:
            return False
        self._text, self._at = rest + more, 0
        return True

    def sign(self) -> str:
        """The next character that is no space, which is not taken; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self) -> None:
        """Pass over the sign."""
        self._at += 1

    def value(self) -> Any:
        """The value that begins at the sign, whole."""
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except json.JSONDecodeError as error:
                unread = self._text[error.pos :]
                if len(unread) > _LONGEST_SIGN and not error.msg.startswith("Unterminated string"):
                    raise _NoJson from error
                if self._more():
                    continue
                ended = not error.msg.startswith("Unterminated") and _PUNCTUATION.search(unread)
                raise (_NoJson if ended else _Cut) from error
            # A number may go on: "1" may be the beginning of "1.5e+3".
            if type(value) in _NUMBERS and end + 3 > len(self._text) and self._more():
                continue
            self._at = end
            return value

    def elements(self) -> Iterator[Any]:
        """The elements of the list of which the bracket was just taken, to its end."""
        if self.sign() == "]":
            self.take()
            return
        scan = self._scan
        while True:
            # What `value` does, without its care for the end of the window.
            try:
                value, end = scan(self._text, self._at)
            except (json.JSONDecodeError, StopIteration):
                value = self.value()
            else:
                if type(value) in _NUMBERS:
                    value = self.value()
                else:
                    self._at = end
            yield value
            comma = _COMMA.match(self._text, self._at)
            if comma and comma.end() < len(self._text):
                self._at = comma.end()
                continue
            if self.sign() == "]":
                self.take()
                return
            self.after(",")

    def after(self, wanted: str) -> str:
        """The sign behind the one that must come next."""
        sign = self.sign()
        if sign != wanted:
            raise _NoJson if sign else _Cut
        self.take()
        return self.sign()


def _constant(name: str) -> Any:
    raise _NoJson(name)  # NaN and Infinity


def walk(
    source: Source, items: Collection[str], tick: Tick | None = None
) -> Iterator[tuple[str, Any]]:
    """What stands in a JSON document, in order, with its path ("chats.list.item.name").

    Of the lists in `items` each element comes whole; of all else come the numbers, texts, true,
    false and null, and BEGIN for each object and list. Several documents in one file follow each
    other.

    Raises BadDataset where the text is no JSON, or one element is out of all proportion.
    """
    name = source.name
    with source.stream(tick) as stream:
        text = _Text(stream, name)
        try:
            yield from _walk(text, frozenset(items))
        except _Cut as error:
            raise refused(
                tr(
                    "{file}: it is cut off after the first {count:,} of its values; its JSON does "
                    "not end. Export it again.",
                    file=name,
                    count=text.count,
                )
            ) from error
        except _NoJson as error:
            raise refused(
                tr(
                    "{file}: it is no JSON, after the first {count:,} of its values.",
                    file=name,
                    count=text.count,
                )
            ) from error
        except UnicodeDecodeError as error:
            raise refused(
                tr(
                    "{file}: it is not all in UTF-8, after the first {count:,} of its values.",
                    file=name,
                    count=text.count,
                )
            ) from error
        except RecursionError as error:
            raise refused(tr("{file}: it is nested too deeply.", file=name)) from error
        except ValueError as error:  # a number of thousands of digits
            raise refused(tr("{file}: it has a number that cannot be read.", file=name)) from error


def elements(source: Source, tick: Tick | None = None) -> Iterator[Any]:
    """The elements of a document that is a list. Raises BadDataset as `walk` does."""
    for path, value in walk(source, ("",), tick):
        if path == "item":
            yield value
        elif path or value is not BEGIN:
            raise refused(tr("{file}: it is no list.", file=source.name))


def paths(head: bytes) -> tuple[frozenset[str], str]:
    """The paths of all that stands in the beginning of a JSON document, as far as it can be read,
    and the value of its own "type" ("" where it has none).
    """
    found: set[str] = set()
    kind = ""
    try:
        for path, value in _walk(_Text(io.BytesIO(head), "the file"), frozenset()):
            found.add(path)
            if path == "type" and isinstance(value, str):
                kind = value
    except (_NoJson, BadDataset, ValueError, RecursionError):
        pass  # what was seen before the head ends, or before a fault, is what there is
    return frozenset(found), kind


def _walk(text: _Text, items: frozenset[str]) -> Iterator[tuple[str, Any]]:
    here, in_list = "", False  # the path of what is open
    outer: list[tuple[str, bool]] = []
    first = True  # in what is open: no comma stands before
    while sign := text.sign():
        text.count += 1
        key = "item"
        if outer:
            if sign == ("]" if in_list else "}"):
                text.take()
                here, in_list = outer.pop()
                first = False
                continue
            if not first:
                sign = text.after(",")
            if not in_list:
                if sign != '"':
                    raise _NoJson if sign else _Cut
                key = text.value()
                sign = text.after(":")
        first = False
        path = "" if not outer else f"{here}.{key}" if here else key
        if sign == "[" and path in items:
            text.take()
            yield path, BEGIN
            item = f"{path}.item" if path else "item"
            for value in text.elements():
                text.count += 1
                yield item, value
        elif sign == "{" or sign == "[":  # noqa: PLR1714
            text.take()
            outer.append((here, in_list))
            here, in_list, first = path, sign == "[", True
            if len(outer) > MAX_DEPTH or len(path) > MAX_PATH:
                raise RecursionError
            yield path, BEGIN
        else:
            yield path, text.value()
    if outer:
        raise _Cut
