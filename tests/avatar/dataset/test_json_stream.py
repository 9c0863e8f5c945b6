"""JSON as a stream gives what `json` gives, wherever what is read at a time ends."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.dataset import json_stream
from avatar.dataset.json_stream import BEGIN, elements, walk
from avatar.dataset.source import Source
from avatar.errors import BadDataset

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


class Slow(io.BytesIO):
    """Gives no more than a few bytes at a time."""

    pieces = 3

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.pieces if size is None or size < 0 else min(size, self.pieces))


def source(content: bytes, pieces: int = 1_000_000) -> Source:
    def opened() -> Slow:
        file = Slow(content)
        file.pieces = pieces
        return file

    return Source(name="x.json", size=len(content), open=opened)


@given(st.lists(VALUES, max_size=4), st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_elements_are_what_json_makes_of_them(
    values: list[Any], pieces: int, as_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(values, ensure_ascii=as_ascii, indent=indent)
    assert list(elements(source(text.encode(), pieces))) == values


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    dotted = f"{path}." if path else ""
    if isinstance(value, dict):
        inner = [one for key, v in value.items() for one in flat(v, dotted + key)]
    elif isinstance(value, list):
        inner = [one for v in value for one in flat(v, dotted + "item")]
    else:
        return [(path, value)]
    return [(path, BEGIN), *inner]


KEYED = st.recursive(
    st.none() | st.integers() | st.text('ab\\"\n', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3)
    ),
)


@given(KEYED, st.integers(1, 9))
def test_all_else_comes_with_its_path(value: Any, pieces: int) -> None:
    assert list(walk(source(json.dumps(value).encode(), pieces), ())) == flat(value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[1, 2", "cut off after the first 3"),
        ('{"a": [1, 2], "b', "cut off"),
        ('{"a"', "cut off"),
        ('{"a":', "cut off"),
        ('[{"a": 1}, {"b": "x\\u12', "cut off"),
        ("[tru", "cut off"),
        ("[1 2]", "is no JSON"),
        ("[1,]", "is no JSON"),
        ("{1: 2}", "is no JSON"),
        ('{"a" 1}', "is no JSON"),
        ("[NaN]", "is no JSON"),
        ("[1]]", "is no JSON"),
        ('["\\q", "and so on and so forth"]', "is no JSON"),
        ("[" + "9" * 5000 + "]", "a number that cannot be read"),
        ("[" * 5000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7, 1_000_000])
def test_faults(content: str, sentence: str, pieces: int) -> None:
    with pytest.raises(BadDataset, match=sentence):
        list(walk(source(content.encode(), pieces), ("",)))


def test_what_is_no_list_has_no_elements() -> None:
    with pytest.raises(BadDataset, match="it is no list"):
        list(elements(source(b'{"a": 1}')))


def test_the_beginning_tells_what_it_can() -> None:
    content = b'{"type": "x", "a": [{"b": 1}], "c": {"d": "cut he'
    assert json_stream.paths(content) == (
        frozenset({"", "type", "a", "a.item", "a.item.b", "c"}),
        "x",
    )


@pytest.mark.parametrize("pieces", range(1, 12))
def test_escapes_of_telegram_may_be_cut_anywhere(pieces: int) -> None:
    content = rb'["a\x07b", "c\\x07d", "\\\x41", ""]'
    assert list(elements(source(content, pieces))) == ["a\x07b", r"c\x07d", r"\A", ""]
