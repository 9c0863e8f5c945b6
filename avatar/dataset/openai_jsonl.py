"""OpenAI's format for supervised fine-tuning: JSONL, one conversation a line.

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}

Everything that the provider would check is checked here, so that a person learns of all faults at
once and before anything is paid. The file is read as a stream: a line that is too long is refused
without being held in memory.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from avatar import tokens
from avatar.dataset.reading import Faults, Reading, refused, shown_name
from avatar.records import Example, Role, Turn

MIN_EXAMPLES = 10
FEW_EXAMPLES = 50  # OpenAI: improvements are usually seen from 50 to 100
MAX_TOKENS = 65_536  # an example
MAX_LINE = 4 * 1024 * 1024  # bytes; 65,536 tokens are far below
MAX_FILE = 512 * 1024 * 1024  # bytes
MAX_EXAMPLES = 200_000  # what is kept in memory and in the database; about 512 MB of small ones
_ROLES = {role.value for role in Role}

# What a file is that is no text, by its first bytes.
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a picture, a sound or a video"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"SQLite format 3", "a database"),
)
_WANTED = 'It must be text in UTF-8 with one {"messages": […]} a line.'


async def read(path: Path, *, name: str) -> Reading:
    """`read_file`, off the event loop."""
    return await asyncio.to_thread(read_file, path, name=name)


def read_file(path: Path, *, name: str) -> Reading:
    """The examples of a file. `name` is what its sender called it.

    Raises BadDataset, with every fault and its line, up to twenty.
    """
    source, faults = shown_name(name), Faults()
    if path.stat().st_size > MAX_FILE:
        raise refused(f"it is larger than {MAX_FILE // 1024 // 1024} MB.")
    with path.open("rb") as file:
        _look(file.read(512))
        file.seek(0)
        numbered = list(_examples(file, source, faults))
    if faults:
        raise faults.error
    if not numbered:
        raise refused(f"it is empty. {_WANTED}")
    examples = tuple(example for _, example in numbered)
    if len(examples) < MIN_EXAMPLES:
        raise refused(
            f"it has {len(examples)} example(s), and training needs at least {MIN_EXAMPLES}."
        )
    return Reading(source=source, examples=examples, warnings=tuple(_warnings(numbered)))


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Examples as lines of the format."""
    for example in examples:
        messages: list[dict[str, Any]] = []
        for turn, weight in zip(example.turns, example.weights, strict=True):
            message: dict[str, Any] = {"role": turn.role.value, "content": turn.text}
            if weight is not None:
                message["weight"] = weight
            messages.append(message)
        yield json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n"


def _look(head: bytes) -> None:
    """Refuse what is no text by its first bytes."""
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise refused(f"it is {what}. {_WANTED}")
    if b"\x00" in head:
        raise refused(f"it is binary data or text in another encoding. {_WANTED}")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"[") and not start.startswith((b"[{", b"[\n", b"[ ", b"[\r")):
        raise refused(f"it looks like a chat export as text. {_WANTED}")


def _lines(file: BinaryIO, faults: Faults) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            faults.add(f"line {number}", f"it is longer than {MAX_LINE // 1024 // 1024} MB.")
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        yield number, line


def _examples(file: BinaryIO, source: str, faults: Faults) -> Iterator[tuple[int, Example]]:
    count = 0
    for number, line in _lines(file, faults):
        text = _decoded(number, line, faults)
        if text is None or not text.strip():
            continue
        if count == 0 and not faults:
            _refuse_other_formats(text)
        reason, example = _example(text, f"{source} line {number}")
        if example is None:
            faults.add(f"line {number}", reason)
            continue
        count += 1
        if count > MAX_EXAMPLES:
            raise refused(f"it has more than {MAX_EXAMPLES:,} examples.")
        yield number, example


def _decoded(number: int, line: bytes, faults: Faults) -> str | None:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        faults.add(f"line {number}", f"byte {error.start + 1} is not UTF-8.")
        return None


def _refuse_other_formats(first: str) -> None:
    """One sentence for a file of another known form, instead of a fault for each line."""
    start = first.strip()
    if start in {"[", "{"} or start.startswith("["):
        raise refused(
            "it is one JSON document over several lines, perhaps a chat export. " + _WANTED
        )
    if '"preferred_output"' in first:
        raise refused("it holds preference pairs (DPO), which cannot be trained on yet. " + _WANTED)
    if '"conversations"' in first and '"messages"' not in first:
        raise refused("it is in the ShareGPT form. " + _WANTED)


class _Bad(Exception):
    """Why a line cannot be used; never leaves this module."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Bad("a key stands twice in one object.")
    return made


def _constant(name: str) -> Any:
    raise _Bad(f"{name} is no JSON.")


def _example(line: str, source: str) -> tuple[str, Example | None]:
    try:
        data = json.loads(line, object_pairs_hook=_pairs, parse_constant=_constant)
        return "", _checked(data, source)
    except _Bad as bad:
        return str(bad), None
    except json.JSONDecodeError as error:
        return f"it is no JSON ({error.msg}, at character {error.pos + 1}).", None
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        return "it is no JSON that can be read.", None


def _checked(data: Any, source: str) -> Example:
    if not isinstance(data, dict):
        raise _Bad('it must be an object with "messages".')
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _Bad('it needs "messages", a list of messages.')
    if data.get("tools") or data.get("functions"):
        raise _Bad("tools cannot be trained here.")
    turns: list[Turn] = []
    weights: list[int | None] = []
    for place, message in enumerate(messages, start=1):
        turn, weight = _message(message, place)
        turns.append(turn)
        weights.append(weight)
    if turns[-1].role is not Role.ASSISTANT:
        raise _Bad("the last message must be the assistant's.")
    if not any(turn.role is Role.USER for turn in turns):
        raise _Bad("it has no message of the user.")
    if not any(
        turn.role is Role.ASSISTANT and weight != 0
        for turn, weight in zip(turns, weights, strict=True)
    ):
        raise _Bad("every message of the assistant has weight 0: nothing would be learnt.")
    size = tokens.of_conversation([turn.text for turn in turns])
    if size > MAX_TOKENS:
        raise _Bad(f"it has about {size:,} tokens; the limit is {MAX_TOKENS:,}.")
    return Example(turns=tuple(turns), weights=tuple(weights), tokens=size, source=source)


def _message(message: Any, place: int) -> tuple[Turn, int | None]:
    if not isinstance(message, dict):
        raise _Bad(f"message {place} must be an object with role and content.")
    role, content, weight = message.get("role"), message.get("content"), message.get("weight")
    if role not in _ROLES or not isinstance(role, str):
        shown = str(role)[:20] if isinstance(role, str) else type(role).__name__
        raise _Bad(f"message {place} has the role {shown!r}; use system, user or assistant.")
    if message.get("tool_calls") or message.get("function_call"):
        raise _Bad(f"message {place} calls a tool, which cannot be trained here.")
    if not isinstance(content, str) or not content.strip():
        raise _Bad(f"message {place} needs text as its content.")
    if any("\ud800" <= c <= "\udfff" for c in content):
        raise _Bad(f"message {place} has half of a character (a lone surrogate).")
    if weight is not None:
        if role != Role.ASSISTANT.value:
            raise _Bad(f"message {place} has a weight; only the assistant's can.")
        if type(weight) is not int or weight not in {0, 1}:
            raise _Bad(f"message {place} has a weight that is neither 0 nor 1.")
    return Turn(role=Role(role), text=content), weight


def _warnings(numbered: list[tuple[int, Example]]) -> Iterator[str]:
    count = len(numbered)
    if count < FEW_EXAMPLES:
        yield (
            f"{count} examples are few: an improvement is usually seen from {FEW_EXAMPLES} to 100."
        )
    first: dict[tuple[Turn, ...], int] = {}
    twice = []
    for number, example in numbered:
        seen = first.setdefault(example.turns, number)
        if seen != number:
            twice.append(f"line {number} repeats line {seen}")
    if twice:
        more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
        yield f"{len(twice)} duplicates: {', '.join(twice[:3])}{more}."
    replies = Counter(example.turns[-1].text for _, example in numbered)
    reply, times = replies.most_common(1)[0]
    if times > 3 and times * 5 > count and not twice:
        yield f"{times} examples end with the same reply ({reply[:40]!r})."
