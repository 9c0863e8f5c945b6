"""Reading a streamed chat completion from its bytes.

The package's own parser makes a pydantic object of every token, which costs more than everything
else when many replies stream at once; the few fields that we need are taken from the JSON here.
The lines are found here too: the HTTP library's lines also end at U+2028 and the like, which may
stand inside of a JSON text.
"""

import json
from collections.abc import Sequence

from avatar.records import Finish, Usage
from backends.errors import Reported, reported_in

MAX_LINE = 1024 * 1024  # bytes; a token's line has some hundreds
MAX_TOKENS = 1_000_000_000  # a usage above that is nonsense
_FINISH = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "content_filter": Finish.FILTER,
    "error": Finish.CUT,  # OpenRouter
    "abort": Finish.CUT,  # vLLM, SGLang
}


class Chunks:
    """Takes bytes as they come, gives text; remembers how the stream ended."""

    def __init__(self) -> None:
        self.finish: Finish | None = None  # None at the end: the reply was cut
        self.usage: Usage | None = None  # None: the host did not say
        self.error: Reported | None = None  # nothing is read after it
        self.done = False  # the host said that it is the end
        self._rest = b""  # of a line
        self._half = ""  # of a character: hosts that escape may send its two halves one by one

    def feed(self, data: bytes) -> str:
        """The text that these bytes complete."""
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        text = self._whole(self._all(lines))
        self._rest = rest
        if len(rest) > MAX_LINE and self.error is None:
            self.error = Reported(status=None, codes=frozenset(), message="an endless line")
        if self.error is not None or self.done:
            self._rest = b""
        return text

    def end(self) -> str:
        """What is left when the stream is over: a last line may lack its end."""
        rest, self._rest = self._rest, b""
        return self._whole(self._all([rest]))

    def _all(self, lines: Sequence[bytes]) -> str:
        """The text in lines. What is no event of ours is left out: hosts send comments and
        keep-alives of many kinds.
        """
        if self.done or self.error is not None:
            return ""
        events, done = [], False
        for line in lines:
            if not line:  # every other one
                continue
            event = line.removeprefix(b"\xef\xbb\xbf")
            if not event.startswith(b"data:"):
                continue
            event = event[5:].strip()
            if event == b"[DONE]":
                done = True
                break
            if event:
                events.append(event)
        text = "".join(map(self._read, _parsed(events)))
        self.done = done and self.error is None
        return text

    def _read(self, chunk: object) -> str:
        """The text of an event."""
        if not isinstance(chunk, dict) or self.error is not None:
            return ""
        if chunk.get("error"):
            self.error = reported_in(chunk, status=None)
            return ""
        if (usage := chunk.get("usage")) is not None:
            self.usage = _usage(usage) or self.usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        if reason := choice.get("finish_reason"):
            self.finish = _FINISH.get(str(reason), Finish.STOP)
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        return content if isinstance(content, str) else ""

    def _whole(self, text: str) -> str:
        """Text that can be stored and sent: halves of characters are joined, a lost one replaced.
        The first half is held back until the other comes.
        """
        text, self._half = self._half + text, ""
        if text.isascii():
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text


def _parsed(events: Sequence[bytes]) -> list[object]:
    """Events from JSON, those of a block in one go; what is no JSON is left out."""
    if not events:
        return []
    try:
        parsed = json.loads(f"[{b','.join(events).decode()}]")
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, list) and len(parsed) == len(events):
        return parsed
    each = []
    for event in events:
        try:
            each.append(json.loads(event.decode(errors="replace")))
        except (ValueError, RecursionError):
            continue
    return each


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(
        prompt_tokens=prompt, completion_tokens=completion, cached_tokens=min(cached or 0, prompt)
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None
