"""Whatever a file holds: examples or a sentence, never another exception, and in little time."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar.dataset.building import Rules, build
from avatar.dataset.formats import recognise
from avatar.errors import AvatarError
from tests.avatar.dataset.exported import FIXTURES, zipped

SEEDS = {path.name: path.read_bytes() for path in sorted(FIXTURES.iterdir())}
QUIET = settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Far above what any of these small files takes, far below what a square of its size would.
SECONDS = 3.0


def digest(path: Path, content: bytes, name: str) -> None:
    """All that can be done with a file; only our errors are let through, and caught."""
    path.write_bytes(content)
    began = time.process_time()
    try:
        found = recognise(path, name)
        if found.format.examples is not None:
            found.examples()
        elif found.format.pairs is not None:
            found.pairs()
        else:
            export = found.export()
            overview = export.overview()
            assert sum(1 for _ in export.messages()) == overview.messages
            for speaker in overview.speakers[:2]:
                rules = Rules(mask_names=True)
                report = build(export, person=speaker.id, rules=rules, overview=overview).report
                assert report.kept + sum(report.dropped.values()) == report.messages
    except AvatarError as error:
        assert len(error.sentence) > 20
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("name", SEEDS)
@QUIET
@given(data=st.data())
def test_a_damaged_file(name: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(["cut", "put", "flip", "repeat", "remove"])):
            case "cut":
                del content[at:]
            case "put":
                odd = [b"\xff", b"\x00", b'"', b"\n", b"\\x0", b"]", b"{", b": ", b"9" * 400]
                content[at:at] = data.draw(st.sampled_from(odd) | st.binary(max_size=20))
            case "flip":
                if content:
                    content[at] ^= data.draw(st.integers(1, 255))
            case "repeat":
                content[at:at] = content[at : at + 300]
            case "remove":
                del content[at : at + data.draw(st.integers(1, 100))]
    digest(tmp_path / "upload", bytes(content), name)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["1700000000", 1700000000, 1e300, "2024-13-45", "user1", "message", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    for key, one in inner:
        found += places(one, (*path, key)) if isinstance(one, dict | list) else [(*path, key)]
    return found


DOCUMENTS = {
    name: json.loads(content.replace(b"\\x07", b""))
    for name, content in SEEDS.items()
    if name.endswith(".json")
}
DOCUMENTS |= {
    name: json.loads(content.split(b"\n")[0])
    for name, content in SEEDS.items()
    if name.endswith(".jsonl")
}


@pytest.mark.parametrize("name", DOCUMENTS)
@QUIET
@given(data=st.data())
def test_values_of_other_kinds(name: str, data: st.DataObject, tmp_path: Path) -> None:
    document = json.loads(json.dumps(DOCUMENTS[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(places(document) or [("x",)]))
        holder = document
        for key in parents:
            holder = holder[key]
        if isinstance(holder, dict | list):
            if data.draw(st.booleans()) and isinstance(holder, dict):
                holder.pop(last, None)
            elif isinstance(holder, dict) or last != "x":
                holder[last] = data.draw(VALUES)
    digest(tmp_path / "upload", json.dumps(document).encode(), name)


SLACK = {
    member: zipfile.ZipFile(io.BytesIO(SEEDS["slack.zip"])).read(member)
    for member in ("users.json", "general/2023-11-14.json")
}


@QUIET
@given(data=st.data())
def test_values_of_other_kinds_in_slack(data: st.DataObject, tmp_path: Path) -> None:
    files = dict(SLACK)
    name = data.draw(st.sampled_from(sorted(files)))
    document = json.loads(files[name])
    *_, last = data.draw(st.sampled_from(places(document[0], (0,))))
    document[0][last if isinstance(last, str) else "ts"] = data.draw(VALUES)
    digest(tmp_path / "upload", zipped(files | {name: json.dumps(document)}), "slack.zip")


STARTS = {
    "whatsapp": "1/1/24, 10:00 - A: ",
    "apple": "[1/1/24, 10:00:00] A: ",
    "signal": "[2024-05-29, 15:04] Me: ",
    "line": "[LINE] Chat history with A\n2024/03/01(Fri)\n10:00\tA\t",
    "csv": "question,answer\n",
    "messenger": '{"participants":[{"name":"A"}],"messages":[{"sender_name":"A","content":"',
    "telegram": '{"name":"A","type":"personal_chat","id":1,"messages":[{"text":"',
    "openai": '{"messages":[{"role":"user","content":"',
}
REPEATED = [
    *(" ", "(", "[", "<", "!", '"', "\\", "\\x07", "\n> ", "\n", "1/1/24, ", "[x](", "<a", "- "),
    *("(- ", "{", "[[", '{"a":', ",", "\t", "\u200e", "https://", "www.", "1:", ":", "a@", "9"),
]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("repeated", REPEATED)
def test_no_text_takes_the_square_of_its_length(start: str, repeated: str, tmp_path: Path) -> None:
    content = STARTS[start] + repeated * (50_000 // len(repeated))
    digest(tmp_path / "upload", content.encode(), "export")


@pytest.mark.long
@pytest.mark.parametrize("start", STARTS)
def test_four_times_the_text_takes_some_four_times_as_long(start: str, tmp_path: Path) -> None:
    """Not sixteen times; the work of the processor, with much room for what else it does."""

    def taken(repeated: str, size: int) -> float:
        content = (STARTS[start] + repeated * (size // len(repeated))).encode()
        times = []
        for _ in range(2):
            began = time.process_time()
            digest(tmp_path / "upload", content, "export")
            times.append(time.process_time() - began)
        return min(times)

    for repeated in REPEATED:
        assert taken(repeated, 200_000) < 0.2 + 9 * taken(repeated, 50_000), repeated


@QUIET
@given(content=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_anything(content: bytes, tmp_path: Path) -> None:
    digest(tmp_path / "upload", content, "anything")
