"""Reading a training file as OpenAI would: what is wrong becomes the reason of a failed job."""

import json
from pathlib import Path
from typing import Any

from modelserver.engine import Lesson, Said
from modelserver.errors import TrainingError

MIN_EXAMPLES = 10
MAX_LINE = 8 * 1024 * 1024  # bytes
MAX_EXAMPLES = 500_000
_ROLES = {"system", "user", "assistant"}


def read(path: Path) -> list[Lesson]:
    """The lessons of a JSONL file. Raises TrainingError that names the line."""
    lessons: list[Lesson] = []
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise _bad(number, "the line is too long")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                lessons.append(_lesson(number, line))
            if len(lessons) > MAX_EXAMPLES:
                raise TrainingError(
                    "invalid_n_examples", f"Training file has more than {MAX_EXAMPLES} examples"
                )
    if len(lessons) < MIN_EXAMPLES:
        raise TrainingError(
            "invalid_n_examples",
            f"Training file has {len(lessons)} example(s), but must have at least "
            f"{MIN_EXAMPLES} examples",
        )
    return lessons


def _bad(number: int, reason: str) -> TrainingError:
    return TrainingError(
        "invalid_file_format",
        f"Invalid file format. Line {number}: {reason}. Every line must be a JSON object with "
        "messages.",
    )


def _lesson(number: int, line: bytes) -> Lesson:
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise _bad(number, "it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise _bad(number, "it is not JSON") from None
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, list) or not messages:
        raise _bad(number, "it has no messages")
    said, learn = [], []
    for message in messages:
        role, text, weight = _message(number, message)
        said.append(Said(role, text))
        learn.append(role == "assistant" and weight != 0)
    if said[-1].role != "assistant":
        raise _bad(number, "the last message must be from the assistant")
    if not any(learn):
        raise _bad(number, "there is no message of the assistant to be learnt")
    return Lesson(messages=tuple(said), learn=tuple(learn))


def _message(number: int, message: Any) -> tuple[str, str, int]:
    if not isinstance(message, dict):
        raise _bad(number, "a message is no object")
    role, content, weight = message.get("role"), message.get("content"), message.get("weight", 1)
    if not isinstance(role, str) or role not in _ROLES:
        raise _bad(number, "a message has an unknown role")
    if not isinstance(content, str) or not content:
        raise _bad(number, "a message has no content")
    if weight not in {0, 1} or isinstance(weight, bool):
        raise _bad(number, "a weight is neither 0 nor 1")
    return role, content.encode("utf-8", "replace").decode(), int(weight)
