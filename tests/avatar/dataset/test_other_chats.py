"""Discord, Messenger and Instagram, Slack, Signal and LINE."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.dataset.readers.messenger import repaired
from avatar.dataset.said import Drop
from tests.avatar.dataset.exported import FIXTURES, export_of, fault, fixture, said, zipped


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def test_discord() -> None:
    export = fixture("discord.json")
    overview = export.overview()
    assert [(c.id, c.title, c.messages) for c in overview.chats] == [("22", "Pond #frogs", 5)]
    messages = list(export.messages())
    assert [(m.speaker, m.name, m.text, m.drop) for m in messages] == [
        ("7", "Rana", "morning", None),
        ("8", "hyla", "croak", None),
        ("9", "bufo", "Joined the server.", Drop.SERVICE),
        ("10", "helper", "beep", Drop.BOT),
        ("7", "rana", "", Drop.MEDIA),
    ]
    assert messages[1].reply_to == messages[0].id == "100"
    assert messages[0].at == 1706853600.123  # 08:00 at +02:00


def discord(**message: Any) -> str:
    one = {
        "id": "1",
        "type": "Default",
        "timestamp": "2024-02-02T08:00:00+00:00",
        "content": "x",
        "author": {"id": "7", "name": "a"},
    }
    return json.dumps({"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": [one | message]})


def test_a_forward_on_discord(tmp_path: Path) -> None:
    forward = {"reference": {"type": "Forward", "messageId": "5"}}
    assert said(tmp_path, discord(**forward))[0].drop is Drop.FORWARDED


@pytest.mark.parametrize(
    ("message", "drop"),
    [
        ({"type": "Reply"}, None),
        ({"type": "RecipientAdd"}, Drop.SERVICE),
        ({"type": "20"}, Drop.SERVICE),  # as kinds are written that the exporter does not know
        ({"author": {"id": "7", "name": "a", "isBot": True}}, Drop.BOT),
        ({"content": "", "attachments": [{"fileName": "a.jpg"}]}, Drop.MEDIA),
        ({"content": "", "embeds": [{"title": "a"}]}, Drop.MEDIA),
        ({"content": "", "stickers": [{"name": "a"}]}, Drop.MEDIA),
        ({"content": "", "attachments": [], "embeds": [], "stickers": []}, Drop.EMPTY),
        ({"content": "look", "attachments": [{"fileName": "a.jpg"}]}, None),
        ({"content": "@a hi", "mentions": [{"id": "7", "name": "a"}]}, None),
    ],
)
def test_kinds_of_messages_on_discord(
    tmp_path: Path, message: dict[str, Any], drop: Drop | None
) -> None:
    assert said(tmp_path, discord(**message))[0].drop is drop


def test_markup_of_discord(tmp_path: Path) -> None:
    content = "<@123> <@!45> <@6> <:frog:789> <a:jump_2:78> 1 <2> <b>"
    mentions = [{"id": "123", "name": "rana", "nickname": "Rana"}, {"id": 45, "name": "hyla"}, 5]
    (message,) = said(tmp_path, discord(content=content, mentions=mentions))
    assert message.text == "@Rana @hyla @6 :frog: :jump_2: 1 <2> <b>"


def test_who_has_no_nickname_on_discord(tmp_path: Path) -> None:
    author = {"id": "7", "name": "rana", "nickname": None}
    assert said(tmp_path, discord(author=author))[0].name == "rana"


def test_a_wrong_time_on_discord(tmp_path: Path) -> None:
    assert "message 1 has no time" in fault(tmp_path, discord(timestamp="yesterday"))


def test_messenger_is_turned_round_and_repaired() -> None:
    export = fixture("messenger.json")
    assert [chat.title for chat in export.overview().chats] == ["Zoë"]
    assert [(m.name, m.text, m.drop) for m in export.messages()] == [
        ("Ivo", "hey", None),
        ("Ivo", "oops", Drop.DELETED),
        ("Ivo", "", Drop.MEDIA),
        ("Zoë", "ça va 😀", None),
    ]


def test_what_does_not_go_there_and_back_is_left_alone() -> None:
    assert repaired("Zo\u00c3\u00ab") == "Zoë"
    assert repaired("Zoë") == "Zoë"  # a newer export, which is right already
    assert repaired("日本") == "日本"


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_repaired(text: str) -> None:
    assert repaired(text.encode().decode("latin-1")) == text


def messenger(*said: tuple[str, int, str], title: str = "Ivo") -> str:
    messages = [{"sender_name": who, "timestamp_ms": at, "content": what} for who, at, what in said]
    return json.dumps({"participants": [], "messages": messages, "title": title})


def test_several_files_of_one_chat_and_several_chats(tmp_path: Path) -> None:
    archive: dict[str, str | bytes] = {
        "your_activity/inbox/ivo_1/message_1.json": messenger(("B", 9000, "d"), ("A", 7000, "c")),
        "your_activity/inbox/ivo_1/message_2.json": messenger(("B", 5000, "b"), ("A", 3000, "a")),
        "your_activity/inbox/zoe_2/message_1.json": messenger(("C", 1000, "z"), title="Zoe"),
        "your_activity/inbox/ivo_1/photos/1.jpg": b"\xff\xd8",
        "autofill_information.json": '{"autofill_information_v2": {}}',
    }
    export = export_of(tmp_path, zipped(archive), "messages.zip")
    overview = export.overview()
    assert [(chat.title, chat.messages, chat.in_order) for chat in overview.chats] == [
        ("Ivo", 4, True),
        ("Zoe", 1, True),
    ]
    assert overview.ignored == ("autofill_information.json",)
    assert [m.text for m in export.messages({overview.chats[0].id})] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "text",
    [
        "Reacted 😆 to your message",
        "Liked a message",
        "You sent a photo.",
        "Ann Lee sent an attachment.",
        "Ann sent a photo.",
        "Ann Lee called you.",
        "Ann Lee named the group Frogs.",
        "Ann Lee added Ben Ray to the group.",
        "Ann Lee left the group.",
        "Ann Lee changed the theme to Lo-Fi.",
        "Ann Lee set the nickname for Ben Ray to Benny.",
    ],
)
def test_notices_of_the_apps(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, messenger(("Ann Lee", 1000, text)))[0].drop is Drop.SERVICE


@pytest.mark.parametrize(
    "text",
    [
        "My mum sent a parcel.",
        "I shared a flat.",
        "Ben sent a letter.",
        "Anna sent a photo.",
        "Ann is here",
        "he called you.",
    ],
)
def test_what_people_say_of_others_is_no_notice(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, messenger(("Ann Lee", 1000, text)))[0].drop is None


@pytest.mark.parametrize(
    ("message", "drop"),
    [
        ({"photos": [{"uri": "p.jpg"}]}, Drop.MEDIA),
        ({"videos": [{"uri": "v.mp4"}]}, Drop.MEDIA),
        ({"audio_files": [{"uri": "a.mp4"}]}, Drop.MEDIA),
        ({"gifs": [{"uri": "g.gif"}]}, Drop.MEDIA),
        ({"sticker": {"uri": "s.png"}}, Drop.MEDIA),
        ({"share": {"link": "https://x.example"}}, Drop.MEDIA),
        ({"content": "look", "photos": [{"uri": "p.jpg"}]}, None),
        ({"content": "see", "share": {"link": "https://x.example"}, "type": "Share"}, None),
        ({"content": "B left the group.", "type": "Unsubscribe"}, Drop.SERVICE),
        ({"content": "You missed a call from A.", "call_duration": 0}, Drop.SERVICE),
        ({"is_unsent": True}, Drop.DELETED),
        ({}, Drop.EMPTY),
    ],
)
def test_kinds_of_messages_on_messenger(
    tmp_path: Path, message: dict[str, Any], drop: Drop | None
) -> None:
    one = {"sender_name": "A", "timestamp_ms": 1000, **message}
    content = json.dumps({"participants": [{"name": "A"}], "messages": [one], "title": "A"})
    assert said(tmp_path, content)[0].drop is drop


def encrypted(*messages: dict[str, Any], thread: str) -> str:
    whole = [
        {"isUnsent": False, "media": [], "reactions": [], "type": "text", **one} for one in messages
    ]
    return json.dumps({"participants": ["Zoë", "Ivo"], "threadName": thread, "messages": whole})


def test_encrypted_chats_of_messenger(tmp_path: Path) -> None:
    ivo = encrypted(
        {"senderName": "Zoë", "text": "ça va 😀", "timestamp": 5000},
        {"senderName": "Ivo", "text": "", "timestamp": 4000, "media": [{"uri": "./media/1.jpeg"}]},
        {"senderName": "Ivo", "text": "oops", "timestamp": 3000, "isUnsent": True},
        {"senderName": "Ivo", "text": "This is gone.", "timestamp": 2000, "type": "placeholder"},
        {"senderName": "Ivo", "text": "hey", "timestamp": 1000},
        thread="Ivo_40",
    )
    ben = encrypted({"senderName": "Ben", "text": "x", "timestamp": 1000}, thread="Ben_7")
    files: dict[str, bytes | str] = {
        "messages/Ivo_40.json": ivo,
        "messages/Ben_7.json": ben,
        "messages/media/1.jpeg": b"1",
    }
    export = export_of(tmp_path, zipped(files), "messages.zip")
    overview = export.overview()
    assert [(chat.title, chat.messages) for chat in overview.chats] == [("Ivo", 5), ("Ben", 1)]
    assert [(m.name, m.text, m.drop) for m in export.messages({overview.chats[0].id})] == [
        ("Ivo", "hey", None),
        ("Ivo", "This is gone.", Drop.SERVICE),
        ("Ivo", "oops", Drop.DELETED),
        ("Ivo", "", Drop.MEDIA),
        ("Zoë", "ça va 😀", None),
    ]


def test_a_wrong_time_on_messenger(tmp_path: Path) -> None:
    assert "message 1 has no time" in fault(tmp_path, messenger(("A", 10**17, "x")))


def test_slack() -> None:
    export = fixture("slack.zip")
    overview = export.overview()
    assert [(c.title, c.messages) for c in overview.chats] == [("#general", 4)]
    assert overview.ignored == ("channels.json",)
    messages = list(export.messages())
    assert [(m.name, m.text, m.drop) for m in messages] == [
        ("pia", "@pia has joined the channel", Drop.SERVICE),
        ("pia", "hi @Sam Lee see https://example.org & tell", None),
        ("Build", "build ok", Drop.BOT),
        ("Sam Lee", "nice", None),  # of the next day, whose file stands before
    ]
    assert messages[3].reply_to == messages[1].id


@pytest.mark.parametrize(
    ("message", "drop"),
    [
        ({}, None),
        ({"subtype": "me_message"}, None),
        ({"subtype": "thread_broadcast"}, None),
        ({"subtype": "file_share", "text": "", "files": [{"id": "F1"}]}, Drop.MEDIA),
        ({"subtype": "channel_topic"}, Drop.SERVICE),
        ({"subtype": "bot_message"}, Drop.BOT),
        ({"bot_id": "B1"}, Drop.BOT),
        ({"subtype": "tombstone"}, Drop.DELETED),
        ({"text": ""}, Drop.EMPTY),
    ],
)
def test_kinds_of_messages_on_slack(
    tmp_path: Path, message: dict[str, Any], drop: Drop | None
) -> None:
    one = {"user": "U1", "type": "message", "text": "x", "ts": "1700000000.000100", **message}
    content = zipped({"users.json": '[{"id": "U1"}]', "general/2023-11-14.json": json.dumps([one])})
    assert said(tmp_path, content)[0].drop is drop


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (
            "<mailto:a@x.example|a@x.example> or <tel:+60123456789|012>",
            "a@x.example or +60123456789",
        ),
        ("<!here> <!subteam^S1|@team> <!subteam^S1>", "@here @team @subteam"),
        ("<!date^1700000000^{date}|Nov 14>", "Nov 14"),
        ("<https://x.example|x> <#C1|general> <@U1>", "https://x.example #general @ann"),
    ],
)
def test_markup_of_slack(tmp_path: Path, markup: str, shown: str) -> None:
    one = {"user": "U1", "type": "message", "text": markup, "ts": "1700000000.000100"}
    people = '[{"id": "U1", "name": "ann", "team_id": "T1"}]'
    content = zipped({"users.json": people, "general/2023-11-14.json": json.dumps([one])})
    assert said(tmp_path, content)[0].text == shown


def test_slackbot_is_a_bot(tmp_path: Path) -> None:
    one = {"user": "USLACKBOT", "type": "message", "text": "x", "ts": "1700000000.000100"}
    people = '[{"id": "USLACKBOT", "team_id": "T1", "is_bot": false}]'
    content = zipped({"users.json": people, "general/2023-11-14.json": json.dumps([one])})
    assert said(tmp_path, content)[0].drop is Drop.BOT


def test_a_wrong_time_on_slack(tmp_path: Path) -> None:
    day = json.dumps([{"user": "U1", "type": "message", "text": "x", "ts": "never"}])
    content = zipped({"general/2023-11-14.json": day})
    assert "general/2023-11-14.json: message 1 has no time" in fault(tmp_path, content)


def test_signal() -> None:
    export = fixture("signal.md")
    assert export.overview().owner == "Me"
    assert [(m.name, m.text, m.drop) for m in export.messages()] == [
        ("Me", "How is everyone?", None),
        ("Ada", "We're great!\nand you?", None),  # without the quote and the reactions
        ("Me", "", Drop.MEDIA),
        ("Ada", "cute", None),
    ]


def test_signal_is_named_by_its_folder(tmp_path: Path) -> None:
    files = {f"{name}/chat.md": "[2024-05-29, 15:04] Me: hi\n" for name in ("Ada", "Ben")}
    overview = export_of(tmp_path, zipped(files)).overview()
    assert [chat.title for chat in overview.chats] == ["Ada", "Ben"]


def test_a_wrong_date_on_signal(tmp_path: Path) -> None:
    content = "[2024-05-29, 15:04] Me: hi\n[2024-15-29, 15:04] Me: hi\n"
    assert "line 2: 2024-15-29 15:04 is no date" in fault(tmp_path, content)


def test_line() -> None:
    export = fixture("line.txt")
    assert [chat.title for chat in export.overview().chats] == ["Yuki"]
    assert [(clock(m.at), m.name, m.text, m.drop) for m in export.messages()] == [
        ("2024-03-01 23:58", "Yuki", "still up?", None),
        ("2024-03-01 23:59", "Ken", "yes\none more\npage", None),
        ("2024-03-01 23:59", "Yuki", "", Drop.MEDIA),
        ("2024-03-01 23:59", "?", "Ken unsent a message.", Drop.SERVICE),
        ("2024-03-02 00:01", "Yuki", "go to bed", None),
    ]


@pytest.mark.parametrize(
    ("day", "clock_", "at"),
    [
        ("2024/03/01(金)", "午後11:58", "2024-03-01 23:58"),
        ("2024.03.01 Friday", "23:58", "2024-03-01 23:58"),
        ("Fri, 03/01/2024", "11:58 PM", "2024-03-01 23:58"),
        ("2024/03/01(Fri)", "12:05AM", "2024-03-01 00:05"),
        ("2024年3月1日", "午前0:05", "2024-03-01 00:05"),
    ],
)
def test_days_of_line(tmp_path: Path, day: str, clock_: str, at: str) -> None:
    (message,) = said(tmp_path, f"[LINE] Yukiとのトーク履歴\n\n{day}\n{clock_}\tYuki\thi\n")
    assert clock(message.at) == at


def test_a_quote_without_an_end_on_line_swallows_no_other_message(tmp_path: Path) -> None:
    lines = [
        "[LINE] Chat history with Ken",
        "2024/03/01(Fri)",
        '10:00\tKen\t"oh no',
        "10:01\tYuki\twhat",
        "2024/03/02(Sat)",
        '10:02\tKen\t"a date:',
        "2024/03/09(Sat)",
        'to keep"',
        '10:03\tKen\t"again',
        "",
        "2024/03/03(Sun)",
        "10:04\tYuki\thi",
    ]
    messages = said(tmp_path, "\n".join(lines))
    assert [(clock(m.at), m.name, m.text.split("\n")[0]) for m in messages] == [
        ("2024-03-01 10:00", "Ken", '"oh no'),
        ("2024-03-01 10:01", "Yuki", "what"),
        ("2024-03-02 10:02", "Ken", "a date:"),
        ("2024-03-02 10:03", "Ken", '"again'),
        ("2024-03-03 10:04", "Yuki", "hi"),
    ]
    assert messages[2].text == "a date:\n2024/03/09(Sat)\nto keep"
    assert messages[3].text == '"again'


def test_a_call_on_line_is_a_notice(tmp_path: Path) -> None:
    content = (
        "[LINE] Chat history with A\n2024/03/01(Fri)\n10:00\tA\t\u260e Call time 1:23\n"
        "10:01\tA\t\u260e\ufe0f me later\n"
    )
    assert [message.drop for message in said(tmp_path, content)] == [Drop.SERVICE, None]


def test_a_message_before_any_day(tmp_path: Path) -> None:
    content = "[LINE] Chat history with A\n10:00\tA\thi\n"
    assert "line 2: a message before any day" in fault(tmp_path, content)


@pytest.mark.parametrize("name", [p.name for p in sorted(FIXTURES.iterdir())])
def test_a_name_decides_nothing(name: str, tmp_path: Path) -> None:
    """Every format is recognised under a name of another."""
    from avatar.dataset.formats import recognise

    path = tmp_path / "upload"
    path.write_bytes((FIXTURES / name).read_bytes())
    stem = name.split(".", maxsplit=1)[0].split("_", maxsplit=1)[0]
    known = {
        "dpo": "preference pairs (DPO)",
        "columns": "CSV",
        "messenger": "Messenger or Instagram",
    }
    found = recognise(path, "photo.png").format.name
    assert found.lower().startswith(known.get(stem, stem).lower())
