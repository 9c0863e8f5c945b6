"""What a Telegram update says to the bot, and what is not meant for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Update

from avatar.accounts import Way
from avatar.incoming import Incoming, Reaction, RepliedTo
from avatar.records import Address, Attachment, Author
from bot.telegram.updates import incoming
from tests.standins.telegram_rules import seen_entities

BOT = 99
NAME = "avatar_bot"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SENT = datetime(2026, 11, 27, 11, tzinfo=UTC)
ANN = {"id": 1, "is_bot": False, "first_name": "Ann", "last_name": "Lee"}
US = {"id": BOT, "is_bot": True, "first_name": "Avatar", "username": NAME}
PRIVATE = {"id": 1, "type": "private", "first_name": "Ann"}
GROUP = {"id": -100, "type": "supergroup", "title": "Group"}


def message(text: str = "", *, chat: dict[str, Any] = PRIVATE, **more: Any) -> dict[str, Any]:
    said = {"text": text, "entities": seen_entities(text)} if text else {}
    base = {"message_id": 7, "date": int(SENT.timestamp()), "chat": chat, "from": ANN}
    return {**base, **said, **more}


def read(**update: Any) -> Incoming | None:
    """What was said to the bot."""
    found = overheard(**update)
    return found if found is not None and found.addressed else None


def overheard(**update: Any) -> Incoming | None:
    parsed = Update.de_json({"update_id": 5, **update}, None)
    return incoming(parsed, bot_id=BOT, bot_username=NAME, now=NOW)


def test_what_is_said_to_nobody_in_particular_is_marked() -> None:
    found = overheard(message=message("hello", chat=GROUP))
    assert found is not None
    assert (found.text, found.addressed, found.private) == ("hello", False, False)
    assert overheard(message=message("/new@other_bot", chat=GROUP)) is None


def heard(said: dict[str, Any]) -> Incoming:
    found = read(message=said)
    assert found is not None
    return found


def test_a_group_became_a_supergroup() -> None:
    """Telegram says it in both, and of the new one in the name of a bot."""
    nobody = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    there = message(chat=GROUP, migrate_from_chat_id=-77) | {"from": nobody}
    found = heard(there)
    assert (found.way, found.facts) == (Way.MOVED, {"was": "-77"})
    assert found.address == Address(platform="telegram", chat="-100", bot="99")
    assert overheard(message=message(chat={**GROUP, "id": -77}, migrate_to_chat_id=-100)) is None


def test_a_private_message() -> None:
    assert heard(message("hello")) == Incoming(
        update_id="5",
        address=Address(platform="telegram", chat="1", bot="99"),
        author=Author(platform="telegram", external_id="1", name="Ann Lee"),
        message_id="7",
        sent_at=SENT,
        text="hello",
    )


FILE = {"file_id": "f", "file_unique_id": "u", "file_size": 12}
SIZED = {**FILE, "width": 1, "height": 1}
PLAYED = {**FILE, "duration": 1}
STICKER = {**SIZED, "is_animated": False, "is_video": False, "type": "regular"}


def _sticker(name: str) -> Attachment:
    return Attachment(ref="f", name=name, size=12, kind="sticker")


@pytest.mark.parametrize(
    ("content", "attachment"),
    [
        (
            {"document": {**FILE, "file_name": "../a.jsonl"}},
            Attachment(ref="f", name="../a.jsonl", size=12, kind="document"),
        ),
        ({"document": FILE}, Attachment(ref="f", name="document", size=12, kind="document")),
        (
            {"photo": [{**SIZED, "file_id": "small"}, SIZED]},
            Attachment(ref="f", name="photo.jpg", size=12, kind="photo"),
        ),
        ({"voice": PLAYED}, Attachment(ref="f", name="voice", size=12, kind="voice")),
        (
            {"animation": {**SIZED, "duration": 1}, "document": FILE},
            Attachment(ref="f", name="animation", size=12, kind="animation"),
        ),
        (
            {"location": {"longitude": 1.0, "latitude": 1.0}},
            Attachment(ref="", name="1, 1", size=None, kind="location"),
        ),
        (
            {"location": {"longitude": 101.6868552, "latitude": 3.1390123}},
            Attachment(ref="", name="3.139, 101.687", size=None, kind="location"),
        ),
        (  # Telegram tells the place of a venue beside it
            {
                "location": {"longitude": 1.0, "latitude": 1.0},
                "venue": {
                    "location": {"longitude": 1.0, "latitude": 1.0},
                    "title": "Nam Heong",
                    "address": "Ipoh",
                },
            },
            Attachment(ref="", name="Nam Heong", size=None, kind="venue"),
        ),
        (
            {"contact": {"phone_number": "+60123456789", "first_name": "Mei", "last_name": "Lin"}},
            Attachment(ref="", name="Mei Lin", size=None, kind="contact"),
        ),
        (
            {"dice": {"emoji": "🎲", "value": 4}},
            Attachment(ref="", name="🎲 4", size=None, kind="dice"),
        ),
        ({"sticker": {**STICKER, "emoji": "😀"}}, _sticker("😀")),
        ({"sticker": STICKER}, _sticker("sticker")),
    ],
)
def test_attachments(content: dict[str, Any], attachment: Attachment) -> None:
    assert heard(message(**content)).attachments == (attachment,)


def test_a_caption_is_the_text() -> None:
    found = heard(message(document=FILE, caption="/train"))
    assert (found.text, len(found.attachments)) == ("/train", 1)


UNNAMED = {"id": 1087968824, "is_bot": True, "first_name": "Group"}


def test_who_runs_a_group_can_stay_unnamed_and_people_speak_for_their_channels() -> None:
    """Telegram names a bot for them, and the chat beside it."""
    asked = heard(message("/quiet", chat=GROUP, sender_chat=GROUP) | {"from": UNNAMED})
    assert asked.author == Author(platform="telegram", external_id="-100", name="Group")
    channel = {"id": -200, "type": "channel", "title": "News"}
    answered = message("x", chat=GROUP, sender_chat=channel, message_id=3) | {"from": UNNAMED}
    assert read(message=answered) is None  # nobody was named
    reply = heard(message("@avatar_bot true?", chat=GROUP, reply_to_message=answered)).reply_to
    assert reply is not None
    assert reply.author == Author(platform="telegram", external_id="-200", name="News")


def test_what_a_message_answers() -> None:
    answered = message(document=FILE, caption="look", message_id=3) | {"from": US}
    assert heard(message("/train", reply_to_message=answered)).reply_to == RepliedTo(
        message_id="3",
        text="look",
        attachments=(Attachment(ref="f", name="document", size=12, kind="document"),),
        author=Author(platform="telegram", external_id="99", name="Avatar"),
        from_us=True,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start malay", "/start malay"),
        ("/prompt@avatar_bot Be\nkind", "/prompt Be\nkind"),
        ("/help@AVATAR_BOT", "/help"),
        ("/help@other_bot", None),
        ("/help@avatar_bot2", None),
        ("mail me@avatar_bot", "mail me@avatar_bot"),
    ],
)
def test_commands_name_their_bot(text: str, expected: str | None) -> None:
    found = read(message=message(text))
    assert (None if found is None else found.text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", None),
        ("hello @other_bot", None),
        ("@avatar_bot hello", "hello"),
        ("@avatar_bot, hello", "hello"),
        ("hello 😀 @Avatar_Bot how are you", "hello 😀 how are you"),
        ("hello @avatar_bot", "hello"),
        ("@avatar_bot", ""),
        ("/status", "/status"),
        ("/status@avatar_bot now", "/status now"),
        ("/status@other_bot", None),
    ],
)
def test_in_a_group_only_what_addresses_the_bot(text: str, expected: str | None) -> None:
    found = read(message=message(text, chat=GROUP))
    assert (None if found is None else (found.text, found.private)) == (
        None if expected is None else (expected, False)
    )


def test_a_mention_without_a_username() -> None:
    entity = {"type": "text_mention", "offset": 3, "length": 6, "user": US}
    said = message("hi Avatar there", chat=GROUP) | {"entities": [entity]}
    assert heard(said).text == "hi there"


def test_in_a_group_a_reply_to_the_bot_addresses_it() -> None:
    ours = message("yes?", chat=GROUP, **{"from": US})
    assert heard(message("go on", chat=GROUP, reply_to_message=ours)).text == "go on"
    theirs = message("yes?", chat=GROUP)
    assert read(message=message("go on", chat=GROUP, reply_to_message=theirs)) is None


def test_topics() -> None:
    # In a topic a message that answers nothing names the message that opened it.
    opened = message(chat=GROUP, message_id=40) | {"from": US}
    topic = {"message_thread_id": 40, "is_topic_message": True, "reply_to_message": opened}
    assert read(message=message("hello", chat=GROUP) | topic) is None
    found = heard(message("/status", chat=GROUP) | topic)
    assert (found.address.thread, found.reply_to) == ("40", None)


def test_a_thread_of_replies_is_no_topic() -> None:
    assert heard(message("/status", chat=GROUP, message_thread_id=40)).address.thread == ""


@pytest.mark.parametrize(
    "update",
    [
        {"edited_message": message(location={"longitude": 1.0, "latitude": 1.0})},
        {"channel_post": message("hello", chat={"id": -5, "type": "channel", "title": "C"})},
        {"message": message("hello", **{"from": US})},
        {"message": message("/status", chat=GROUP, is_automatic_forward=True)},
        {"message": message(pinned_message=message("x"))},
        {"message": message(new_chat_members=[US], chat=GROUP)},
        {
            "my_chat_member": {
                "chat": PRIVATE,
                "from": ANN,
                "date": 1,
                "old_chat_member": {"user": US, "status": "member"},
                "new_chat_member": {"user": US, "status": "kicked", "until_date": 0},
            }
        },
        {"something_new": {"a": 1}},
        {},
    ],
)
def test_what_is_not_said_to_the_bot(update: dict[str, Any]) -> None:
    assert read(**update) is None


def thumbs(*emoji: str) -> list[dict[str, str]]:
    return [{"type": "emoji", "emoji": each} for each in emoji]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], ["👍"], Reaction.UP),
        (["👍"], [], Reaction.UP_GONE),
        ([], ["👎"], Reaction.DOWN),
        (["👎"], [], Reaction.DOWN_GONE),
        (["👍"], ["👎"], Reaction.DOWN),
        (["👎"], ["👍"], Reaction.UP),
        (["❤"], ["❤", "👍"], Reaction.UP),
        (["👍"], ["👍", "❤"], None),
        ([], ["❤"], None),
        (["❤"], [], None),
    ],
)
def test_reactions(old: list[str], new: list[str], expected: Reaction | None) -> None:
    told = {"chat": GROUP, "message_id": 8, "user": ANN, "date": int(SENT.timestamp())}
    told |= {"old_reaction": thumbs(*old), "new_reaction": thumbs(*new)}
    found = read(message_reaction=told)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.reaction, found.message_id, found.private) == (expected, "8", False)
    assert (found.author.external_id, found.sent_at, found.text) == ("1", SENT, "")
    del told["user"]  # a group speaks, and no person
    assert read(message_reaction=told | {"actor_chat": GROUP}) is None


def test_an_edit() -> None:
    found = read(edited_message=message("hello", edit_date=9))
    assert found is not None
    assert (found.edited, found.text, found.message_id) == (True, "hello", "7")
    assert not heard(message("hello")).edited
    assert read(edited_message=message("hello", chat=GROUP)) is None  # it addresses nobody


@pytest.mark.parametrize(
    ("origin", "speaker"),
    [
        ({"type": "user", "sender_user": ANN}, "Ann Lee"),
        ({"type": "hidden_user", "sender_user_name": "Mei"}, "Mei"),
        ({"type": "channel", "chat": {"id": -5, "type": "channel", "title": "News"}}, "News"),
        ({"type": "chat", "sender_chat": GROUP}, "Group"),
    ],
)
def test_whose_words_are_passed_on(origin: dict[str, Any], speaker: str) -> None:
    told = {**origin, "date": 1, "message_id": 4}
    assert heard(message("look", forward_origin=told)).forwarded == speaker
    assert heard(message("look")).forwarded is None
    # A command that somebody else said is no command to us, and keeps the name in it.
    passed_on = message("/help@other_bot", forward_origin=told)
    assert heard(passed_on).text == "/help@other_bot"
    assert read(message=message("/help", chat=GROUP, forward_origin=told)) is None


def test_quotes() -> None:
    ours = message("One. Two.", message_id=3) | {"from": US}
    quote = {"text": "Two.", "position": 5}
    answered = heard(message("why?", reply_to_message=ours, quote=quote)).reply_to
    assert answered is not None
    assert (answered.quote, answered.from_us) == ("Two.", True)
    elsewhere = {"origin": {"type": "hidden_user", "sender_user_name": "Mei", "date": 1}}
    answered = heard(message("why?", external_reply=elsewhere, quote=quote)).reply_to
    assert answered is not None and answered.author is not None
    assert (answered.quote, answered.author.name, answered.from_us) == ("Two.", "Mei", False)


def test_an_album() -> None:
    assert heard(message(photo=[SIZED], media_group_id="12")).album == "12"


def press(**more: Any) -> dict[str, Any]:
    shown = message("card", **{"from": US})
    return {"id": "q", "from": ANN, "chat_instance": "1", "message": shown, "data": "a:1", **more}


def test_a_press() -> None:
    found = read(callback_query=press())
    assert found is not None
    assert (found.action, found.message_id, found.sent_at) == ("a:1", "7", NOW)
    assert (found.text, found.private) == ("", True)


def test_a_press_under_a_message_that_is_too_old_to_be_seen() -> None:
    found = read(callback_query=press(message={"message_id": 8, "date": 0, "chat": GROUP}))
    assert found is not None
    assert (found.action, found.message_id, found.private) == ("a:1", "8", False)


@pytest.mark.parametrize("more", [{"data": None}, {"message": None}])
def test_presses_of_nothing(more: dict[str, Any]) -> None:
    assert read(callback_query=press(**more)) is None


def test_the_stop_button_under_a_draft_says_stop() -> None:
    found = read(stopped_message_generation={"chat": PRIVATE, "draft_id": 3})
    assert found is not None
    assert (found.text, found.private, found.address.chat) == ("/stop", True, "1")
    assert found.author == Author(platform="telegram", external_id="1", name="Ann")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["chat", "type", "draft_id"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=60)
@given(JSON)
def test_a_stop_press_of_another_shape_is_no_message(stopped: Any) -> None:
    assert read(stopped_message_generation=stopped) is None


@settings(max_examples=100)
@given(st.text("@avatr_bo/ 😀\n:", max_size=40))
def test_any_text_in_a_group(text: str) -> None:
    found = read(message=message(text, chat=GROUP))
    if found is not None and not found.text.startswith("/"):
        assert "@avatar_bot" in text.lower()
