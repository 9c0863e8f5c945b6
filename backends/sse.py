"""Reading a streamed chat completion from its bytes.

The package's own parser makes a pydantic object of every token, which costs more than everything
else when many replies stream at once; the few fields that we need are taken from the JSON here.
The lines are found here too: the HTTP library's lines also end at U+2028 and the like, which may
stand inside of a JSON text.
"""

import json

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
        text = self._whole("".join(map(self._line, lines)))
        self._rest = rest
        if len(rest) > MAX_LINE and self.error is None:
            self.error = Reported(status=None, codes=frozenset(), message="an endless line")
        if self.error is not None or self.done:
            self._rest = b""
        return text

    def end(self) -> str:
        """What is left when the stream is over: a last line may lack its end."""
        rest, self._rest = self._rest, b""
        return self._whole(self._line(rest))

    def _line(self, line: bytes) -> str:
        """The text in a line; empty for everything else. Lines that are no JSON are left out:
        hosts send comments and keep-alives of many kinds.
        """
        if self.done or self.error is not None:
            return ""
        line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.startswith(b"data:"):
            return ""
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return ""
        try:
            chunk = json.loads(data.decode(errors="replace"))
        except (ValueError, RecursionError):
            return ""
        return self._read(chunk) if isinstance(chunk, dict) else ""

    def _read(self, chunk: dict[str, object]) -> str:
        if chunk.get("error"):
            self.error = reported_in(chunk, status=None)
            return ""
        self.usage = _usage(chunk.get("usage")) or self.usage
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
