"""JSON of any size, read as a stream (ijson): items of the lists that are asked for, one by one."""

import io
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import ijson  # type: ignore[import-untyped]

from avatar.dataset.reading import refused
from avatar.dataset.source import CHUNK, Source, Stream, Tick

MAX_VALUE = 4 * 1024 * 1024  # bytes of one element; a message has a thousand
MAX_DEPTH = 200
MAX_PATH = 2_000  # characters
_BOM = b"\xef\xbb\xbf"
# Telegram Desktop writes control characters as \x07, which is no JSON: after an even number of
# backslashes (they escape each other), \xNN becomes \u00NN.
_HEX = re.compile(rb"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")


class Begin:
    """Stands for the value of an object that begins."""


BEGIN: Final = Begin()
_SCALARS = frozenset({"string", "number", "boolean", "null", "integer", "double"})
_STARTS, _ENDS = frozenset({"start_map", "start_array"}), frozenset({"end_map", "end_array"})


class _Mended:
    """JSON bytes without a mark at the start, and with `\\xNN` written as JSON has it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._started = False
        self._kept = b""
        self.since = 0  # bytes since the reader last saw a value

    def read(self, size: int = -1) -> bytes:
        while raw := self._stream.read(size):
            if not self._started:
                self._started = True
                raw = raw.removeprefix(_BOM)
            self.since += len(raw)
            if self.since > MAX_VALUE:
                raise refused(f"{self._stream.name}: one message in it is larger than 4 MB.")
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


def walk(
    source: Source, items: Collection[str], tick: Tick | None = None, *, skip: Collection[str] = ()
) -> Iterator[tuple[str, Any]]:
    """What stands in a JSON document, in order, with its path ("chats.list.item.name").

    Of the lists in `items` each element comes whole; of all else come the numbers, texts, true,
    false and null, and BEGIN for each object. Several documents in one file follow each other.

    Objects and lists under a key in `skip` are left out of the elements, which saves their making.
    Raises BadDataset where the text is no JSON, or one element is out of all proportion.
    """
    name = source.name
    count = 0
    with source.stream(tick) as stream:
        try:
            for path, value in _walk(_Mended(stream), frozenset(items), frozenset(skip), name):
                count += 1
                yield path, value
        except ijson.JSONError as error:
            raise _no_json(name, count, error) from error
        except (UnicodeDecodeError, ValueError, OverflowError, RecursionError) as error:
            raise refused(f"{name}: it is no JSON that can be read.") from error


def _no_json(name: str, count: int, error: Exception) -> Exception:
    text = str(error).lower()
    place = f"after the first {count:,} of its values"
    if "utf8" in text or "utf-8" in text:
        return refused(f"{name}: it is not all in UTF-8, {place}.")
    if "premature" in text or "incomplete" in text:
        return refused(f"{name}: it is cut off {place}; its JSON does not end. Export it again.")
    return refused(f"{name}: it is no JSON, {place}.")


def paths(head: bytes) -> tuple[frozenset[str], str]:
    """The paths of all that stands in the beginning of a JSON document, as far as it can be read,
    and the value of its own "type" ("" where it has none).
    """
    found: set[str] = set()
    kind = ""
    try:
        for path, event, value in ijson.parse(
            io.BytesIO(_mended(head.removeprefix(_BOM))), buf_size=4096, multiple_values=True
        ):
            found.add(path)
            if path == "type" and event == "string":
                kind = value
            if len(path) > MAX_PATH:
                break
    except (ijson.JSONError, ValueError, OverflowError, RecursionError):
        pass  # what was seen before the head ends, or before a fault, is what there is
    return frozenset(found), kind


def _walk(
    file: _Mended, items: frozenset[str], skip: frozenset[str], name: str
) -> Iterator[tuple[str, Any]]:
    here, key, in_list = "", "", False  # the path of what is open
    outer: list[tuple[str, bool]] = []
    events = ijson.basic_parse(file, buf_size=CHUNK, use_float=True, multiple_values=True)
    for event, value in events:
        file.since = 0
        if event == "map_key":
            key = value
            continue
        if event in _ENDS:
            here, in_list = outer.pop()
            continue
        last = "item" if in_list else key
        path = "" if not outer else f"{here}.{last}" if here else last
        if in_list and here in items:
            yield path, _element(events, event, value, skip, name)
        elif event in _STARTS:
            outer.append((here, in_list))
            here, in_list = path, event == "start_array"
            if len(outer) > MAX_DEPTH or len(path) > MAX_PATH:
                raise refused(f"{name}: it is nested too deeply.")
            if event == "start_map":
                yield path, BEGIN
        else:
            yield path, value


def _pass_over(events: Iterator[tuple[str, Any]]) -> None:
    """To the end of an object or list of which the beginning was taken already."""
    depth = 1
    for event, _ in events:
        if event in _STARTS:
            depth += 1
        elif event in _ENDS:
            depth -= 1
            if not depth:
                return


def _element(
    events: Iterator[tuple[str, Any]], first: str, given: Any, skip: frozenset[str], name: str
) -> Any:
    """One whole value, of which the first event was taken already."""
    if first not in _STARTS:
        return given
    top: Any = {} if first == "start_map" else []
    stack = [top]  # what is open, from the outside
    in_map = first == "start_map"
    key = ""
    for event, value in events:
        if event == "map_key":
            key = value
        elif event in _SCALARS:
            if in_map:
                top[key] = value
            else:
                top.append(value)
        elif event in _STARTS:
            if in_map and key in skip:
                _pass_over(events)
                continue
            new: Any = {} if event == "start_map" else []
            if in_map:
                top[key] = new
            else:
                top.append(new)
            stack.append(new)
            top, in_map = new, event == "start_map"
            if len(stack) > MAX_DEPTH:
                raise refused(f"{name}: it is nested too deeply.")
        else:
            done = stack.pop()
            if not stack:
                return done
            top = stack[-1]
            in_map = type(top) is dict
    raise ijson.IncompleteJSONError("incomplete")  # ijson says so itself before this is reached
