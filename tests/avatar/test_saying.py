"""What a person sent, in words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.incoming import Incoming, RepliedTo
from avatar.records import Address, Attachment, Author
from avatar.saying import CUT_AT, QUOTED, says_something, together, words

MEI = Author(platform="telegram", external_id="3", name="Mei\nLin")


def said(text: str = "", **more: Any) -> Incoming:
    return Incoming(
        update_id="1",
        address=Address(platform="telegram", chat="1"),
        author=Author(platform="telegram", external_id="1", name="Ann"),
        message_id="7",
        sent_at=datetime(2026, 11, 27, tzinfo=UTC),
        text=text,
        **more,
    )


def file(kind: str, name: str = "") -> tuple[Attachment, ...]:
    return (Attachment(ref="f", name=name or kind, size=1, kind=kind),)


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [
        (said("hello"), "hello"),
        (said(""), ""),
        (said(" \n"), ""),
        (said("look", forwarded="Mei Lin"), "[forwarded from Mei Lin]\nlook"),
        (said("look", forwarded=""), "[forwarded]\nlook"),
        (said(attachments=file("sticker", "😀")), "[sticker 😀]"),
        (said(attachments=file("sticker")), "[sticker]"),
        (said(attachments=file("location", "3.1, 101.7")), "[location 3.1, 101.7]"),
        (said(attachments=file("contact", "Mei Lin")), "[contact Mei Lin]"),
        (said("what is it?", attachments=file("photo", "a.jpg")), "[picture]\nwhat is it?"),
        (said(attachments=file("photo") + file("photo")), "[picture]\n[picture]"),
        (said(attachments=file("voice")), "[voice message]"),
        (said("my list", attachments=file("document", "a.pdf")), "[document a.pdf]\nmy list"),
        (said(attachments=file("document", "a.pdf")), ""),
        (said(attachments=file("video")), ""),
        # what somebody else said is not in the conversation; what the avatar said is
        (
            said("true?", reply_to=RepliedTo(message_id="1", text="It rains.", author=MEI)),
            "[about what Mei Lin said: “It rains.”]\ntrue?",
        ),
        (said("true?", reply_to=RepliedTo(message_id="1", text="No.", from_us=True)), "true?"),
        # nor is what they sent
        (
            said("where?", reply_to=RepliedTo(message_id="1", attachments=file("photo"))),
            "[about what somebody sent: [picture]]\nwhere?",
        ),
        (
            said(
                "where?",
                reply_to=RepliedTo(
                    message_id="1", text="my list", author=MEI, attachments=file("document", "a")
                ),
            ),
            "[about what Mei Lin sent: [document a] “my list”]\nwhere?",
        ),
        (
            said(
                "where?",
                reply_to=RepliedTo(message_id="1", attachments=file("photo"), from_us=True),
            ),
            "where?",
        ),
        (
            said(
                "why?",
                reply_to=RepliedTo(message_id="1", text="Go. Now.", from_us=True, quote="Now."),
            ),
            "[about what you said: “Now.”]\nwhy?",
        ),
        (
            said("?", reply_to=RepliedTo(message_id="", quote="x")),
            "[about what somebody said: “x”]\n?",
        ),
    ],
)
def test_words(incoming: Incoming, expected: str) -> None:
    assert words(incoming) == expected
    assert says_something(incoming) or not expected


def test_a_quote_has_an_end() -> None:
    answered = RepliedTo(message_id="1", text="y" * 9_000, author=MEI)
    assert len(words(said("?", reply_to=answered))) < QUOTED + 50


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a"], "a"),
        (["a", "b"], "a\nb"),
        (["a", "", "b"], "a\nb"),
        (["x" * CUT_AT, "y"], "x" * CUT_AT + "y"),
        (["x" * (CUT_AT - 1), "y"], "x" * (CUT_AT - 1) + "\ny"),
        (["😀" * (CUT_AT // 2), "y"], "😀" * (CUT_AT // 2) + "y"),
        ([], ""),
    ],
)
def test_together(texts: list[str], expected: str) -> None:
    assert together(texts) == expected


@given(st.text(max_size=9_000))
def test_a_long_text_that_a_client_cut_comes_whole(text: str) -> None:
    encoded = text.encode("utf-16-le", "surrogatepass")
    parts = [
        encoded[i : i + CUT_AT * 2].decode("utf-16-le", "surrogatepass")
        for i in range(0, len(encoded), CUT_AT * 2)
    ]
    whole = together(parts).encode("utf-16-le", "surrogatepass")
    assert whole == encoded
