"""What an event of Discord's says to the bot, and what is not meant for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.incoming import Reaction, RepliedTo
from avatar.records import Author
from bot.commands import BY_NAME, COMMANDS
from bot.discord import slash
from bot.discord.client import intents
from bot.discord.places import Place, aside, message_at, place_of, stands
from bot.discord.ticket import Ticket, moment_of, ticket_of
from tests.bot.discord.make import ASIDE, IN_SERVER, PRIVATE, Inbox, serving
from tests.standins.discord_api import (
    ANN,
    BEN,
    BOT,
    CHANNEL,
    DIRECT,
    ROLE,
    DiscordStandIn,
    Document,
)
from tests.standins.discord_world import snowflake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", None),
        (f"<@{BEN}> hello", None),
        (f"<@{BOT}> hello", "hello"),
        (f"<@!{BOT}>, hello", "hello"),
        (f"<@&{ROLE}>: hello", "hello"),
        (f"hello <@{BOT}> how are you", "hello how are you"),
        (f"<@{BOT}> /status", "/status"),
        (f"<@{BOT}>", ""),
    ],
)
async def test_in_a_server_only_what_addresses_the_bot(
    discord: DiscordStandIn, text: str, expected: str | None
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say(text, channel=CHANNEL, user=BEN)
        await discord.settled()
    assert inbox.texts == ([] if expected is None else [expected])
    if expected is not None:
        assert (inbox.last.address, inbox.last.private) == (IN_SERVER, False)
        assert inbox.last.author == Author(platform="discord", external_id=str(BEN), name="Ben")


async def test_replies(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        ours = int(discord._message(CHANNEL, BOT, "yes?")["id"])
        theirs = discord.say("yes?", channel=CHANNEL, user=BEN)
        discord.say("go on", channel=CHANNEL, reply_to=ours)
        discord.say("not us", channel=CHANNEL, reply_to=theirs)
        document = Document(name="a.jsonl", content=b"{}")
        with_file = discord.say("look", document=document, user=ANN)
        discord.say("/train", reply_to=with_file)
        discord.say("lost", reply_to=snowflake())
        await discord.settled()
    go_on, _, train, lost = inbox.taken.values()
    assert go_on.reply_to == RepliedTo(
        message_id=str(ours),
        text="yes?",
        author=Author(platform="discord", external_id=str(BOT), name="Avatar"),
        from_us=True,
    )
    assert inbox.texts == ["go on", "look", "/train", "lost"]
    assert train.reply_to is not None
    assert [file.kind for file in train.reply_to.attachments] == ["document"]
    assert lost.reply_to is not None and not lost.reply_to.from_us


async def test_what_is_not_said_to_the_bot(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("beep", bot=True)
        message = discord._message(DIRECT[ANN], ANN, "x")
        discord.event("MESSAGE_CREATE", discord._wire(message) | {"type": 6})  # "pinned"
        discord.event("MESSAGE_CREATE", discord._wire(message) | {"webhook_id": "7"})
        discord.event("MESSAGE_UPDATE", discord._wire(message))
        await discord.settled()
    assert inbox.texts == []


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/png", "photo"),
        ("audio/ogg", "audio"),
        ("video/mp4", "video"),
        ("text/plain; charset=utf-8", "document"),
        ("application/json", "document"),
    ],
)
async def test_kinds_of_files(discord: DiscordStandIn, content_type: str, kind: str) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say(document=Document(name="a", content=b"x", content_type=content_type))
        await discord.settled()
    assert [(file.kind, file.size) for file in inbox.last.attachments] == [(kind, 1)]


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("status", {}, "/status"),
        ("activate", {"n": 3}, "/activate 3"),
        ("diff", {"b": 4, "a": 1}, "/diff 1 4"),
        ("note", {"n": 3, "text": "warmer,\nshorter"}, "/note 3 warmer,\nshorter"),
        (
            "compare",
            {"a": "2", "b": "base", "message": "How are you?"},
            "/compare 2 base How are you?",
        ),
        ("owners", {"add-or-remove": "add", "person": f"<@{BEN}>"}, f"/owners add discord:{BEN}"),
        ("owners", {"add-or-remove": "add", "person": "telegram:1"}, "/owners add telegram:1"),
        ("prompt", {"text": "You are kind."}, "/prompt You are kind."),
        ("prompt", {}, "/prompt"),
        ("nosuch", {"a": 1}, "/nosuch"),
    ],
)
async def test_slash_commands_become_lines(
    discord: DiscordStandIn, name: str, values: dict[str, Any], text: str
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.slash(name, values)
        await discord.settled()
    asked = inbox.last
    assert (asked.text, asked.address, asked.private) == (text, PRIVATE, True)
    assert abs(asked.sent_at - datetime.now(UTC)) < timedelta(seconds=20)


@pytest.mark.parametrize(
    ("name", "hidden"), [("status", True), ("help", True), ("new", False), ("retry", False)]
)
async def test_who_sees_the_answer(discord: DiscordStandIn, name: str, hidden: bool) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        asked = discord.slash(name, channel=CHANNEL)
        await discord.settled()
    assert asked.callback == {"type": 5, "data": {"flags": 64 if hidden else 0}}


async def test_train_with_a_file(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.slash("train", document=Document(name="a.jsonl", content=b"{}"))
        await discord.settled()
    (file,) = inbox.last.attachments
    assert (inbox.last.text, file.name, file.kind) == ("/train", "a.jsonl", "document")


async def test_the_menu_of_a_message(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        message = discord.say("x", document=Document(name="a.jsonl", content=b"{}"))
        discord.menu("Train on this file", message)
        await discord.settled()
    asked = inbox.last
    assert (asked.text, asked.attachments) == ("/train", ())
    assert asked.reply_to is not None
    assert (asked.reply_to.message_id, asked.reply_to.from_us) == (str(message), False)
    assert asked.reply_to.attachments[0].name == "a.jsonl"


# What Discord is told of the commands


def test_every_command_is_declared_with_typed_options() -> None:
    told = {(c["type"], c["name"]): c for c in slash.declared(COMMANDS)}
    assert {name for type_, name in told if type_ == 1} == {
        c.name for c in COMMANDS if not c.platforms or "discord" in c.platforms
    }
    assert {name for type_, name in told if type_ == 3} == {"Why this reply", "Train on this file"}
    (number,) = told[1, "activate"]["options"]
    assert (number["type"], number["autocomplete"], number["required"]) == (4, True, True)
    (file,) = told[1, "train"]["options"]
    assert file["type"] == 11
    what, person = told[1, "owners"]["options"]
    assert (what["name"], [c["value"] for c in what["choices"]]) == (
        "add-or-remove",
        ["add", "remove"],
    )
    assert (person["type"], person["required"], person["autocomplete"]) == (3, False, True)


def test_every_option_says_what_it_is_and_is_completed_where_it_can_be() -> None:
    options = {
        (command["name"], option["name"]): option
        for command in slash.declared(COMMANDS)
        for option in command.get("options", ())
    }
    assert all(1 <= len(option["description"]) <= 100 for option in options.values())
    assert [name for name, o in options.items() if o["description"] == "a word"] == []
    completed = {name for name, option in options.items() if option.get("autocomplete")}
    assert {
        ("help", "command"),
        ("voice", "voice"),
        ("block", "person"),
        ("owners", "person"),
        ("managers", "role"),
        ("quiet", "hours"),
        ("quiet", "zone"),
        ("talkative", "percent"),
        ("limits", "most"),
        ("avatar", "avatar"),
        ("retrain", "n"),
    } <= completed
    assert [c["value"] for c in options["limits", "what"]["choices"]] == [
        "messages",
        "day",
        "month",
    ]
    assert options["invite", "uses"]["type"] == 4
    assert options["import", "file"]["type"] == options["picture", "file"]["type"] == 11


def test_only_prompt_has_a_form() -> None:
    wanting = [c.name for c in slash.here(COMMANDS) if slash.wants_form({"name": c.name})]
    assert wanting == ["prompt"]
    assert slash.wants_form({"name": "prompt", "options": [{"name": "text", "value": "x"}]}) is None
    assert BY_NAME["prompt"].parameters[-1].name == "text"


# Plain data


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=20), st.booleans(), st.integers(0, 2**63))
def test_a_ticket_can_be_stored(token: str, hidden: bool, pressed: int) -> None:
    ticket = Ticket(
        application=1, id=snowflake(), token=token, user=4, pressed=pressed, hidden=hidden
    )
    assert ticket_of(str(ticket)) == ticket
    assert ticket_of("123") is None
    assert ticket_of(None) is None
    made = moment_of(ticket.id)
    assert ticket.is_good(made + timedelta(minutes=14))
    assert not ticket.is_good(made + timedelta(minutes=14, seconds=50))


def test_places() -> None:
    assert place_of(PRIVATE) == Place(channel=DIRECT[ANN], private=True)
    assert place_of(IN_SERVER) == Place(channel=CHANNEL, private=False)
    assert place_of(ASIDE) == Place(channel=CHANNEL, private=False, person=ANN)
    assert aside(IN_SERVER, str(ANN)) == ASIDE
    assert aside(ASIDE, "7") == ASIDE
    assert aside(PRIVATE, str(ANN)) == PRIVATE
    assert message_at(place_of(ASIDE), "3/4") == (3, 4)
    assert message_at(place_of(ASIDE), "4") == (CHANNEL, 4)


def test_the_gateway_is_asked_for_reactions() -> None:
    wanted = intents(content=False)
    assert wanted.guild_reactions and wanted.dm_reactions and not wanted.message_content


async def test_thumbs(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.react(7, "👍🏿")
        discord.react(7, "👍", gone=True)
        discord.react(8, "👎", channel=CHANNEL, user=BEN)
        discord.react(8, "👎", gone=True, channel=CHANNEL, user=BEN)
        discord.react(8, "❤")
        discord.react(8, "👍", user=BOT)
        await discord.settled()
    found = list(inbox.taken.values())
    assert [each.reaction for each in found] == [
        Reaction.UP,
        Reaction.UP_GONE,
        Reaction.DOWN,
        Reaction.DOWN_GONE,
    ]
    assert [(each.address, each.message_id, each.private) for each in found[1:3]] == [
        (PRIVATE, "7", True),
        (IN_SERVER, "8", False),
    ]
    assert [each.author.external_id for each in found[1:3]] == [str(ANN), str(BEN)]
    assert len({each.update_id for each in found}) == 4


async def test_edits(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        here = discord.say("helo")
        there = discord.say("helo", channel=CHANNEL)
        discord.edit(here, "hello")
        discord.edit(there, "nobody is meant", channel=CHANNEL)
        discord.edit(there, f"<@{BOT}> hello", channel=CHANNEL)
        # Discord itself shows what a link leads to: that is no edit.
        message = discord._message(DIRECT[ANN], ANN, "see http://host.example")
        discord.event("MESSAGE_UPDATE", discord._wire(message))
        await discord.settled()
    said, *edited = inbox.taken.values()
    assert not said.edited
    assert [(each.edited, each.text, each.message_id) for each in edited] == [
        (True, "hello", str(here)),
        (True, "hello", str(there)),
    ]
    assert edited[0].update_id != said.update_id


async def test_what_is_passed_on(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    snapshot = {
        "type": 0,
        "content": "look",
        "embeds": [],
        "attachments": [discord._stored(Document(name="a.png", content=b"x"))],
        "timestamp": "2026-11-27T12:00:00+00:00",
        "edited_timestamp": None,
        "flags": 0,
    }
    forward = {"type": 1, "message_id": "1", "channel_id": "2"}
    async with serving(discord, inbox.receive):
        discord.say(message_reference=forward, message_snapshots=[{"message": snapshot}])
        await discord.settled()
    assert (inbox.last.text, inbox.last.forwarded, inbox.last.reply_to) == ("look", "", None)
    assert [file.name for file in inbox.last.attachments] == ["a.png"]


def test_where_a_message_stands() -> None:
    assert stands(IN_SERVER, "5") == (IN_SERVER, "5")
    assert stands(ASIDE, f"{DIRECT[ANN]}/5") == (PRIVATE, "5")
    assert stands(ASIDE, f"{CHANNEL}/5") == (IN_SERVER, "5")
