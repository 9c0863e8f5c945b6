"""Reading a streamed chat completion from its raw lines.

The package's own parser makes a pydantic object of every token, which costs more than everything
else when many replies stream at once; the few fields that we need are taken from the JSON here.
"""

import json
from dataclasses import dataclass

from avatar.records import Finish, Usage

_FINISH = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "content_filter": Finish.FILTER,
}


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error event inside of a stream."""

    code: str
    message: str


class Chunks:
    """Takes lines, gives text; remembers how the stream ended."""

    def __init__(self) -> None:
        self.finish: Finish | None = None  # None at the end: the reply was cut
        self.usage: Usage | None = None
        self.error: StreamError | None = None

    def feed(self, line: str) -> str:
        """The text in a line; empty for everything else. Lines that are no JSON are left out:
        hosts send comments and keep-alives of many kinds.
        """
        if not line.startswith("data:"):
            return ""
        data = line[5:].strip()
        if not data or data == "[DONE]":
            return ""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            return ""
        return self._read(chunk) if isinstance(chunk, dict) else ""

    def _read(self, chunk: dict[str, object]) -> str:
        error = chunk.get("error")
        if error:
            body = error if isinstance(error, dict) else {"message": str(error)}
            self.error = StreamError(
                code=str(body.get("code") or body.get("type") or ""),
                message=str(body.get("message") or ""),
            )
            return ""
        if isinstance(usage := chunk.get("usage"), dict):
            self.usage = _usage(usage)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        if (reason := choice.get("finish_reason")) is not None:
            self.finish = _FINISH.get(str(reason), Finish.STOP)
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        return content if isinstance(content, str) else ""


def _usage(usage: dict[str, object]) -> Usage | None:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(
        prompt_tokens=max(0, prompt),
        completion_tokens=max(0, completion),
        cached_tokens=min(cached, prompt) if isinstance(cached, int) and cached > 0 else 0,
    )
