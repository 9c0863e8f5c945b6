"""What is said arrives once, as Discord takes it, whatever Discord answers."""

import asyncio
from dataclasses import replace

import pytest

from avatar.errors import BadText, NotDelivered, Unreachable
from avatar.records import Address, Attachment
from bot.discord.messenger import DiscordMessenger
from bot.discord.places import place_of
from bot.screen import Button, Card, Content, Entry, File, Style
from tests.bot.discord.make import ASIDE, IN_SERVER, OTHER, PRIVATE, Inbox, logged_in, said, serving
from tests.standins.discord_api import ANN, BEN, BOT, CHANNEL, DIRECT, DiscordStandIn, Document

MESSAGES = r"/channels/\d+/messages"


async def test_markdown_and_buttons(discord: DiscordStandIn, messenger: DiscordMessenger) -> None:
    rows = (
        (Button(label="Go", action="go:1", style=Style.SUCCESS), Button(label="No", action="no")),
    )
    ids = await messenger.send(PRIVATE, Content(text="#### bold", buttons=rows))
    (shown,) = discord.shown()
    assert ids == (str(shown.id),)
    assert (shown.content, shown.buttons) == ("**bold**", (("Go", "No"),))
    (call,) = discord.called("POST", MESSAGES)
    go, no = call.body["components"][0]["components"]
    assert (go["style"], go["custom_id"], no["style"]) == (3, "go:1", 2)


async def test_nobody_is_called_by_an_answer(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    await messenger.send(IN_SERVER, said(f"@everyone @here <@{BEN}>"))
    assert discord.shown(CHANNEL)[0].mentions == ()
    (call,) = discord.called("POST", MESSAGES)
    assert call.body["allowed_mentions"] == {"parse": [], "replied_user": False}


async def test_a_long_text_becomes_several_messages(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    text = " ".join(f"word{i}" for i in range(800))
    answered = discord.say("tell me", channel=CHANNEL)
    ids = await messenger.send(IN_SERVER, said(text, "More"), reply_to=str(answered))
    shown = discord.shown(CHANNEL)
    assert ids == tuple(str(m.id) for m in shown)
    assert "".join(m.content for m in shown) == text
    assert [m.labels for m in shown] == [()] * (len(shown) - 1) + [("More",)]
    assert [m.reply_to for m in shown] == [answered] + [None] * (len(shown) - 1)


LIST = Card(
    head="**A list**",
    entries=(
        Entry(text="the first", buttons=(Button(label="Do 1", action="do:1"),)),
        Entry(text="the second", buttons=(Button(label="Do 2", action="do:2"),)),
    ),
    buttons=((Button(label="More", action="more"),),),
)


async def test_a_list_is_a_card_with_buttons_beside_its_entries(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    await messenger.send(PRIVATE, LIST.content)
    (shown,) = discord.shown()
    assert (shown.card, shown.content) == (True, "**A list**\n\nthe first\n\nthe second")
    assert shown.buttons == (("Do 1",), ("Do 2",), ("More",))
    (call,) = discord.called("POST", MESSAGES)
    (container,) = call.body["components"]
    # Text, and for each entry a line, its text and its buttons; a line and the list's buttons.
    assert [part["type"] for part in container["components"]] == [10, 14, 10, 1, 14, 10, 1, 14, 1]


@pytest.mark.parametrize("too", ["long", "many", "twice"])
async def test_a_list_that_is_too_large_for_a_card_is_a_text(
    discord: DiscordStandIn, messenger: DiscordMessenger, too: str
) -> None:
    first, second = LIST.entries
    large = {
        "long": (replace(first, text="long " * 300), replace(second, text="long " * 300)) * 2,
        "many": tuple(
            Entry(text=str(i), buttons=(Button(label=str(i), action=f"do:{i}"),)) for i in range(10)
        ),
        "twice": (first, replace(second, buttons=first.buttons)),
    }[too]
    await messenger.send(PRIVATE, replace(LIST, entries=large).content)
    assert not any(shown.card for shown in discord.shown())
    assert {"Do 1" if too != "many" else "9", "More"} <= set(discord.shown()[-1].labels)


async def test_an_ordinary_answer_in_place_of_a_card_is_a_card_too(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        await platform.messenger.send(PRIVATE, LIST.content)
        discord.press("Do 2")
        await discord.settled()
        ticket = inbox.last.message_id
        await platform.messenger.edit(PRIVATE, ticket, said("Done.", "Undo"))
        (shown,) = discord.shown()
        assert (shown.card, shown.content, shown.labels) == (True, "Done.", ("Undo",))


async def test_a_very_long_text_comes_as_a_file(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    text = "A line of some length.\n" * 1000
    await messenger.send(PRIVATE, said(text, "More"))
    first, second = discord.shown()
    assert first.content.startswith("A line of")
    assert (second.file, second.labels) == (text.encode(), ("More",))


async def test_more_buttons_than_fit(discord: DiscordStandIn, messenger: DiscordMessenger) -> None:
    rows = tuple((Button(label=f"B{i}", action=f"b:{i}"),) for i in range(7))
    await messenger.send(PRIVATE, Content(text="seven", buttons=rows))
    (shown,) = discord.shown()
    assert shown.labels == tuple(f"B{i}" for i in range(7))
    many = tuple((Button(label=f"B{i}", action=f"b:{i}"),) for i in range(27))
    await messenger.send(OTHER, Content(text="many", buttons=(*many, many[0])))
    assert [len(m.labels) for m in discord.shown(DIRECT[BEN])] == [25, 2]


async def test_an_answer_in_private_marks_nothing(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    asked = discord.say("hello")
    await messenger.send(PRIVATE, said("hello"), reply_to=str(asked))
    assert discord.shown()[0].reply_to is None


async def test_what_it_answers_may_be_gone(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    await messenger.send(IN_SERVER, said("hello"), reply_to="42")
    assert discord.shown(CHANNEL)[0].reply_to is None


async def test_what_it_answers_cannot_be_marked_everywhere(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    """The permission to read what was said before is needed for that."""
    asked = discord.say("hello", channel=CHANNEL)
    discord.unread.add(CHANNEL)
    await messenger.send(IN_SERVER, said("hi"), reply_to=str(asked))
    assert [(m.text, m.reply_to) for m in discord.shown(CHANNEL)] == [("hi", None)]


@pytest.mark.parametrize("after", [False, True])
async def test_a_message_whose_answer_was_lost_stands_there_once(
    discord: DiscordStandIn, messenger: DiscordMessenger, after: bool
) -> None:
    discord.fail("POST", MESSAGES, after=after)
    (id_,) = await messenger.send(PRIVATE, said("hello"))
    assert [str(shown.id) for shown in discord.shown()] == [id_]
    assert len(discord.called("POST", MESSAGES)) == 2


async def test_an_answer_that_is_given_again_stands_there_once(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    """The dispatcher tries again what was perhaps not delivered."""
    discord.fail("POST", MESSAGES, times=4, after=True)
    with pytest.raises(NotDelivered):
        await messenger.send(PRIVATE, said("hello"), reply_to="7")
    await messenger.send(PRIVATE, said("hello"), reply_to="7")
    await messenger.send(PRIVATE, said("hello"), reply_to="8")
    assert [shown.text for shown in discord.shown()] == ["hello"] * 2


async def test_a_bad_gateway_is_tried_again(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", MESSAGES, status=502)
    await messenger.send(PRIVATE, said("hello"))
    assert [shown.text for shown in discord.shown()] == ["hello"]


@pytest.mark.parametrize(
    ("status", "code"), [(403, 50007), (403, 50001), (404, 10003), (400, 160005)]
)
async def test_a_channel_that_cannot_be_written_to(
    discord: DiscordStandIn, messenger: DiscordMessenger, status: int, code: int
) -> None:
    discord.fail("POST", MESSAGES, status=status, code=code)
    with pytest.raises(Unreachable) as caught:
        await messenger.send(PRIVATE, said("hello"))
    assert str(code) in caught.value.detail


async def test_a_long_rate_limit_is_not_waited_for(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", MESSAGES, status=429, retry_after=99)
    with pytest.raises(NotDelivered) as caught:
        await messenger.send(PRIVATE, said("hello"))
    assert caught.value.retry_after == 99


async def test_a_short_rate_limit_is_waited_for(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", MESSAGES, status=429, retry_after=0.2)
    await messenger.send(PRIVATE, said("hello"))
    first, second = discord.called("POST", MESSAGES)
    assert second.at - first.at > 0.19


async def test_a_limit_for_everything_is_waited_for(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", MESSAGES, status=429, retry_after=0.2, everywhere=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(messenger.send(PRIVATE, said("one")))
        await discord.until(lambda: bool(discord.calls[-1].status == 429))
        group.create_task(messenger.send(OTHER, said("two")))
    refused = discord.called("POST", MESSAGES)[0]
    later = discord.called("POST", MESSAGES)[1:]
    assert all(call.at - refused.at > 0.19 for call in later)
    assert len(later) == 2


async def test_edits(discord: DiscordStandIn, messenger: DiscordMessenger) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one", "Go"))
    await messenger.edit(PRIVATE, id_, said("two"))
    (shown,) = discord.shown()
    assert (shown.text, shown.labels) == ("two", ())
    discord.delete(int(id_))
    await messenger.edit(PRIVATE, id_, said("quiet"), quiet=True)
    assert discord.shown() == []
    await messenger.edit(PRIVATE, id_, said("three"))
    assert [shown.text for shown in discord.shown()] == ["three"]


async def test_a_quiet_edit_may_fail(discord: DiscordStandIn, messenger: DiscordMessenger) -> None:
    (id_,) = await messenger.send(PRIVATE, said("one"))
    discord.fail("PATCH", r"/channels/.*", times=4)
    await messenger.edit(PRIVATE, id_, said("two"), quiet=True)
    assert [shown.text for shown in discord.shown()] == ["one"]


# Aside: what is for one person of a server


async def test_aside_goes_by_direct_message(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    (id_,) = await messenger.send(ASIDE, said("progress", "Cancel"))
    assert [shown.text for shown in discord.shown()] == ["progress"]
    await messenger.edit(ASIDE, id_, said("done"))
    assert [shown.text for shown in discord.shown()] == ["done"]
    assert discord.shown(CHANNEL) == []


async def test_a_refused_direct_message_falls_back_to_the_channel(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.closed_direct.add(ANN)
    (id_,) = await messenger.send(ASIDE, said("completed", "Activate"))
    (shown,) = discord.shown(CHANNEL)
    assert (shown.content, shown.mentions) == (f"<@{ANN}>\ncompleted", (ANN,))
    assert shown.labels == ("Activate",)
    await messenger.edit(ASIDE, id_, said("progress"))
    assert [m.content for m in discord.shown(CHANNEL)] == ["progress"]


async def test_neither_a_direct_message_nor_the_channel(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.closed_direct.add(ANN)
    discord.closed.add(CHANNEL)
    with pytest.raises(Unreachable):
        await messenger.send(ASIDE, said("completed"))


# Interactions


async def test_the_answer_to_a_command_in_a_server_is_hidden(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.slash("status", channel=CHANNEL)
        await discord.settled()
        assert discord.thinking(CHANNEL) == 1
        asked = inbox.last
        ids = await platform.messenger.send(
            asked.address, said("word " * 500, "Go"), reply_to=asked.message_id
        )
    shown = discord.shown(CHANNEL)
    assert discord.thinking(CHANNEL) == 0
    assert [m.hidden_for for m in shown] == [ANN, ANN]
    assert ids == tuple(str(m.id) for m in shown)


async def test_an_answer_that_is_refused_ends_with_a_sentence(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.slash("status")
        await discord.settled()
        discord.fail("PATCH", "/webhooks/.*", status=400, code=50035)
        with pytest.raises(Unreachable):
            await platform.messenger.send(
                inbox.last.address, said("never seen"), reply_to=inbox.last.message_id
            )
    assert discord.thinking(DIRECT[ANN]) == 0
    assert ["did not take the answer" in m.text for m in discord.shown()] == [True]


async def test_another_process_can_answer(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.slash("status", channel=CHANNEL)
        await discord.settled()
    async with logged_in(discord) as other:
        asked = inbox.last
        await other.messenger.send(asked.address, said("late"), reply_to=asked.message_id)
    assert [(m.text, m.hidden_for) for m in discord.shown(CHANNEL)] == [("late", ANN)]
    assert discord.thinking(CHANNEL) == 0


async def test_an_answer_after_a_quarter_of_an_hour(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        for channel in (DIRECT[ANN], CHANNEL):
            asked = discord.slash("status", channel=channel)
            await discord.settled()
            discord.expired.add(asked.token)
            late = inbox.last
            await platform.messenger.send(late.address, said("late"), reply_to=late.message_id)
    # What was hidden is told to the person alone.
    assert [(m.text, m.hidden_for) for m in discord.shown()] == [("late", None)] * 2
    assert discord.shown(CHANNEL) == []


async def test_a_public_answer_after_a_quarter_of_an_hour(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        asked = discord.slash("new", channel=CHANNEL)
        await discord.settled()
        discord.expired.add(asked.token)
        late = inbox.last
        await platform.messenger.send(late.address, said("late"), reply_to=late.message_id)
    assert [m.text for m in discord.shown(CHANNEL)] == ["late"]


async def test_a_press_is_answered_in_place_or_behind(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        messenger = platform.messenger
        discord.slash("status", channel=CHANNEL)
        await discord.settled()
        asked = inbox.last
        await messenger.send(asked.address, said("card", "Go"), reply_to=asked.message_id)
        pressed = discord.press("Go", channel=CHANNEL)
        await discord.settled()
        press = inbox.last
        await messenger.edit(press.address, press.message_id, said("changed", "Go"))
        await messenger.send(press.address, said("behind"), reply_to=press.message_id)
        assert [(m.text, m.hidden_for) for m in discord.shown(CHANNEL)] == [
            ("changed", ANN),
            ("behind", ANN),
        ]
        # Too late for both: the hidden message cannot be reached any more.
        discord.expired.add(pressed.token)
        await messenger.edit(press.address, press.message_id, said("late"))
    assert [m.text for m in discord.shown()] == ["late"]


async def test_a_late_press_changes_an_ordinary_message(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        await platform.messenger.send(PRIVATE, said("card", "Go"))
        pressed = discord.press("Go")
        await discord.settled()
        discord.expired.add(pressed.token)
        press = inbox.last
        await platform.messenger.edit(press.address, press.message_id, said("changed"))
    assert [m.text for m in discord.shown()] == ["changed"]


# Files


@pytest.mark.parametrize("address", [PRIVATE, IN_SERVER])
async def test_a_file_that_is_larger_than_discord_takes(
    discord: DiscordStandIn, messenger: DiscordMessenger, address: Address
) -> None:
    """Else they would hear nothing at all."""
    for size, sent in ((10_000_000, True), (12_000_000, False)):
        content = Content(text="Here it is.", file=File(name="a.zip", content=b"x" * size))
        await messenger.send(address, content)
        shown = discord.shown(place_of(address).channel)[-1]
        assert (shown.file is not None) is sent
        refused = "Here it is.\n\na.zip has 12.0 MB, and Discord takes no more than 10.5 MB here."
        assert shown.text == ("Here it is." if sent else refused)


async def test_files(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.say("/train", document=Document(name="../a.jsonl", content=b"{}"))
        await discord.settled()
        (file,) = inbox.last.attachments
        assert (file.name, file.size, file.kind) == ("../a.jsonl", 2, "document")
        async with platform.messenger.download(PRIVATE, file, limit=10) as path:
            assert path.read_bytes() == b"{}"
        assert not path.exists()


def attached(
    discord: DiscordStandIn, content: bytes, *, size: int | None, signed: str
) -> Attachment:
    stored = discord._stored(Document(name="a.jsonl", content=content))
    url = stored["url"].replace("fresh", signed)
    return Attachment(ref=url, name="a.jsonl", size=size, kind="document")


@pytest.mark.parametrize("size", [11, 5, None])
async def test_a_file_that_is_too_large(
    discord: DiscordStandIn, messenger: DiscordMessenger, size: int | None
) -> None:
    file = attached(discord, b"x" * 11, size=size, signed="fresh")
    with pytest.raises(BadText, match="larger"):
        async with messenger.download(PRIVATE, file, limit=10):
            raise AssertionError("too large")


async def test_an_address_that_is_too_old_is_signed_anew(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    file = attached(discord, b"{}", size=2, signed="old")
    async with messenger.download(PRIVATE, file, limit=10) as path:
        assert path.read_bytes() == b"{}"


async def test_files_that_cannot_be_had(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    file = attached(discord, b"{}", size=2, signed="fresh")
    discord.fail("GET", "/files/.*", status=500)
    with pytest.raises(NotDelivered):
        async with messenger.download(PRIVATE, file, limit=10):
            raise AssertionError("there is none")
    discord.files.clear()
    sticker = Attachment(ref="", name="wave", size=None, kind="sticker")
    for lost in (file, sticker):
        with pytest.raises(BadText, match="cannot be fetched"):
            async with messenger.download(PRIVATE, lost, limit=10):
                raise AssertionError("it is gone")


async def test_a_thread(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.slash("talk", channel=CHANNEL)
        await discord.settled()
        thread = await platform.messenger.open_thread(inbox.last, name="Demo · Ann")
        await platform.messenger.send(thread.address, said("hello"))
        place = int(thread.address.thread)
        assert (thread.link, thread.hears_all) == (f"<#{place}>", True)
        assert [m.text for m in discord.shown(place)] == ["hello"]
        discord.say("no name needed here", channel=place)
        await discord.settled()
        assert (inbox.last.text, inbox.last.address) == ("no name needed here", thread.address)
        discord.slash("talk", channel=place)
        await discord.settled()
        with pytest.raises(BadText):  # no thread in a thread
            await platform.messenger.open_thread(inbox.last, name="x")
        discord.slash("talk")
        await discord.settled()
        with pytest.raises(BadText, match="in servers only"):
            await platform.messenger.open_thread(inbox.last, name="x")
    assert BOT not in discord.threads


async def test_in_a_thread_that_was_archived_it_is_said_anew(discord: DiscordStandIn) -> None:
    """Nothing can be changed there; a new message ends that."""
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        messenger = platform.messenger
        discord.slash("talk", channel=CHANNEL)
        await discord.settled()
        thread = await messenger.open_thread(inbox.last, name="Demo")
        place = int(thread.address.thread)
        (id_,) = await messenger.send(thread.address, said("asked"))
        discord.archive(place)
        await messenger.edit(thread.address, id_, said("progress"), quiet=True)
        assert [m.text for m in discord.shown(place)] == ["asked"]
        await messenger.edit(thread.address, id_, said("done"))
    assert [m.text for m in discord.shown(place)] == ["asked", "done"]
