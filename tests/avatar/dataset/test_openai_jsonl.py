"""Reading OpenAI's format: what is taken, and what each fault is called."""

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar.dataset import openai_jsonl
from avatar.dataset.reading import Faults, Reading, shown_name
from avatar.errors import BadDataset
from avatar.records import Example, Role, Turn

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "malaysian.jsonl"


def a_line(question: str = "Hello", answer: str = "Wah, hello!", **changes: Any) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": messages} | changes


GOOD = [a_line(f"Question {n}", f"Answer {n}") for n in range(10)]


def as_bytes(*lines: object) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def read(tmp_path: Path, content: bytes, name: str = "chats.jsonl") -> Reading:
    path = tmp_path / "upload"
    path.write_bytes(content)
    return openai_jsonl.read_file(path, name=name)


def faults(tmp_path: Path, content: bytes) -> tuple[str, ...]:
    with pytest.raises(BadDataset) as caught:
        read(tmp_path, content)
    return caught.value.faults


async def test_the_shipped_examples_are_read() -> None:
    reading = await openai_jsonl.read(EXAMPLES, name="malaysian.jsonl")
    assert len(reading.examples) == 44
    assert reading.examples[11].source == "malaysian.jsonl line 12"
    assert reading.tokens == sum(example.tokens for example in reading.examples)


def test_an_example_keeps_turns_and_weights(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "You are Ani.\nBe kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ya?", "weight": 0},
        {"role": "user", "content": "Makan?"},
        {"role": "assistant", "content": "Jom lah 😀", "weight": 1},
    ]
    reading = read(tmp_path, as_bytes({"messages": messages}, *GOOD))
    example = reading.examples[0]
    assert [turn.role for turn in example.turns] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.USER,
        Role.ASSISTANT,
    ]
    assert example.turns[0].text == "You are Ani.\nBe kind."
    assert example.weights == (None, None, 0, None, 1)


def test_a_bom_empty_lines_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + as_bytes(*GOOD).replace(b"\n", b"\r\n\r\n  \r\n")
    reading = read(tmp_path, content)
    assert len(reading.examples) == 10
    assert reading.examples[1].source == "chats.jsonl line 4"


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("chats.jsonl", as_bytes(*GOOD))
    return file.getvalue()


TELEGRAM = {
    "name": "Ann",
    "type": "personal_chat",
    "id": 7,
    "messages": [
        {"id": 1, "type": "message", "date_unixtime": "1700000000", "from": "Ann", "text": "Hi"}
    ],
}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (a_zip(), "a zip archive"),
        (gzip.compress(as_bytes(*GOOD)), "a gzip archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (as_bytes(*GOOD).decode().encode("utf-16"), "text in UTF-16"),
        (as_bytes(*GOOD).decode().encode("utf-16-le"), "not in UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "binary data"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (json.dumps(TELEGRAM, indent=1).encode(), "a Telegram export"),
        (json.dumps(TELEGRAM).encode(), "a Telegram export"),
        (b"12/31/25, 10:00 - Ann: hello\n12/31/25, 10:01 - Ben: hi\n", "a WhatsApp export"),
        ("\u200e[31.12.25, 10:00:00] Ann: hello\n".encode(), "a WhatsApp export"),
        (b'[{"sender_name": "Ann", "content": "Hi"}]', "a Messenger or Instagram export"),
        (json.dumps(GOOD, indent=1).encode(), "one JSON document"),
        (json.dumps(GOOD[0], indent=1).encode(), "one JSON document"),
        (as_bytes({"conversations": [{"from": "human", "value": "Hi"}]}), "ShareGPT"),
        (as_bytes({"prompt": "Hi", "completion": "Hello"}), "prompt and completion"),
        (
            as_bytes({"input": GOOD[0], "preferred_output": [], "non_preferred_output": []}),
            "preference pairs (DPO)",
        ),
        (b"", "it is empty"),
        (b"\n \n\r\n", "it is empty"),
    ],
)
def test_a_file_of_another_kind_gets_one_sentence(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (only,) = faults(tmp_path, content)
    assert what in only
    assert '{"messages": […]} a line' in only


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no json", "no JSON"),
        (b'{"messages": [', "no JSON"),
        (b'{"messages": NaN}', "NaN"),
        (b'{"messages": [], "messages": []}', "twice"),
        (b'"text"', "must be an object"),
        (b"[1]", "must be an object"),
        (b"{}", 'needs "messages"'),
        (b'{"messages": {}}', 'needs "messages"'),
        (b'{"messages": []}', 'needs "messages"'),
        (b'{"messages": [7]}', "message 1 must be an object"),
        (b"\xc3\x28", "byte 1 is not UTF-8"),
        (b"[" * 100_000, "no JSON that can be read"),
        (b'{"messages": ' + b"9" * 10_000 + b"}", "no JSON that can be read"),
        (b'{"messages": [{"role": "user", "content": "a\tb"}]}', "no JSON"),
        (as_bytes(a_line("x" * (65_536 * 4))).strip(), "the limit is 65,536"),
        (as_bytes(a_line(answer="")).strip(), "message 2 needs text"),
        (as_bytes(a_line(answer=" \n")).strip(), "message 2 needs text"),
        (as_bytes(a_line(tools=[{"type": "function"}])).strip(), "tools"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "half of a character"),
        (b'{"messages": [{"role": "user", "content": "a\\u0000"}]}', "U+0000"),
        (b'{"messages": [{"role": "user", "content": "a\\u001b[1m"}]}', "U+001B"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(tmp_path: Path, line: bytes, reason: str) -> None:
    (only,) = faults(tmp_path, as_bytes(*GOOD) + line + b"\n")
    assert only.startswith("line 11: ")
    assert reason in only


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([("user", "Hi", {})], "the last message must be the assistant's"),
        ([("assistant", "Hi", {})], "no message of the user"),
        ([("user", "Hi", {}), ("assistant", "Ya", {"weight": 0})], "weight 0"),
        ([("user", "Hi", {"weight": 1}), ("assistant", "Ya", {})], "only the assistant's"),
        ([("user", "Hi", {}), ("assistant", "Ya", {"weight": 2})], "neither 0 nor 1"),
        ([("user", "Hi", {}), ("assistant", "Ya", {"weight": True})], "neither 0 nor 1"),
        ([("user", "Hi", {}), ("assistant", "Ya", {"weight": 1.0})], "neither 0 nor 1"),
        ([("tool", "Hi", {}), ("assistant", "Ya", {})], "role 'tool'"),
        ([(["user"], "Hi", {}), ("assistant", "Ya", {})], "role that is no text"),
        ([(None, "Hi", {}), ("assistant", "Ya", {})], "role that is no text"),
        ([("user", ["Hi"], {}), ("assistant", "Ya", {})], "message 1 needs text"),
        ([("user", "Hi", {}), ("assistant", "Ya", {"tool_calls": [1]})], "calls a tool"),
    ],
)
def test_a_bad_conversation_is_named_with_its_reason(
    tmp_path: Path, messages: list[tuple[Any, Any, dict[str, Any]]], reason: str
) -> None:
    line = {"messages": [{"role": r, "content": c, **rest} for r, c, rest in messages]}
    (only,) = faults(tmp_path, as_bytes(*GOOD, line))
    assert only.startswith("line 11: ")
    assert reason in only


def test_all_faults_are_named_at_once_up_to_twenty(tmp_path: Path) -> None:
    content = as_bytes(*GOOD) + b"{}\n" * 30
    with pytest.raises(BadDataset) as caught:
        read(tmp_path, content)
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        f"line {n}" for n in range(11, 31)
    ]
    assert caught.value.more == 10


def test_too_few_examples_are_a_fault_beside_the_others(tmp_path: Path) -> None:
    assert faults(tmp_path, as_bytes(*GOOD[:9])) == (
        "the file: it has 9 examples; training needs at least 10.",
    )
    first, second = faults(tmp_path, as_bytes(*GOOD[:3]) + b"{}\n")
    assert first.startswith("line 4: ")
    assert "4 examples" in second


class Endless(io.RawIOBase):
    """A file of one line without end, that remembers how much of it was wanted at once."""

    def __init__(self, size: int) -> None:
        self.left, self.most = size, 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0
        self.most = max(self.most, size)
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


def test_a_line_of_a_gigabyte_is_never_held(tmp_path: Path) -> None:
    file = Endless(2**30)
    found = Faults()
    assert list(openai_jsonl._lines(file, found)) == []  # type: ignore[arg-type]  # no BinaryIO
    assert found.error.faults == ("line 1: it is longer than 4 MB.",)
    assert file.most <= openai_jsonl.MAX_LINE + 1


def test_the_lines_after_one_that_is_too_long_keep_their_numbers(tmp_path: Path) -> None:
    long = b"x" * (openai_jsonl.MAX_LINE * 2 + 17) + b"\n"
    first, second = faults(tmp_path, as_bytes(*GOOD) + long + as_bytes(GOOD[0]) + b"{}\n")
    assert first == "line 11: it is longer than 4 MB."
    assert second.startswith("line 13: ")


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(openai_jsonl.MAX_FILE + 1)  # sparse: takes no room
    with pytest.raises(BadDataset, match="larger than 512 MB"):
        openai_jsonl.read_file(path, name="large.jsonl")


def test_reading_ends_when_nothing_new_can_be_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_jsonl, "MAX_FAULTY", 50)
    with pytest.raises(BadDataset) as caught:
        read(tmp_path, b"bad\n" * 1_000)
    assert len(caught.value.faults) + caught.value.more == 50
    monkeypatch.setattr(openai_jsonl, "MAX_LINES", 100)
    assert "more than 100 lines" in faults(tmp_path, b"\n" * 1_000)[0]


def test_duplicates_and_one_reply_for_everything_are_warned_of(tmp_path: Path) -> None:
    reading = read(tmp_path, as_bytes(*GOOD, GOOD[0], GOOD[3]))
    assert "2 duplicates: line 11 repeats line 1, line 12 repeats line 4." in reading.warnings
    same = [a_line(f"Question {n}", "Ok") for n in range(10)]
    assert (
        "10 of 10 examples end with the same reply: Ok" in read(tmp_path, as_bytes(*same)).warnings
    )


def test_enough_different_examples_give_no_warning(tmp_path: Path) -> None:
    lines = [a_line(f"Question {n}", f"Answer {n}") for n in range(50)]
    assert read(tmp_path, as_bytes(*lines)).warnings == ()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("chats.jsonl", "chats.jsonl"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\chats.jsonl", "chats.jsonl"),
        ("a\u202eb\x1b[1m\n.jsonl", "ab[1m.jsonl"),
        ("", "file"),
        ("dir/", "file"),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_name_is_made_safe_to_show(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_a_reading_or_a_bad_dataset(tmp_path: Path, content: bytes) -> None:
    for whole in (content, as_bytes(*GOOD) + content):
        try:
            reading = read(tmp_path, whole)
        except BadDataset as bad:
            assert bad.faults
        else:
            assert len(reading.examples) >= 10


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "weight", "tools"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]) | _JSON, "content": _JSON},
    optional={"weight": st.sampled_from([0, 1, None, -1]) | _JSON, "tool_calls": _JSON},
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        _JSON | st.fixed_dictionaries({"messages": st.lists(_MESSAGE, max_size=4)}), max_size=4
    )
)
def test_any_json_is_a_reading_or_a_bad_dataset(tmp_path: Path, lines: list[Any]) -> None:
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    try:
        read(tmp_path, as_bytes(*GOOD) + content)
    except BadDataset as bad:
        assert all(fault.startswith("line ") for fault in bad.faults)


_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\r"), max_size=30
).filter(lambda text: text.strip() != "")


@st.composite
def _examples(draw: st.DrawFn) -> tuple[list[Turn], list[int | None]]:
    roles = draw(st.lists(st.sampled_from(Role), max_size=4))
    turns = [Turn(role=role, text=draw(_TEXT)) for role in [Role.USER, *roles, Role.ASSISTANT]]
    weights: list[int | None] = [
        draw(st.sampled_from([None, 0, 1])) if turn.role is Role.ASSISTANT else None
        for turn in turns[:-1]
    ]
    return turns, [*weights, draw(st.sampled_from([None, 1]))]


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(_examples(), min_size=10, max_size=11))
def test_what_is_written_is_read_again(
    tmp_path: Path, made: Sequence[tuple[list[Turn], list[int | None]]]
) -> None:
    written = [
        Example(turns=tuple(turns), weights=tuple(weights), tokens=0, source="")
        for turns, weights in made
    ]
    reading = read(tmp_path, b"".join(openai_jsonl.write(written)))
    assert [(e.turns, e.weights) for e in reading.examples] == [
        (e.turns, e.weights) for e in written
    ]
