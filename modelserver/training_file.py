"""Reading a training file as OpenAI would: what is wrong becomes the reason of a failed job."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from modelserver.engine import Lesson, Preference, Said
from modelserver.errors import TrainingError

T = TypeVar("T")

MIN_EXAMPLES = 10
MAX_LINE = 8 * 1024 * 1024  # bytes
MAX_EXAMPLES = 100_000
_ROLES = {"system", "user", "assistant"}
_NAMES = {"training_file": "Training file", "validation_file": "Validation file"}


def read(path: Path, param: str = "training_file") -> list[Lesson]:
    """The lessons of a JSONL file. Raises TrainingError that names the line and `param`.

    A validation file may be as short as it likes.
    """
    return _read(path, param, _lesson, "messages")


def read_pairs(path: Path, param: str = "training_file") -> list[Preference]:
    """The same for the method dpo."""
    wanted = "input, preferred_output and non_preferred_output"
    return _read(path, param, _preference, wanted)


def _read(path: Path, param: str, parse: Callable[[bytes], T], wanted: str) -> list[T]:
    examples: list[T] = []
    fewest = MIN_EXAMPLES if param == "training_file" else 1
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            try:
                if len(line) > MAX_LINE:
                    raise _Fault(f"the line is longer than {MAX_LINE} bytes")
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    examples.append(parse(line))
            except _Fault as fault:
                raise TrainingError(
                    "invalid_file_format",
                    f"Invalid file format. Line {number}: {fault}. Every line must be a JSON "
                    f"object with {wanted}.",
                    param,
                ) from None
            if len(examples) > MAX_EXAMPLES:
                raise TrainingError(
                    "invalid_n_examples",
                    f"{_NAMES[param]} has more than {MAX_EXAMPLES} examples",
                    param,
                )
    if len(examples) < fewest:
        raise TrainingError(
            "invalid_n_examples",
            f"{_NAMES[param]} has {len(examples)} example(s), but must have at least "
            f"{fewest} examples",
            param,
        )
    return examples


class _Fault(Exception):
    """What is wrong with a line, as a part of a sentence."""


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise _Fault("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise _Fault("it is not JSON") from None
    return data if isinstance(data, dict) else {}


def _preference(line: bytes) -> Preference:
    data = _object(line)
    asked = data.get("input")
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not messages:
        raise _Fault("its input has no messages")
    prompt = tuple(Said(role, text) for role, text, _ in map(_message, messages))
    if prompt[-1].role != "user":
        raise _Fault("the last message of its input must be from the user")
    preferred = _output(data, "preferred_output")
    rejected = _output(data, "non_preferred_output")
    if preferred == rejected:
        raise _Fault("the two outputs are the same")
    return Preference(prompt=prompt, preferred=preferred, rejected=rejected)


def _output(data: dict[str, Any], name: str) -> str:
    messages = data.get(name)
    if not isinstance(messages, list) or len(messages) != 1:
        raise _Fault(f"{name} must be a list with one message")
    role, text, _ = _message(messages[0])
    if role != "assistant":
        raise _Fault(f"the message of {name} must be from the assistant")
    return text


def _lesson(line: bytes) -> Lesson:
    messages = _object(line).get("messages")
    if not isinstance(messages, list) or not messages:
        raise _Fault("it has no messages")
    said, learn = [], []
    for message in messages:
        role, text, weight = _message(message)
        said.append(Said(role, text))
        learn.append(role == "assistant" and weight == 1)
    if said[-1].role != "assistant":
        raise _Fault("the last message must be from the assistant")
    if not any(learn):
        raise _Fault("there is no message of the assistant to be learnt")
    return Lesson(messages=tuple(said), learn=tuple(learn))


def _message(message: Any) -> tuple[str, str, int]:
    if not isinstance(message, dict):
        raise _Fault("a message is no object")
    role, content, weight = message.get("role"), message.get("content"), message.get("weight")
    if not isinstance(role, str) or role not in _ROLES:
        raise _Fault("a message has an unknown role")
    if not isinstance(content, str) or not content.strip():
        raise _Fault("a message has no content")
    if weight is None:
        weight = 1
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight not in {0, 1}:
        raise _Fault("a weight is neither 0 nor 1")
    return role, content.encode("utf-8", "replace").decode(), int(weight)
