"""The shipped examples: what a provider checks, and that one can hear the style.

Plain `json` only, so that a fault in our own reader cannot hide a fault in the file.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parent.parent / "examples" / "malaysian.jsonl"

# Words that a plain model would not use in a reply. "boss", "ah", "one" and "can" are left out on
# purpose: they belong to the style too, but standard English has them.
PARTICLE = re.compile(
    r"\b(?:lah|lor|leh|mah|meh|hor|wah|walao|aiyo|aiya|alamak|jom|makan|mamak|tapau|belanja"
    r"|sedap|kopi|kaki|jalan|teh tarik|balik kampung|can or not|confirm plus chop)\b",
    re.IGNORECASE,
)

Conversation = list[dict[str, str]]


def lines() -> list[str]:
    return FILE.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


def conversations() -> list[Conversation]:
    return [json.loads(line)["messages"] for line in lines()]


def said(role: str) -> list[str]:
    return [
        message["content"]
        for conversation in conversations()
        for message in conversation
        if message["role"] == role
    ]


def same_words(text: str) -> str:
    """The text without case and punctuation: two turns that differ only there are duplicates."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def duplicates(texts: list[str]) -> list[str]:
    seen: set[str] = set()
    found: list[str] = []
    for text in texts:
        key = same_words(text)
        if key in seen:
            found.append(text)
        seen.add(key)
    return found


def test_file_is_utf8_without_bom_and_ends_with_one_newline() -> None:
    data = FILE.read_bytes()
    data.decode("utf-8")
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.endswith(b"}\n")
    assert b"\r" not in data


def test_there_are_44_conversations_and_14_go_on() -> None:
    lengths = [len(conversation) for conversation in conversations()]
    assert len(lengths) == 44
    assert lengths.count(2) == 30
    assert set(lengths) == {2, 4, 6}


@pytest.mark.parametrize("number", range(1, 45))
def test_line_has_the_provider_s_shape(number: int) -> None:
    record: Any = json.loads(lines()[number - 1])
    assert list(record) == ["messages"]
    messages = record["messages"]
    assert all(list(message) == ["role", "content"] for message in messages)
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2)
    for message in messages:
        assert isinstance(message["content"], str)
        assert message["content"]
        assert message["content"] == message["content"].strip()


def test_nothing_is_said_twice() -> None:
    # The embedded model answers with the nearest example: two equal turns would be a coin toss.
    assert duplicates(said("user")) == []
    assert duplicates(said("assistant")) == []


def test_replies_carry_the_style_and_people_write_plain_english() -> None:
    replies = said("assistant")
    plain = [reply for reply in replies if not PARTICLE.search(reply)]
    assert len(plain) <= len(replies) // 10, plain
    # The style has to come from the model, so nothing that a person types may ask for it.
    assert [turn for turn in said("user") if PARTICLE.search(turn)] == []


def test_replies_are_as_short_as_a_chat() -> None:
    assert [reply for reply in said("assistant") if len(reply) > 400] == []
