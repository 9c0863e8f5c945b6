"""`python -m benchmarks.exports`: how fast chat exports are read, and in how much memory.

Each reader is compared with the plain parse of the same bytes in the same run: `json.load`, or
decoding and splitting into lines. Times are the processor's, so that what else runs counts little.
"""

import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from avatar.dataset.building import build
from avatar.dataset.formats import open_export

SMALL, BIG = 50_000, 1_000_000  # messages
_WORDS = "well then we could go to the lake on sunday if the sun is out, what do you think? ✓"
_PARSE_BIG = """
import json, sys, time
began = time.process_time()
with open(sys.argv[1], encoding="utf-8") as file:
    json.load(file)
print(time.process_time() - began)
"""


def _text(n: int) -> str:
    return f"{n} {_WORDS[: 10 + n * 7 % 70]}"


def _time(n: int) -> int:
    """A message each half minute, and a night after each hundred."""
    return 1_400_000_000 + 30 * n + 40_000 * (n // 100)


def _telegram(count: int, file: io.TextIOBase, *, indent: int | None = 1) -> None:
    file.write('{"name": "Ann", "type": "personal_chat", "id": 7, "messages": [\n')
    for n in range(count):
        name, speaker = (("Ann", "user7"), ("Bob", "user8"))[n // 2 % 2]
        message = {
            "id": n,
            "type": "message",
            "date": "2022-03-08T13:07:42",
            "date_unixtime": str(_time(n)),
            "from": name,
            "from_id": speaker,
            "text": _text(n),
            "text_entities": [{"type": "plain", "text": _text(n)}],
        }
        file.write((",\n" if n else "") + json.dumps(message, ensure_ascii=False, indent=indent))
    file.write("]}")


def _telegram_bytes(count: int) -> bytes:
    file = io.StringIO()
    _telegram(count, file)
    return file.getvalue().encode()


def _stamp(n: int, form: str) -> str:
    return time.strftime(form, time.gmtime(_time(n)))


def _whatsapp(count: int) -> bytes:
    form = "%d/%m/%y, %H:%M"
    return "".join(
        f"{_stamp(n, form)} - {'AB'[n % 2]}: {_text(n)}\n" for n in range(count)
    ).encode()


def _signal(count: int) -> bytes:
    form = "[%Y-%m-%d, %H:%M]"
    return "".join(
        f"{_stamp(n, form)} {('Me', 'B')[n % 2]}: {_text(n)}\n" for n in range(count)
    ).encode()


def _line(count: int) -> bytes:
    day = ""
    lines = ["[LINE] Chat history with B\n"]
    for n in range(count):
        if (today := _stamp(n, "%Y/%m/%d(%a)")) != day:
            day = today
            lines.append(f"\n{day}\n")
        lines.append(f"{_stamp(n, '%H:%M')}\t{'AB'[n % 2]}\t{_text(n)}\n")
    return "".join(lines).encode()


def _discord(count: int) -> bytes:
    messages: list[dict[str, Any]] = [
        {
            "id": str(n),
            "type": "Default",
            "timestamp": _stamp(n, "%Y-%m-%dT%H:%M:%S.123+00:00"),
            "timestampEdited": None,
            "content": _text(n),
            "author": {"id": str(n % 2), "name": "ab"[n % 2], "nickname": "AB"[n % 2]},
            "attachments": [],
            "embeds": [],
            "reactions": [],
        }
        for n in range(count)
    ]
    whole = {"guild": {"id": "0"}, "channel": {"id": "1", "name": "x"}, "messages": messages}
    return json.dumps(whole, indent=1).encode()


def _messenger(count: int) -> bytes:
    messages = [
        {
            "sender_name": "AB"[n % 2],
            "timestamp_ms": _time(n) * 1000,
            "content": _text(n).encode().decode("latin-1"),
            "is_geoblocked_for_viewer": False,
        }
        for n in reversed(range(count))
    ]
    return json.dumps({"participants": [{"name": "A"}], "messages": messages}, indent=1).encode()


def _slack(count: int) -> bytes:
    messages = [
        {"user": "AB"[n % 2], "type": "message", "text": _text(n), "ts": f"{_time(n)}.000100"}
        for n in range(count)
    ]
    return json.dumps(messages, indent=1).encode()


def _parse_lines(content: bytes) -> Any:
    return content.decode().split("\n")


READERS: tuple[tuple[str, Callable[[int], bytes], Callable[[bytes], Any]], ...] = (
    ("Telegram", _telegram_bytes, json.loads),
    ("Discord", _discord, json.loads),
    ("Messenger", _messenger, json.loads),
    ("Slack", _slack, json.loads),
    ("WhatsApp", _whatsapp, _parse_lines),
    ("Signal", _signal, _parse_lines),
    ("LINE", _line, _parse_lines),
)


def _taken(do: Callable[[], object]) -> float:
    """Seconds of the processor's time, the best of three."""

    def once() -> float:
        began = time.process_time()
        do()
        return time.process_time() - began

    return min(once() for _ in range(3))


def readers(folder: Path) -> Iterator[str]:
    """Each reader over the same chat."""
    for name, made, parse in READERS:
        content = made(SMALL)
        path = folder / name
        path.write_bytes(_zipped(content) if name == "Slack" else content)
        export = open_export(path, name)
        plain = _taken(lambda parse=parse, content=content: parse(content))  # type: ignore[misc]
        read = _taken(export.overview)
        yield (
            f"{name}: {SMALL / read:,.0f} messages/s, "
            f"{read / plain:.1f} times the plain parse of the same bytes"
        )


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("general/2024-01-01.json", content)
    return file.getvalue()


def big(path: Path, *, building: bool) -> str:
    """What reading, and building of, a large chat takes; run in a process of its own."""
    export = open_export(path, path.name)
    began = time.process_time()
    overview = export.overview()
    read = time.process_time() - began
    found = {"messages": overview.messages, "read": read, "reading": _peak()}
    if building:
        began = time.process_time()
        built = build(export, person="user8", overview=overview)
        found["build"], found["building"] = time.process_time() - began, _peak()
        found["examples"] = built.report.examples + built.report.held_out
    return json.dumps(found)


def _peak() -> float:
    """The most memory that this process had so far, in MB: Linux's own count, which begins anew
    with a program, where there is one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def large(folder: Path) -> Iterator[str]:
    """A Telegram export of a million messages, with a line a value (as Telegram Desktop writes
    it) and with a line a message (as tools that shorten it do).
    """
    path = folder / "big.json"
    for indent, form in ((None, "a line a message"), (1, "a line a value")):
        with path.open("w", encoding="utf-8") as file:
            _telegram(BIG, file, indent=indent)
        plain = float(_run("-c", _PARSE_BIG, str(path)))
        build_too = [] if indent is None else ["build"]
        found = json.loads(_run("-m", "benchmarks.exports", str(path), *build_too))
        yield (
            f"Telegram, {found['messages']:,} messages, {form}, "
            f"{path.stat().st_size / 1024**2:.0f} MB: read in {found['read']:.1f} s, "
            f"{found['read'] / plain:.2f} times json.load ({plain:.1f} s), in "
            f"{found['reading']:.0f} MB of memory"
        )
        if build_too:
            yield (
                f"{found['examples']:,} examples of it built in {found['build']:.1f} s more, in "
                f"{found['building']:.0f} MB"
            )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in readers(folder):
            sys.stdout.write(line + "\n")
        for line in large(folder):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(big(Path(sys.argv[1]), building="build" in sys.argv[2:]))
    else:
        main()
