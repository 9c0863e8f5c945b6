"""Files that hold examples already: OpenAI's JSONL, preference pairs, ShareGPT, two columns."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from avatar.dataset import openai_jsonl
from avatar.dataset.json_stream import elements
from avatar.dataset.openai_jsonl import MAX_EXAMPLES, MAX_FAULTY, MIN_EXAMPLES, Bad
from avatar.dataset.reading import Faults, Reading, refused
from avatar.dataset.source import CHUNK, Source, is_western, lines
from avatar.language import noted, tr
from avatar.records import Example, Role, Turn

T = TypeVar("T")
# Places of faults; in the sources of examples, which are stored, they stand as they are.
_EXAMPLE, _LINE = noted("example {number}"), noted("line {number}")
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
_SAYS_DELIMITER = re.compile(r"sep=([,;\t])")  # the first line, for Excel
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

    Excel writes them in the encoding of its Windows, if it is not told otherwise: the Western one
    is read where it cannot be UTF-8, with a warning. Raises BadDataset, with every fault and its
    line.
    """
    if not is_western(source):
        return _reading(source, _rows(source, "utf-8"), _from_row)
    reading = _reading(source, _rows(source, "cp1252"), _from_row)
    warning = tr(
        "The file is not in UTF-8: it was read as Windows-1252 (Western European). If letters look "
        "wrong, save it as “CSV UTF-8” and send it again."
    )
    return replace(reading, warnings=(warning, *reading.warnings))


def pairs(source: Source) -> PairReading:
    """OpenAI's `{"input": {"messages": …}, "preferred_output": …, "non_preferred_output": …}` and
    the `{"prompt": …, "chosen": …, "rejected": …}` of others, one a line or a list.

    Raises BadDataset, with every fault and its place.
    """
    faults = Faults()
    found = list(_made(source, _objects(source), _pair, faults))
    if not faults and len(found) < MIN_EXAMPLES:
        faults.add(
            tr("the file"),
            tr(
                "it has {count} pairs; training needs at least {least}.",
                count=len(found),
                least=MIN_EXAMPLES,
            ),
        )
    if faults:
        raise faults.error
    return PairReading(source=source.name, pairs=tuple(pair for _, pair in found))


def is_csv(beginning: tuple[str, ...]) -> bool:
    """Whether the first lines of a text are a table of two columns."""
    return len(beginning) > 1 and _delimiter(beginning) is not None


def _delimiter(beginning: Iterable[str]) -> str | None:
    text = list(beginning)
    if text and (said := _SAYS_DELIMITER.fullmatch(text[0])):
        return said[1]
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
        raise refused(tr("it holds no examples."))
    return openai_jsonl.concluded(made, source.name, faults)


def _made(
    source: Source,
    objects: Iterable[tuple[int, str, Any]],
    convert: Callable[[Any, str], T],
    faults: Faults,
) -> Iterator[tuple[int, T]]:
    count = 0
    for number, unit, data in objects:
        try:
            if isinstance(data, Bad):
                raise data
            made = convert(data, f"{source.name} {unit.format(number=number)}")
        except Bad as bad:
            faults.add(tr(unit, number=number), str(bad))
            if faults.count >= MAX_FAULTY:
                return
            continue
        count += 1
        if count > MAX_EXAMPLES:
            raise refused(tr("it has more than {most:,} examples.", most=MAX_EXAMPLES))
        yield number, made


def _objects(source: Source) -> Iterator[tuple[int, str, Any]]:
    """The objects of a list, or of the lines, with their numbers; Bad in place of one that is no
    JSON.
    """
    with io.BufferedReader(source.stream(), CHUNK) as file:
        begins = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begins == b"[":
        for number, data in enumerate(elements(source), start=1):
            yield number, _EXAMPLE, data
        return
    for number, line in lines(source):
        if line.strip():
            yield number, _LINE, _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return Bad(openai_jsonl.no_json(error))
    except (RecursionError, ValueError):
        return Bad(tr("it is no JSON that can be read."))


def _rows(source: Source, encoding: str) -> Iterator[tuple[int, str, Any]]:
    beginning: list[str] = []
    for _, line in lines(source, encoding=encoding):
        if line.strip():
            beginning.append(line)
        if len(beginning) == 20:
            break
    delimiter = _delimiter(beginning) or ","
    reader = csv.reader(
        (
            "\n" if number == 1 and _SAYS_DELIMITER.fullmatch(line) else line + "\n"
            for number, line in lines(source, encoding=encoding)
        ),
        delimiter=delimiter,
        strict=True,
    )
    first = True
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refused(
                tr("line {number}: {fault}.", number=reader.line_num, fault=error)
            ) from error
        if not row:
            continue
        headings = first and all(cell.strip().lower() in _HEADERS for cell in row)
        first = False
        if not headings:
            yield reader.line_num, _LINE, row


def _from_row(row: Any, place: str) -> Example:
    if len(row) != 2:
        raise Bad(tr("it has {count} columns in place of two.", count=len(row)))
    said, answer = row
    messages = [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]
    return openai_jsonl.checked({"messages": messages}, place)


def _from_sharegpt(data: Any, place: str) -> Example:
    said = data.get("conversations") if isinstance(data, dict) else None
    if not isinstance(said, list):
        raise Bad(tr('it needs "conversations", a list of messages.'))
    messages = []
    if isinstance(data.get("system"), str) and data["system"].strip():
        messages.append({"role": "system", "content": data["system"]})
    for number, one in enumerate(said, start=1):
        speaker = one.get("from") if isinstance(one, dict) else None
        role = _FROM.get(speaker) if isinstance(speaker, str) else None
        if role is None:
            raise Bad(
                tr(
                    "message {number} is from {speaker}; use human, gpt or system.",
                    number=number,
                    speaker=repr(str(speaker)[:20]),
                )
            )
        messages.append({"role": role, "content": one.get("value")})
    return openai_jsonl.checked({"messages": messages}, place)


def _pair(data: Any, place: str) -> Pair:
    if not isinstance(data, dict):
        raise Bad(tr("it must be an object."))
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
        raise Bad(tr("it needs the messages before the answers."))
    better = _answer(chosen, noted("the preferred answer needs text."))
    worse = _answer(rejected, noted("the other answer needs text."))
    if better == worse:
        raise Bad(tr("both answers are the same."))
    turns: tuple[Turn, ...] = ()
    for answer in (better, worse):
        messages = [*asked, {"role": "assistant", "content": answer}]
        turns = openai_jsonl.checked({"messages": messages}, place).turns[:-1]
    if turns[-1].role is not Role.USER:
        raise Bad(tr("the last message before the answers must be the user's."))
    return Pair(turns=turns, chosen=better, rejected=worse, source=place)


def _answer(given: Any, otherwise: str) -> str:
    last = given[-1] if isinstance(given, list) and given else given
    text = last.get("content") if isinstance(last, dict) else last
    if not isinstance(text, str) or not text.strip():
        raise Bad(tr(otherwise))
    return text
