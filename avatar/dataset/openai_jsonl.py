"""OpenAI's format for supervised fine-tuning: JSONL, one conversation a line.

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}

Everything that the provider would check is checked here, so that a person learns of all faults at
once and before anything is paid. The file is read as a stream: a line that is too long is refused
without being held in memory.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from avatar import tokens
from avatar.dataset import looks
from avatar.dataset.reading import Faults, Reading, refused, shown_name
from avatar.language import noted, tr, trn
from avatar.records import Example, Role, Turn

MIN_EXAMPLES = 10
MAX_TOKENS = 65_536  # an example
MAX_LINE = 4 * 1024 * 1024  # bytes; 65,536 tokens are far below
MAX_FILE = 512 * 1024 * 1024  # bytes
MAX_EXAMPLES = 200_000  # what is kept in memory and in the database; about 512 MB of small ones
MAX_LINES = 2_000_000  # also empty ones: half a gigabyte of newlines would be read for minutes
MAX_FAULTY = 10_000  # lines with faults: reading on would tell nothing new
_ROLES = {role.value for role in Role}
_SURROGATE = re.compile("[\ud800-\udfff]")
# C0 and DEL without tab, newline and carriage return: never wanted, and PostgreSQL takes no NUL.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WANTED = noted('It must be text in UTF-8 with one {"messages": […]} a line.')


async def read(path: Path, *, name: str) -> Reading:
    """`read_file`, off the event loop."""
    return await asyncio.to_thread(read_file, path, name=name)


def read_file(path: Path, *, name: str) -> Reading:
    """The examples of a file. `name` is what its sender called it.

    Raises BadDataset, with every fault and its line, up to twenty.
    """
    source = shown_name(name)
    if path.stat().st_size > MAX_FILE:
        raise refused(tr("it is larger than {size} MB.", size=MAX_FILE // 1024 // 1024))
    with path.open("rb") as file:
        if (what := looks.seems(file.read(looks.HEAD))) is not None:
            raise refused(tr("it looks like {what}. {wanted}", what=what, wanted=tr(_WANTED)))
        file.seek(0)
        return read_stream(file, source)


def read_stream(file: BinaryIO, source: str) -> Reading:
    """`read_file`, of a file that is open at its start and was recognised."""
    faults = Faults()
    return concluded(list(_examples(file, source, faults)), source, faults)


def concluded(numbered: list[tuple[int, Example]], source: str, faults: Faults) -> Reading:
    """A reading of numbered examples. Raises BadDataset for faults, and for too few examples."""
    count = len(numbered) + faults.count
    if count == 0:
        raise refused(tr("it is empty. {wanted}", wanted=tr(_WANTED)))
    if count < MIN_EXAMPLES:
        faults.add(
            tr("the file"),
            trn(
                "it has {n:,} example; training needs at least {least}.",
                "it has {n:,} examples; training needs at least {least}.",
                count,
                least=MIN_EXAMPLES,
            ),
        )
    if faults:
        raise faults.error
    examples = tuple(example for _, example in numbered)
    return Reading(source=source, examples=examples, warnings=tuple(_warnings(numbered)))


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Examples as lines of the format, preference pairs in theirs."""
    for example in examples:
        if example.rejected is not None:
            yield _line(_pair_of(example, example.rejected))
            continue
        messages: list[dict[str, Any]] = []
        for turn, weight in zip(example.turns, example.weights, strict=True):
            message: dict[str, Any] = {"role": turn.role.value, "content": turn.text}
            if weight is not None:
                message["weight"] = weight
            messages.append(message)
        yield _line({"messages": messages})


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def _pair_of(example: Example, rejected: str) -> dict[str, Any]:
    *asked, preferred = example.turns
    role = Role.ASSISTANT.value
    return {
        "input": {"messages": [{"role": t.role.value, "content": t.text} for t in asked]},
        "preferred_output": [{"role": role, "content": preferred.text}],
        "non_preferred_output": [{"role": role, "content": rejected}],
    }


def _lines(file: BinaryIO, faults: Faults) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; one that is too long is a fault and is skipped in pieces."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if number > MAX_LINES:
            raise refused(tr("it has more than {most:,} lines.", most=MAX_LINES))
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            faults.add(
                line_words(number),
                tr("it is longer than {size} MB.", size=MAX_LINE // 1024 // 1024),
            )
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        yield number, line


def _examples(file: BinaryIO, source: str, faults: Faults) -> Iterator[tuple[int, Example]]:
    count = 0
    for number, line in _lines(file, faults):
        if faults.count >= MAX_FAULTY:
            return
        text = _decoded(number, line, faults)
        if text is None or not text.strip():
            continue
        first = count == 0 and not faults
        reason, example = _example(text, f"{source} line {number}", first=first)
        if example is None:
            faults.add(line_words(number), reason)
            continue
        count += 1
        if count > MAX_EXAMPLES:
            raise refused(tr("it has more than {most:,} examples.", most=MAX_EXAMPLES))
        yield number, example


def _decoded(number: int, line: bytes, faults: Faults) -> str | None:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        faults.add(line_words(number), tr("byte {place} is not UTF-8.", place=error.start + 1))
        return None


class Bad(Exception):
    """Why a line cannot be used; becomes a fault with its place."""


def line_words(number: int) -> str:
    """The place of a fault."""
    return tr("line {number}", number=number)


def no_json(error: json.JSONDecodeError) -> str:
    """Why a line cannot be read."""
    return tr(
        "it is no JSON ({fault}, at character {place}).", fault=error.msg, place=error.pos + 1
    )


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Bad(tr("a key stands twice in one object."))
    return made


def _constant(name: str) -> Any:
    raise Bad(tr("{value} is no JSON.", value=name))


def _example(line: str, source: str, *, first: bool) -> tuple[str, Example | None]:
    """An example, or why there is none. In place of the same fault for each line, raises
    BadDataset when the first line shows another form.
    """
    try:
        data = json.loads(line, object_pairs_hook=_pairs, parse_constant=_constant)
        if first and isinstance(data, dict) and (form := looks.other_form(data)) is not None:
            raise refused(
                tr(
                    "it is in another form: {form}. /train cannot use that yet. {wanted}",
                    form=form,
                    wanted=tr(_WANTED),
                )
            )
        return "", checked(data, source)
    except Bad as bad:
        return str(bad), None
    except json.JSONDecodeError as error:
        return no_json(error), None
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        return tr("it is no JSON that can be read."), None


def checked(data: Any, source: str) -> Example:
    """The example that an object of the format is. Raises Bad."""
    if not isinstance(data, dict):
        raise Bad(tr('it must be an object with "messages".'))
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Bad(tr('it needs "messages", a list of messages.'))
    if data.get("tools") or data.get("functions"):
        raise Bad(tr("tools cannot be trained here."))
    turns: list[Turn] = []
    weights: list[int | None] = []
    for place, message in enumerate(messages, start=1):
        turn, weight = _message(message, place)
        turns.append(turn)
        weights.append(weight)
    if turns[-1].role is not Role.ASSISTANT:
        raise Bad(tr("the last message must be the assistant's."))
    if not any(turn.role is Role.USER for turn in turns):
        raise Bad(tr("it has no message of the user."))
    if not any(
        turn.role is Role.ASSISTANT and weight != 0
        for turn, weight in zip(turns, weights, strict=True)
    ):
        raise Bad(tr("every message of the assistant has weight 0: nothing would be learnt."))
    size = tokens.of_conversation([turn.text for turn in turns])
    if size > MAX_TOKENS:
        raise Bad(
            tr(
                "it has about {tokens:,} tokens; the limit is {most:,}.",
                tokens=size,
                most=MAX_TOKENS,
            )
        )
    return Example(turns=tuple(turns), weights=tuple(weights), tokens=size, source=source)


def _no_role(role: object, place: int) -> Bad:
    if not isinstance(role, str):
        return Bad(
            tr(
                "message {number} has a role that is no text; use system, user or assistant.",
                number=place,
            )
        )
    return Bad(
        tr(
            "message {number} has a role {role}; use system, user or assistant.",
            number=place,
            role=repr(role[:20]),
        )
    )


def _message(message: Any, place: int) -> tuple[Turn, int | None]:
    if not isinstance(message, dict):
        raise Bad(tr("message {number} must be an object with role and content.", number=place))
    role, content, weight = message.get("role"), message.get("content"), message.get("weight")
    if not isinstance(role, str) or role not in _ROLES:
        raise _no_role(role, place)
    if message.get("tool_calls") or message.get("function_call"):
        raise Bad(tr("message {number} calls a tool, which cannot be trained here.", number=place))
    if not isinstance(content, str) or not content.strip():
        raise Bad(tr("message {number} needs text as its content.", number=place))
    if _SURROGATE.search(content):
        raise Bad(tr("message {number} has half of a character (a lone surrogate).", number=place))
    if control := _CONTROL.search(content):
        raise Bad(
            tr(
                "message {number} has a control character (U+{code:04X}).",
                number=place,
                code=ord(control[0]),
            )
        )
    if weight is not None:
        if role != Role.ASSISTANT.value:
            raise Bad(tr("message {number} has a weight; only the assistant's can.", number=place))
        if type(weight) is not int or weight not in {0, 1}:
            raise Bad(tr("message {number} has a weight that is neither 0 nor 1.", number=place))
    return Turn(role=Role(role), text=content), weight


def _warnings(numbered: list[tuple[int, Example]]) -> Iterator[str]:
    count = len(numbered)
    first: dict[tuple[Turn, ...], int] = {}
    twice = []
    for number, example in numbered:
        seen = first.setdefault(example.turns, number)
        if seen != number:
            twice.append(tr("line {number} repeats line {earlier}", number=number, earlier=seen))
    if twice:
        lines = ", ".join(twice[:3])
        if len(twice) > 3:
            lines = tr("{lines} and {count} more", lines=lines, count=len(twice) - 3)
        yield trn("{n} duplicate: {lines}.", "{n} duplicates: {lines}.", len(twice), lines=lines)
    replies = Counter(example.turns[-1].text for _, example in numbered)
    reply, times = replies.most_common(1)[0]
    if times > 3 and times * 5 > count and not twice:
        shown = reply if len(reply) <= 40 else reply[:39] + "…"
        yield tr(
            "{times} of {count} examples end with the same reply: {reply}",
            times=times,
            count=count,
            reply=" ".join(shown.split()),
        )
