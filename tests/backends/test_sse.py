"""The parser of streams: whatever comes, in whatever pieces."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.records import Finish, Usage
from backends.sse import MAX_LINE, Chunks
from tests.backends.standin import DONE, event, text


def read(*parts: bytes) -> tuple[str, Chunks]:
    chunks = Chunks()
    return "".join(map(chunks.feed, parts)) + chunks.end(), chunks


def test_a_usual_stream() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    said, chunks = read(
        event({"choices": [{"delta": {"role": "assistant", "content": ""}}], "usage": None}),
        text("Hel"),
        text("lo"),
        text(None, "stop"),
        event({"choices": [], "usage": usage}),
        DONE,
    )
    assert said == "Hello"
    assert chunks.finish is Finish.STOP
    assert chunks.usage == Usage(prompt_tokens=9, completion_tokens=2, cached_tokens=4)
    assert chunks.done


@pytest.mark.parametrize(
    "line",
    [
        b": keep-alive\n",
        b"event: ping\n",
        b"id: 7\nretry: 100\n",
        b"\n\n\n",
        b"data:\n",
        b"data: \n",
        b"data: no json\n",
        b"data: [1, 2]\n",
        b"data: null\n",
        b"data: {}\n",
        b'data: {"choices": null}\n',
        b'data: {"choices": []}\n',
        b'data: {"choices": [null]}\n',
        b'data: {"choices": [{"delta": null}]}\n',
        b'data: {"choices": [{"delta": {"content": 5}}]}\n',
        b'data: {"choices": [], "usage": {"prompt_tokens": "x"}}\n',
        b'data: {"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": 1}}\n',
        b'data: {"choices": [], "usage": {"prompt_tokens": true, "completion_tokens": 1}}\n',
        b'data: {"error": null}\n',
        b"data: " + b"[" * 100_000 + b"\n",
        b"data: " + b"9" * 10_000 + b"\n",
        b"\xff\xfe\x00\n",
    ],
)
def test_lines_that_say_nothing(line: bytes) -> None:
    said, chunks = read(text("a"), line, text("b", "stop"))
    assert said == "ab"
    assert chunks.finish is Finish.STOP
    assert chunks.usage is None
    assert chunks.error is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b""])
@pytest.mark.parametrize("start", [b"data:", b"data: ", b"\xef\xbb\xbfdata: "])
def test_forms_of_a_line(start: bytes, end: bytes) -> None:
    said, _ = read(start + b'{"choices": [{"delta": {"content": "x"}}]}' + end)
    assert said == "x"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", Finish.STOP),
        ("length", Finish.LENGTH),
        ("content_filter", Finish.FILTER),
        ("error", Finish.CUT),
        ("abort", Finish.CUT),
        ("something_new", Finish.STOP),
        (None, None),
    ],
)
def test_reasons(reason: str | None, finish: Finish | None) -> None:
    _, chunks = read(text("x", reason))
    assert chunks.finish is finish


def test_characters_that_other_parsers_take_for_the_end_of_a_line() -> None:
    strange = "a\u2028b\u2029c\u0085d\x1ee\x0cf"
    assert read(text(strange))[0] == strange


def test_halves_of_a_character_are_joined() -> None:
    first, second = (
        b'data: {"choices": [{"delta": {"content": "\\u%s"}}]}\n' % half
        for half in (b"d83d", b"de00")
    )
    assert read(first, second)[0] == "😀"
    assert read(first, text("x"))[0] == "\N{REPLACEMENT CHARACTER}x"
    assert read(second)[0] == "\N{REPLACEMENT CHARACTER}"
    assert read(first)[0] == ""


def test_nothing_is_read_after_the_end_or_an_error() -> None:
    assert read(text("a"), DONE + text("b"), text("c"))[0] == "a"
    said, chunks = read(text("a"), event({"error": {"message": "died"}}) + text("b"))
    assert said == "a"
    assert chunks.error is not None
    assert chunks.error.message == "died"


def test_an_endless_line_is_not_kept() -> None:
    _, chunks = read(text("a"), *[b"x" * 65_536] * (MAX_LINE // 65_536 + 2))
    assert chunks.error is not None


def test_nonsense_usage_does_not_replace_what_was_said() -> None:
    good = event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    bad = event({"choices": [], "usage": {"prompt_tokens": 10**30, "completion_tokens": 2}})
    assert read(good, bad)[1].usage == Usage(prompt_tokens=1, completion_tokens=2)


pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"data:", b"data: ", b"\n", b"\r\n", b"\r", DONE, b": x\n", b"\xef\xbb\xbf"]),
    st.text(max_size=8).map(text),
    st.builds(
        lambda half: b'data: {"choices":[{"delta":{"content":"\\u%s"}}]}\n' % half,
        st.sampled_from([b"d83d", b"de00", b"0000", b"2028"]),
    ),
    st.dictionaries(
        st.sampled_from(["choices", "usage", "error"]),
        st.none() | st.integers() | st.lists(st.none() | st.text(max_size=3), max_size=2),
    ).map(lambda d: b"data: " + json.dumps(d).encode() + b"\n"),
)


@settings(max_examples=150)
@given(stream=st.lists(pieces, max_size=8).map(b"".join), data=st.data())
def test_the_pieces_do_not_matter(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    (whole, at_once), (said, chunks) = read(stream), read(*parts)
    assert said == whole
    assert said.encode().decode() == said
    assert (chunks.finish, chunks.usage, chunks.error, chunks.done) == (
        at_once.finish,
        at_once.usage,
        at_once.error,
        at_once.done,
    )
