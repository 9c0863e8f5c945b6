"""Files that hold examples already: OpenAI's JSONL, preference pairs, ShareGPT, two columns."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from avatar.dataset import openai_jsonl
from avatar.dataset.json_stream import elements
from avatar.dataset.openai_jsonl import MAX_EXAMPLES, MAX_FAULTY, MIN_EXAMPLES, Bad
from avatar.dataset.reading import Faults, Reading, refused
from avatar.dataset.source import CHUNK, Source, lines
from avatar.records import Example, Role, Turn

T = TypeVar("T")
_FROM = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
}
_DELIMITERS = (",", ";", "\t")
_HEADERS = frozenset(
    {
        "prompt",
        "completion",
        "question",
        "answer",
        "input",
        "output",
        "user",
        "assistant",
        "instruction",
        "response",
        "human",
        "gpt",
        "message",
        "reply",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A conversation and two answers to it, of which one is better."""

    turns: tuple[Turn, ...]  # the last one is the user's
    chosen: str
    rejected: str
    source: str  # where it came from, e.g. "pairs.jsonl line 12"


@dataclass(frozen=True, kw_only=True, slots=True)
class PairReading:
    """Preference pairs that can be trained on."""

    source: str
    pairs: tuple[Pair, ...]


def openai(source: Source) -> Reading:
    """OpenAI's JSONL. Raises BadDataset, with every fault and its line."""
    with io.BufferedReader(source.stream(), CHUNK) as file:
        return openai_jsonl.read_stream(file, source.name)


def sharegpt(source: Source) -> Reading:
    """ShareGPT's `{"conversations": [{"from": "human", "value": …}, …]}`: a list, or one a line.

    Raises BadDataset, with every fault and its place.
    """
    return _reading(source, _objects(source), _from_sharegpt)


def csv_columns(source: Source) -> Reading:
    """Two columns: what is said, and the answer; with a line of headings or without.

    Raises BadDataset, with every fault and its line.
    """
    return _reading(source, _rows(source), _from_row)


def pairs(source: Source) -> PairReading:
    """OpenAI's `{"input": {"messages": …}, "preferred_output": …, "non_preferred_output": …}` and
    the `{"prompt": …, "chosen": …, "rejected": …}` of others, one a line or a list.

    Raises BadDataset, with every fault and its place.
    """
    faults = Faults()
    found = list(_made(source, _objects(source), _pair, faults))
    if not faults and len(found) < MIN_EXAMPLES:
        faults.add(
            "the file", f"it has {len(found)} pairs; training needs at least {MIN_EXAMPLES}."
        )
    if faults:
        raise faults.error
    return PairReading(source=source.name, pairs=tuple(pair for _, pair in found))


def is_csv(beginning: tuple[str, ...]) -> bool:
    """Whether the first lines of a text are a table of two columns."""
    return len(beginning) > 1 and _delimiter(beginning) is not None


def _delimiter(beginning: Iterable[str]) -> str | None:
    text = list(beginning)
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader((line + "\n" for line in text), delimiter=delimiter))
        except csv.Error:
            continue
        # The last row may go on in lines that were not looked at.
        pairs = rows and all(len(row) == 2 for row in (rows[:-1] or rows))
        if pairs and all(cell.strip() for cell in rows[0]):
            return delimiter
    return None


def _reading(
    source: Source,
    objects: Iterable[tuple[int, str, Any]],
    convert: Callable[[Any, str], Example],
) -> Reading:
    faults = Faults()
    made = list(_made(source, objects, convert, faults))
    if not made and not faults:
        raise refused("it holds no examples.")
    return openai_jsonl.concluded(made, source.name, faults)


def _made(
    source: Source,
    objects: Iterable[tuple[int, str, Any]],
    convert: Callable[[Any, str], T],
    faults: Faults,
) -> Iterator[tuple[int, T]]:
    count = 0
    for number, unit, data in objects:
        place = f"{unit} {number}"
        try:
            if isinstance(data, Bad):
                raise data
            made = convert(data, f"{source.name} {place}")
        except Bad as bad:
            faults.add(place, str(bad))
            if faults.count >= MAX_FAULTY:
                return
            continue
        count += 1
        if count > MAX_EXAMPLES:
            raise refused(f"it has more than {MAX_EXAMPLES:,} examples.")
        yield number, made


def _objects(source: Source) -> Iterator[tuple[int, str, Any]]:
    """The objects of a list, or of the lines, with their numbers; Bad in place of one that is no
    JSON.
    """
    with io.BufferedReader(source.stream(), CHUNK) as file:
        begins = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begins == b"[":
        for number, data in enumerate(elements(source), start=1):
            yield number, "example", data
        return
    for number, line in lines(source):
        if line.strip():
            yield number, "line", _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return Bad(f"it is no JSON ({error.msg}, at character {error.pos + 1}).")
    except (RecursionError, ValueError):
        return Bad("it is no JSON that can be read.")


def _rows(source: Source) -> Iterator[tuple[int, str, Any]]:
    beginning: list[str] = []
    for _, line in lines(source):
        if line.strip():
            beginning.append(line)
        if len(beginning) == 20:
            break
    delimiter = _delimiter(beginning) or ","
    reader = csv.reader(
        (line + "\n" for _, line in lines(source)), delimiter=delimiter, strict=True
    )
    first = True
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refused(f"line {reader.line_num}: {error}.") from error
        if not row:
            continue
        headings = first and all(cell.strip().lower() in _HEADERS for cell in row)
        first = False
        if not headings:
            yield reader.line_num, "line", row


def _from_row(row: Any, place: str) -> Example:
    if len(row) != 2:
        raise Bad(f"it has {len(row)} columns in place of two.")
    said, answer = row
    messages = [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]
    return openai_jsonl.checked({"messages": messages}, place)


def _from_sharegpt(data: Any, place: str) -> Example:
    said = data.get("conversations") if isinstance(data, dict) else None
    if not isinstance(said, list):
        raise Bad('it needs "conversations", a list of messages.')
    messages = []
    if isinstance(data.get("system"), str) and data["system"].strip():
        messages.append({"role": "system", "content": data["system"]})
    for number, one in enumerate(said, start=1):
        speaker = one.get("from") if isinstance(one, dict) else None
        role = _FROM.get(speaker) if isinstance(speaker, str) else None
        if role is None:
            raise Bad(f"message {number} is from {str(speaker)[:20]!r}; use human, gpt or system.")
        messages.append({"role": role, "content": one.get("value")})
    return openai_jsonl.checked({"messages": messages}, place)


def _pair(data: Any, place: str) -> Pair:
    if not isinstance(data, dict):
        raise Bad("it must be an object.")
    if "preferred_output" in data:
        given = data.get("input")
        asked = given.get("messages") if isinstance(given, dict) else None
        chosen, rejected = data.get("preferred_output"), data.get("non_preferred_output")
    else:
        asked, chosen, rejected = data.get("prompt"), data.get("chosen"), data.get("rejected")
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    if asked is None and isinstance(chosen, list):  # the whole conversation stands in each answer
        asked = chosen[:-1]
    if not isinstance(asked, list) or not asked:
        raise Bad("it needs the messages before the answers.")
    better, worse = _answer(chosen, "preferred"), _answer(rejected, "other")
    if better == worse:
        raise Bad("both answers are the same.")
    turns: tuple[Turn, ...] = ()
    for answer in (better, worse):
        messages = [*asked, {"role": "assistant", "content": answer}]
        turns = openai_jsonl.checked({"messages": messages}, place).turns[:-1]
    if turns[-1].role is not Role.USER:
        raise Bad("the last message before the answers must be the user's.")
    return Pair(turns=turns, chosen=better, rejected=worse, source=place)


def _answer(given: Any, which: str) -> str:
    last = given[-1] if isinstance(given, list) and given else given
    text = last.get("content") if isinstance(last, dict) else last
    if not isinstance(text, str) or not text.strip():
        raise Bad(f"the {which} answer needs text.")
    return text
