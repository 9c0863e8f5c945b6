"""Telegram Desktop's JSON and its traps."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from avatar.dataset.readers.telegram import KINDS
from avatar.dataset.said import Drop
from avatar.dataset.watch import Stopped, Watch
from tests.avatar.dataset.exported import export_of, fault, fixture, said, telegram


def test_a_chat() -> None:
    export = fixture("telegram_chat.json")
    overview = export.overview()
    (chat,) = overview.chats
    assert (overview.format, chat.id, chat.title, chat.messages) == ("Telegram", "41", "Dana", 8)
    assert [(s.id, s.name, s.messages, s.usable) for s in chat.speakers] == [
        ("user52", "Milo", 4, 1),
        ("user41", "Dana", 2, 2),
        ("user60", "Deleted account", 1, 1),
    ]
    messages = list(export.messages())
    assert [message.drop for message in messages] == [
        Drop.SERVICE,
        None,
        None,
        Drop.MEDIA,
        Drop.FORWARDED,  # forwarded_from is null: from a deleted account
        None,
        Drop.BOT,
        None,
    ]
    assert messages[2].text == "yes! 9 sharp, see https://example.org/lake"
    assert messages[7].text == "bring  it"  # \x07, which is no JSON, is taken and left out
    assert messages[7].reply_to == "3"
    assert messages[1].at == 1709287260  # date_unixtime, not the date of an unknown zone


def test_an_account() -> None:
    export = fixture("telegram_account.json")
    overview = export.overview()
    assert overview.owner == "user52"
    assert {chat.id: (chat.title, chat.messages) for chat in overview.chats} == {
        "41": ("Dana", 3),
        "52": ("Saved messages", 1),  # has no name
        "77": ("Weather bot", 1),
        "88": ("Old club", 1),
    }
    by_chat = {message.chat: message for message in export.messages()}
    assert by_chat["77"].drop is Drop.BOT
    assert by_chat["88"].speaker == "user61"  # old exports have numbers
    assert by_chat["88"].at == 1546300800
    assert [message.chat for message in export.messages({"52"})] == ["52"]


def test_a_reply_to_another_chat_answers_nothing_in_this_one(tmp_path: Path) -> None:
    here = {"reply_to_message_id": 0}
    there = {**here, "reply_to_peer_id": "channel5"}
    assert [m.reply_to for m in said(tmp_path, telegram({}, here, there))] == ["", "0", ""]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": ["a", {"type": "bold", "text": "b"}, " c"]}, "a b c".replace(" b", "b")),
        ({"text": [["no"], 5, None, {"type": "x"}]}, ""),
        ({"text": {"text": "no list"}}, ""),
        ({"text": "  spaces \r\n and lines "}, "spaces \n and lines"),
        ({"text": "\ud83d\ude00"}, "😀"),
    ],
)
def test_texts(tmp_path: Path, message: dict[str, Any], text: str) -> None:
    assert said(tmp_path, telegram(message))[0].text == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"a\x07b", "ab"),
        (r"a\\x07b", r"a\x07b"),  # a backslash and x07, as somebody typed it
        (r"a\\\x07b", "a\\b"),
        (r"\x41", "A"),
        (r"\xe9", "é"),
        (r"\\\\x41", r"\\x41"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 4090, 256 * 1024 - 160])
def test_escapes_that_are_no_json(tmp_path: Path, written: str, text: str, before: int) -> None:
    """Also where what is read at a time ends in the middle of one."""
    content = telegram({"text": "?"}).replace('"?"', f'"{written}"')
    for more in range(12 if before else 1):
        padding = '"via": "' + "-" * (before + more) + '", "text": '
        assert said(tmp_path, content.replace('"text": ', padding))[0].text == text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_type_of_chat(tmp_path: Path, kind: str) -> None:
    export = export_of(tmp_path, telegram({}, {"from_id": "channel9"}, type=kind))
    assert export.form == "Telegram"
    assert [message.text for message in export.messages()] == ["hi", "hi"]


@pytest.mark.parametrize("kind", ["service", "unsupported"])
def test_what_nobody_said(tmp_path: Path, kind: str) -> None:
    assert said(tmp_path, telegram({"type": kind}))[0].drop is Drop.SERVICE


MEDIA: list[dict[str, Any]] = [
    {"photo": "p.jpg"},
    {"file": "f.pdf"},
    {"media_type": "sticker", "sticker_emoji": "🐸", "file": "s.webp"},
    {"media_type": "video_message", "file": "v.mp4"},
    {"media_type": "voice_message", "file": "v.ogg"},
    {"media_type": "animation", "file": "a.mp4"},
    {"media_type": "video_file", "file": "v.mp4"},
    {"media_type": "audio_file", "file": "a.mp3"},
    {"poll": {"question": "Lake?", "closed": False, "answers": []}},
    {"contact_information": {"first_name": "Ann", "phone_number": "+00"}},
    {"location_information": {"latitude": 4.6, "longitude": 101.1}},
]


@pytest.mark.parametrize("media", MEDIA, ids="-".join)
def test_media_without_words_are_left_out_and_captions_kept(
    tmp_path: Path, media: dict[str, Any]
) -> None:
    bare, captioned = said(tmp_path, telegram({"text": "", **media}, {"text": "look", **media}))
    assert (bare.text, bare.drop) == ("", Drop.MEDIA)
    assert (captioned.text, captioned.drop) == ("look", None)


@pytest.mark.parametrize(
    ("message", "drop"),
    [
        ({"forwarded_from": "Ann"}, Drop.FORWARDED),
        ({"forwarded_from": None}, Drop.FORWARDED),
        ({"saved_from": "Ann"}, Drop.FORWARDED),
        ({"via_bot": "@gif"}, Drop.BOT),
        ({"edited": "2024-01-01T00:00:00", "edited_unixtime": "1704067200"}, None),
    ],
)
def test_whose_words_these_are(tmp_path: Path, message: dict[str, Any], drop: Drop | None) -> None:
    assert said(tmp_path, telegram(message))[0].drop is drop


def test_somebody_without_a_name(tmp_path: Path) -> None:
    null = {"from": None}
    (one, other) = said(tmp_path, telegram(null, {**null, "from_id": "user7"}))
    assert [(one.speaker, one.name), (other.speaker, other.name)] == [
        ("user1", "Deleted account"),
        ("user7", "Deleted account"),
    ]


def test_half_of_a_character_is_not_kept(tmp_path: Path) -> None:
    (message,) = said(tmp_path, telegram({"text": "half \ud83d of one"}))
    assert message.text.encode().startswith(b"half ")


@pytest.mark.parametrize(
    "date",
    [
        {"date_unixtime": None},
        {"date_unixtime": "soon"},
        {"date_unixtime": "-5"},
        {"date_unixtime": "NaN"},
        {"date_unixtime": "99999999999999"},
        {"date_unixtime": None, "date": "2024-02-30T00:00:00"},
        {"date_unixtime": None, "date": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_wrong_date_is_refused_with_its_place(tmp_path: Path, date: dict[str, Any]) -> None:
    assert "message 1 of “Ann” has no date" in fault(tmp_path, telegram({}, date))


def test_an_old_date_has_no_zone(tmp_path: Path) -> None:
    content = telegram({"date_unixtime": None, "date": "2017-01-01T06:20:09"})
    assert said(tmp_path, content)[0].at == 1483251609


def test_the_order_of_keys_and_what_is_unknown_do_no_harm(tmp_path: Path) -> None:
    chat = json.loads(telegram({"reactions": [{"type": "emoji", "count": 2}]}))
    turned = {"messages": chat.pop("messages"), "new": {"deep": [[1], {"a": None}]}, **chat}
    (message,) = export_of(tmp_path, json.dumps(turned)).messages()
    assert message.text == "hi"


def test_an_empty_chat(tmp_path: Path) -> None:
    overview = export_of(tmp_path, telegram()).overview()
    assert [(chat.title, chat.messages) for chat in overview.chats] == [("Ann", 0)]
    assert overview.speakers == ()


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    content = telegram(*[{}] * 50)
    for end in (len(content) - 1, len(content) - 2, len(content) // 2):
        assert "it is cut off" in fault(tmp_path, content[:end])


def test_mixed_encodings_are_refused(tmp_path: Path) -> None:
    content = telegram({}, {"text": "caf?"}).encode().replace(b"caf?", b"caf\xe9")
    assert "it is not all in UTF-8, after the first" in fault(tmp_path, content)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    content = telegram(*[{}] * 9).replace('"id": 5,', '"id": 5')
    assert "it is no JSON, after the first" in fault(tmp_path, content)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        export = export_of(tmp_path, telegram(*[{"text": "some words " * 200}] * count))
        tracemalloc.start()
        try:
            assert export.overview().messages == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(1_000), peak(3_000)
    assert large < 1.2 * small + 100_000


def test_a_huge_element_is_refused_without_being_built(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert "nested too deeply" in fault(tmp_path, telegram({"x": "?"}).replace('"?"', deep))
    assert "larger than 4 MB" in fault(tmp_path, telegram({"x": [11111] * 700_000}))
    assert "larger than 4 MB" in fault(tmp_path, telegram({"text": "a" * (9 * 1024 * 1024 // 2)}))


class Recorded(Watch):
    """Remembers where it was."""

    seen_so_far: ClassVar[list[tuple[int, int]]] = []

    def at(self, done: int, total: int) -> None:
        super().at(done, total)
        self.seen_so_far.append((done, total))


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    content = telegram(*[{}] * 3000)
    watch, seen = Recorded(), Recorded.seen_so_far
    export_of(tmp_path, content).overview(watch)
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert 0 < watch.messages <= 3000


def test_a_file_that_nobody_waits_for_is_not_read_on(tmp_path: Path) -> None:
    export = export_of(tmp_path, telegram(*[{}] * 3000))
    watch = Watch(stopped=True)
    with pytest.raises(Stopped):
        export.overview(watch)
    assert watch.messages < 3000


@pytest.mark.long
def test_reading_takes_at_most_three_times_as_long_as_parsing(tmp_path: Path) -> None:
    """Of a file as Telegram Desktop writes it: every text twice, and a line for each value."""

    def message(n: int) -> dict[str, Any]:
        text = f"some words, and their number is {n}"
        entities = [{"type": "plain", "text": text}]
        return {"text": text, "date": "2024-01-01T00:00:00", "text_entities": entities}

    whole = json.loads(telegram(*[message(n) for n in range(100_000)]))
    content = json.dumps(whole, indent=1)
    del whole
    export = export_of(tmp_path, content)

    def taken(do: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            do()
            times.append(time.process_time() - began)
        return min(times)

    assert taken(export.overview) < 3 * taken(lambda: json.loads(content))
