"""A reply while it is being written."""

import asyncio
import dataclasses

import pytest

from avatar.errors import NotDelivered, Unreachable
from bot.discord.messenger import DiscordMessenger
from bot.discord.pace import Pace
from tests.bot.discord import make
from tests.bot.discord.make import IN_SERVER, PRIVATE, STOP, Inbox, said, serving
from tests.standins.discord_api import ANN, CHANNEL, DiscordStandIn

MESSAGES = r"/channels/\d+/messages"
EDITS = r"/channels/\d+/messages/\d+"


async def test_it_types_grows_and_ends(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    asked = discord.say("hello", channel=CHANNEL)
    sight = messenger.open_sight(IN_SERVER, reply_to=str(asked), private=False, stop=STOP)
    await discord.until(lambda: bool(discord.typed))
    sight.show("Hel")
    await discord.until(lambda: bool(discord.shown(CHANNEL)))
    (shown,) = discord.shown(CHANNEL)
    assert (shown.text, shown.labels, shown.reply_to) == ("Hel", ("Stop",), asked)
    sight.show("Hello, world")
    await discord.until(lambda: discord.shown(CHANNEL)[0].text == "Hello, world")
    ids = await sight.finish(said("Hello, world."))
    await sight.close()
    assert [(m.text, m.labels) for m in discord.shown(CHANNEL)] == [("Hello, world.", ())]
    assert ids == (str(shown.id),)


async def test_a_short_reply_is_one_message(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    await sight.finish(said("Hello."))
    await sight.close()
    assert [m.text for m in discord.shown()] == ["Hello."]
    assert discord.called("PATCH", EDITS) == []


async def test_a_reply_grows_over_several_messages(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    asked = discord.say("tell me", channel=CHANNEL)
    words = [f"word{i}" for i in range(800)]
    sight = messenger.open_sight(IN_SERVER, reply_to=str(asked), private=False, stop=STOP)
    for end in range(40, 800, 50):
        sight.show(" ".join(words[:end]))
        await asyncio.sleep(0.02)
    await discord.until(lambda: "word789" in "".join(m.text for m in discord.shown(CHANNEL)))
    shown = discord.shown(CHANNEL)
    assert len(shown) > 2
    assert [m.labels for m in shown] == [()] * (len(shown) - 1) + [("Stop",)]
    assert [m.reply_to for m in shown] == [asked] + [None] * (len(shown) - 1)
    calls = len(discord.calls)
    ids = await sight.finish(said(" ".join(words), "More"))
    await sight.close()
    shown = discord.shown(CHANNEL)
    assert ids == tuple(str(m.id) for m in shown)
    assert "".join(m.text for m in shown).split() == words
    assert [m.labels for m in shown] == [()] * (len(shown) - 1) + [("More",)]
    assert len(discord.calls) == calls + 1  # what stood there stays untouched


async def test_a_reply_that_turns_out_shorter_or_very_long(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    for end in ("Short.", "A line of some length.\n" * 1000):
        sight = messenger.open_sight(PRIVATE)
        sight.show("word " * 1500)
        await discord.until(lambda: len(discord.shown()) == 4)
        await sight.finish(said(end))
        await sight.close()
        shown = discord.shown()
        assert shown[0].content == end[: len(shown[0].content)]
        assert len(shown) == (1 if end == "Short." else 2)
        assert shown[-1].file == (None if end == "Short." else end.encode())
        for message in shown:
            discord.delete(message.id)


async def test_the_second_of_several_messages_was_deleted(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    text = "word " * 700
    sight.show(text)
    await discord.until(lambda: len(discord.shown()) == 2)
    discord.delete(discord.shown()[1].id)
    await sight.finish(said(text + "end."))
    await sight.close()
    assert "".join(m.text for m in discord.shown()).split()[-1] == "end."
    assert len(discord.shown()) == 2


async def test_a_long_reply_goes_on_in_more_messages(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    text = "```python\n" + "print('hello')\n" * 300 + "```"
    sight.show(text[:4000])
    await discord.until(lambda: bool(discord.shown()))
    ids = await sight.finish(said(text))
    await sight.close()
    shown = discord.shown()
    assert len(ids) == len(shown) == 3
    assert all(m.content.startswith("```python\n") and m.content.endswith("\n```") for m in shown)
    assert "".join(m.text for m in shown).count("print('hello')") == 300


FASTER = 5  # than Discord's limits and the default pace, in the same ratio


async def test_the_cadence_never_meets_a_rate_limit() -> None:
    """Discord's own limit is 5 calls in 5 s."""
    pace = dataclasses.replace(Pace(), edit=Pace().edit / FASTER)
    async with (
        DiscordStandIn(limits=(5, 5.0 / FASTER)) as discord,
        make.logged_in(discord, pace=pace) as platform,
    ):
        sight = platform.messenger.open_sight(PRIVATE, stop=STOP)
        for i in range(70):
            sight.show("word " * (i + 1))
            await asyncio.sleep(0.1 / FASTER)
        began = asyncio.get_running_loop().time()
        await sight.finish(said("words."))
        assert asyncio.get_running_loop().time() - began < 0.5 / FASTER  # no limit is waited for
        await sight.close()
        calls = [c for c in discord.calls if "/messages" in c.path]
        assert {c.status for c in calls} == {200}
        assert len(calls) >= 5
        assert [m.text for m in discord.shown()] == ["words."]


async def test_a_burst_of_messages_waits_before_the_limit() -> None:
    async with (
        DiscordStandIn(limits=(3, 0.3)) as discord,
        make.logged_in(discord) as platform,
    ):
        for i in range(8):
            await platform.messenger.send(PRIVATE, said(f"{i}"))
        assert [m.text for m in discord.shown()] == [f"{i}" for i in range(8)]
        assert {c.status for c in discord.called("POST", MESSAGES)} == {200}


async def test_previews_that_fail_are_worth_no_reply(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", ".*/typing")
    discord.fail("PATCH", EDITS, times=4)
    sight = messenger.open_sight(PRIVATE)
    for i in range(1, 8):
        sight.show("word " * i)
        await asyncio.sleep(0.03)
    await sight.finish(said("words."))
    await sight.close()
    assert [m.text for m in discord.shown()] == ["words."]


async def test_a_first_preview_whose_answer_was_lost_has_no_second_beside_it(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.fail("POST", MESSAGES, times=4, after=True)
    sight = messenger.open_sight(PRIVATE)
    for i in range(1, 12):
        sight.show("word " * i)
        await asyncio.sleep(0.03)
    assert len(discord.shown()) == 1
    await sight.finish(said("words."))
    await sight.close()
    assert [m.text for m in discord.shown()][1:] == ["words."]


async def test_a_deleted_preview_is_no_reason_to_lose_the_reply(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    await discord.until(lambda: bool(discord.shown()))
    discord.delete(discord.shown()[0].id)
    await sight.finish(said("Hello."))
    await sight.close()
    assert [m.text for m in discord.shown()] == ["Hello."]


async def test_a_person_who_takes_no_messages(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    discord.closed_direct.add(ANN)
    sight = messenger.open_sight(PRIVATE)
    for i in range(1, 5):
        sight.show("word " * i)
        await asyncio.sleep(0.05)
    with pytest.raises(Unreachable):
        await sight.finish(said("Hello."))
    await sight.close()
    assert len(discord.called("POST", ".*")) <= 3


async def test_discord_that_stays_away(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    sight.show("Hello")
    await discord.until(lambda: bool(discord.shown()))
    discord.fail("PATCH", EDITS, times=100)
    with pytest.raises(NotDelivered):
        await sight.finish(said("Hello."))
    await sight.close()
    assert [m.text for m in discord.shown()] == ["Hello"]  # not twice


async def test_a_reply_that_is_not_finished_loses_its_button(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE, stop=STOP)
    sight.show("Hello")
    await discord.until(lambda: bool(discord.shown()))
    await sight.close()
    await sight.close()
    assert [(m.text, m.labels) for m in discord.shown()] == [("Hello", ())]


async def test_the_reply_to_a_command_grows_in_its_place(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.slash("retry", channel=CHANNEL)
        await discord.settled()
        asked = inbox.last
        sight = platform.messenger.open_sight(
            asked.address, reply_to=asked.message_id, private=False, stop=STOP
        )
        sight.show("Hel")
        await discord.until(lambda: [m.text for m in discord.shown(CHANNEL)] == ["Hel"])
        ids = await sight.finish(said("Hello."))
        await sight.close()
    (shown,) = discord.shown(CHANNEL)
    assert (shown.text, shown.labels, shown.hidden_for) == ("Hello.", (), None)
    assert ids == (str(shown.id),)
    assert discord.typed == []


async def test_text_that_cannot_be_seen_is_no_preview(
    discord: DiscordStandIn, messenger: DiscordMessenger
) -> None:
    sight = messenger.open_sight(PRIVATE)
    for text in ("\n", "\n\u200b", "\n\u200b\ud800 a"):
        sight.show(text)
        await asyncio.sleep(0.05)
    assert len(discord.called("POST", MESSAGES)) == 1
    await sight.finish(said("done"))
    await sight.close()
