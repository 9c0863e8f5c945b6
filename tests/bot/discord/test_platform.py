"""What people say reaches the inbox once, whatever happens to the gateway."""

import asyncio
import dataclasses
import logging
from datetime import UTC, datetime, timedelta

import pytest
from discord.utils import snowflake_time as discord_time

from avatar.incoming import Incoming
from avatar.stores import Heard
from bot.commands import Command, Parameter
from bot.completion import Completion, Form, Offer
from bot.discord.platform import DiscordPlatform, GatewayRefused, TokenRefused
from tests.avatar.make import NOW
from tests.bot.discord.make import IN_SERVER, PRIVATE, QUICK, Inbox, logged_in, said, serving
from tests.standins.discord_api import ANN, BOT, CHANNEL, DIRECT, ROLE, DiscordStandIn


async def test_what_comes_in_is_handed_over_in_order(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        assert platform.username == "avatar"
        assert "client_id=9000&scope=bot+applications.commands&permissions=" in platform.invitation
        for i in range(5):
            discord.say(f"message {i}")
        discord.say("not for the bot", channel=CHANNEL)
        discord.say(f"<@{BOT}> in a server", channel=CHANNEL)
        await discord.settled()
    assert inbox.texts == [*(f"message {i}" for i in range(5)), "in a server"]
    addresses = [incoming.address for incoming in inbox.taken.values()]
    assert addresses == [*[PRIVATE] * 5, IN_SERVER]


@pytest.mark.parametrize("how", ["cut", "closed", "asked", "invalid"])
async def test_a_dropped_gateway_resumes_without_losing_or_doubling(
    discord: DiscordStandIn, how: str
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("before")
        await discord.heard()
        match how:
            case "cut":
                discord.drop()
            case "closed":
                discord.drop(code=4000)
            case "asked":
                discord.ask_to_reconnect()
            case "invalid":
                discord.ask_to_resume()
        discord.say("meanwhile")
        await discord.settled()
        discord.say("after")
        await discord.settled()
    assert inbox.texts == ["before", "meanwhile", "after"]
    assert inbox.times == 3
    assert discord.handshakes == ["identify", "resume"]


async def test_many_drops_in_a_row(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        for i in range(8):
            discord.say(f"{i}")
            if i % 2:
                discord.drop()
                discord.say(f"{i} meanwhile")
            await discord.settled()
    expected = [
        text for i in range(8) for text in ([f"{i}", f"{i} meanwhile"] if i % 2 else [f"{i}"])
    ]
    assert inbox.texts == expected
    assert inbox.times == len(expected)


async def test_what_was_said_while_a_session_was_lost_is_looked_for(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("before")
        discord.say(f"<@{BOT}> before", channel=CHANNEL)
        await discord.heard()
        discord.invalidate()
        discord.say("meanwhile")
        discord.say("not for the bot", channel=CHANNEL)
        discord.say(f"<@{BOT}> meanwhile, in a server", channel=CHANNEL)
        await discord.settled()
        discord.say("after")
        await discord.settled()
    assert discord.handshakes == ["identify", "resume", "identify"]
    assert sorted(inbox.texts) == sorted(
        ["before", "before", "meanwhile", "meanwhile, in a server", "after"]
    )
    assert inbox.last.text == "after"
    heard = {incoming.text: incoming for incoming in inbox.taken.values()}
    assert heard["meanwhile"].address == PRIVATE
    assert heard["meanwhile, in a server"].address == IN_SERVER
    assert not heard["meanwhile, in a server"].private


async def test_what_was_said_while_no_process_was_there_is_looked_for(
    discord: DiscordStandIn,
) -> None:
    discord.say(f"<@{BOT}> meanwhile, in a server", channel=CHANNEL)
    discord.say("not for the bot", channel=CHANNEL)
    discord.say("meanwhile")
    inbox = Inbox()
    before = Heard(until=datetime.now(UTC), addresses=(PRIVATE, IN_SERVER))
    async with serving(discord, inbox.receive, before=before):
        discord.say("now")
        await discord.settled()
    assert sorted(inbox.texts) == ["meanwhile", "meanwhile, in a server", "now"]
    heard = {incoming.text: incoming for incoming in inbox.taken.values()}
    assert heard["meanwhile"].address == PRIVATE
    assert heard["meanwhile, in a server"].address == IN_SERVER


@pytest.mark.parametrize("archived", [False, True])
async def test_what_was_missed_needs_no_name_in_threads_of_ours_nor_in_full(
    discord: DiscordStandIn, archived: bool
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        discord.slash("talk", channel=CHANNEL)
        await discord.settled()
        thread = await platform.messenger.open_thread(inbox.last, name="Demo")
    before = Heard(until=datetime.now(UTC), addresses=(thread.address, IN_SERVER))
    discord.say("no name needed", channel=int(thread.address.thread))
    discord.say(f"<@&{ROLE}> by its role", channel=CHANNEL)
    if archived:
        discord.archive(int(thread.address.thread))
    inbox = Inbox()
    async with serving(discord, inbox.receive, before=before):
        await discord.settled(quiet=0.1)
    assert sorted(inbox.texts) == ["by its role", "no name needed"]


async def test_where_it_was_heard_by_an_earlier_process_it_is_listened_to(
    discord: DiscordStandIn,
) -> None:
    """Also when the first session in which nothing was said there breaks."""
    inbox = Inbox()
    before = Heard(until=datetime.now(UTC), addresses=(PRIVATE, IN_SERVER))
    async with serving(discord, inbox.receive, before=before):
        await discord.settled(quiet=0.1)
        discord.invalidate()
        discord.say("meanwhile")
        discord.say(f"<@{BOT}> meanwhile, in a server", channel=CHANNEL)
        await discord.settled(quiet=0.1)
    assert sorted(inbox.texts) == ["meanwhile", "meanwhile, in a server"]


async def test_nobody_waits_until_all_channels_were_looked_at(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    many = [dataclasses.replace(PRIVATE, chat=str(6000 + i)) for i in range(40)]
    for each in many:
        discord.channels[int(each.chat)] = {}
    discord.say("before")
    before = Heard(until=datetime.now(UTC), addresses=(*many, PRIVATE))
    looked = r"/channels/60../messages"
    discord.slow("GET", looked, seconds=0.05, times=40)
    async with serving(discord, inbox.receive, before=before):
        await discord.until(lambda: len(discord.called("GET", looked)) > 1)
        discord.say("now")
        await discord.until(lambda: inbox.texts == ["before", "now"], within=1.0)


async def test_what_was_said_more_than_a_day_ago_is_not_looked_for(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    async with serving(
        discord, inbox.receive, before=Heard(until=NOW - timedelta(days=9), addresses=(PRIVATE,))
    ):
        await discord.settled()
    (asked,) = discord.called("GET", rf"/channels/{DIRECT[ANN]}/messages")
    since = discord_time(int(asked.query["after"]))
    assert timedelta(hours=23) < datetime.now(UTC) - since < timedelta(hours=25)


async def test_a_clock_that_went_back_hides_nothing(discord: DiscordStandIn) -> None:
    """It was heard last at a time that is still to come."""
    discord.say("meanwhile")
    inbox = Inbox()
    ahead = Heard(until=datetime.now(UTC) + timedelta(hours=1), addresses=(PRIVATE,))
    async with serving(discord, inbox.receive, before=ahead):
        await discord.settled()
    assert inbox.texts == ["meanwhile"]


async def test_a_channel_where_only_commands_were_used_is_looked_at_too(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.slash("help")
        await discord.settled()
        discord.invalidate()
        discord.say("meanwhile")
        await discord.settled()
    assert inbox.texts == ["/help", "meanwhile"]


async def test_a_repeated_event_has_the_same_id(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("once")
        discord.repeat_last()
        await discord.settled()
    assert (inbox.texts, inbox.times) == (["once"], 2)


async def test_what_cannot_be_taken_does_not_stand_in_the_way(discord: DiscordStandIn) -> None:
    inbox, tries = Inbox(), 0

    async def picky(*incoming: Incoming) -> None:
        nonlocal tries
        if any(each.text == "poison" for each in incoming):
            tries += 1
            raise ValueError("this one never")
        await inbox.receive(*incoming)

    async with serving(discord, picky):
        for text in ("before", "poison", "behind"):
            discord.say(text)
        await discord.settled()
        await discord.until(lambda: tries == 4)
        await discord.settled()
    assert inbox.texts == ["before", "behind"]


async def test_what_was_told_is_taken_in_at_the_end(discord: DiscordStandIn) -> None:
    inbox = Inbox()

    async def slow(*incoming: Incoming) -> None:
        await asyncio.sleep(0.1)
        await inbox.receive(*incoming)

    async with serving(discord, slow):
        for i in range(3):
            discord.say(f"{i}")
        await discord.heard()
    assert inbox.texts == ["0", "1", "2"]


async def test_an_event_that_cannot_be_read_does_not_stand_in_the_way(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.event("MESSAGE_CREATE", discord._message(DIRECT[ANN], ANN, "odd") | {"type": 999})
        discord.event("SOMETHING_NEW", {"a": 1})
        discord.say("behind")
        await discord.settled()
    assert inbox.texts == ["behind"]


async def test_an_event_that_the_library_cannot_read_begins_a_new_session(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("before")
        await discord.heard()
        first = discord.session
        discord.event("MESSAGE_CREATE", {"channel_id": "what"})
        discord.say("behind")
        await discord.until(lambda: discord.session is not first)
        await discord.settled()
    assert inbox.texts == ["before", "behind"]
    assert discord.handshakes == ["identify", "identify"]


async def test_a_press_is_acknowledged_at_once_and_handed_over(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with serving(discord, inbox.receive) as platform:
        await platform.messenger.send(PRIVATE, said("card", "Go"))
        pressed = discord.press("Go")
        await discord.settled()
        assert pressed.callback == {"type": 6}
        taken = inbox.last
        assert (taken.action, taken.text, taken.private) == ("do:0", "", True)
        await platform.messenger.edit(taken.address, taken.message_id, said("done"))
    assert [shown.text for shown in discord.shown()] == ["done"]


async def test_buttons_work_after_a_restart(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    async with logged_in(discord) as platform:
        await platform.messenger.send(IN_SERVER, said("card", "Go"))
    async with serving(discord, inbox.receive):
        discord.press("Go", channel=CHANNEL)
        await discord.settled()
    assert inbox.last.action == "do:0"


async def test_an_interaction_that_came_too_late_is_not_carried_out(
    discord: DiscordStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    discord.fail("POST", "/interactions/.*", status=404, code=10062)
    async with serving(discord, inbox.receive):
        late = discord.slash("undo")
        await discord.until(lambda: "too late" in caplog.text)
        del discord.asked[late.token]
        discord.say("behind")
        await discord.settled()
    assert inbox.texts == ["behind"]


@pytest.mark.parametrize("after", [False, True])
async def test_an_acknowledgement_whose_answer_is_lost_is_given_again(
    discord: DiscordStandIn, after: bool
) -> None:
    inbox = Inbox()
    discord.fail("POST", "/interactions/.*", after=after)
    async with serving(discord, inbox.receive):
        discord.slash("undo")
        await discord.settled()
    assert inbox.texts == ["/undo"]
    assert len(discord.called("POST", "/interactions/.*")) == 2


async def test_an_acknowledgement_that_hangs_holds_up_nobody_for_long(
    discord: DiscordStandIn,
) -> None:
    inbox = Inbox()
    pace = dataclasses.replace(QUICK, first=0.1)
    discord.slow("POST", "/interactions/.*", seconds=4)
    async with serving(discord, inbox.receive, pace=pace):
        discord.slash("undo")
        await discord.heard()
        discord.say("behind")
        await discord.until(lambda: inbox.texts == ["/undo", "behind"], within=2)


async def test_nothing_is_acknowledged_behind_the_end(discord: DiscordStandIn) -> None:
    """With a client that is closed: what is not acknowledged is not taken either."""
    inbox = Inbox()
    discord.slow("POST", "/interactions/.*", seconds=30, times=2)
    async with serving(discord, inbox.receive):
        discord.slash("undo")
        discord.slash("status")
        await discord.heard()
    left = [task for task in asyncio.all_tasks() if "Answering" in repr(task)]
    assert (left, inbox.texts) == ([], [])


class Slow(Completion):
    """Looks longer than Discord waits, or fails."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails

    async def offers(self, parameter: Parameter, typed: str, **_: object) -> tuple[Offer, ...]:
        await self._look()
        return (Offer(value="1", label="never seen"),)

    async def form(self, command: Command, **_: object) -> Form:
        await self._look()
        return Form(title="never seen")

    async def _look(self) -> None:
        if self.fails:
            raise OSError("disk")
        await asyncio.sleep(60)


@pytest.mark.parametrize("fails", [True, False])
async def test_what_cannot_be_looked_up_in_time_is_done_without(
    discord: DiscordStandIn, fails: bool
) -> None:
    inbox = Inbox()
    pace = dataclasses.replace(QUICK, form=0.05)
    async with serving(discord, inbox.receive, Slow(fails=fails), pace=pace):
        completed = discord.complete("activate", "n", "")
        asked = discord.slash("prompt")
        await discord.settled()
    assert completed.choices == []
    assert asked.callback == {"type": 5, "data": {"flags": 0}}
    assert inbox.texts == ["/prompt"]


class Quick(Completion):
    """Has a form for every command."""

    def __init__(self) -> None:
        pass

    async def form(self, command: Command, **_: object) -> Form:
        return Form(title="A prompt")


async def test_a_form_that_is_refused_gives_way_to_the_command(discord: DiscordStandIn) -> None:
    inbox = Inbox()
    discord.fail("POST", "/interactions/.*", status=400, code=50035)
    async with serving(discord, inbox.receive, Quick()):
        asked = discord.slash("prompt")
        await discord.settled()
    assert asked.callback == {"type": 5, "data": {"flags": 0}}
    assert inbox.texts == ["/prompt"]


async def test_commands_are_told_when_they_changed(discord: DiscordStandIn) -> None:
    for _ in range(2):
        async with logged_in(discord):
            pass
    names = {command["name"] for command in discord.commands}
    assert {"prompt", "train", "talk", "Why this reply"} <= names
    assert "wait" not in names  # the terminal's
    assert len(discord.called("PUT", "/applications/.*")) == 1
    discord.commands.pop()
    async with logged_in(discord):
        pass
    assert len(discord.called("PUT", "/applications/.*")) == 2


async def test_commands_that_cannot_be_told_do_not_stop_the_start(
    discord: DiscordStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    discord.fail("GET", "/applications/.*", times=2)  # aiohttp tries once more by itself
    async with logged_in(discord):
        pass
    assert "the slash commands could not be set" in caplog.text


async def test_a_wrong_token_stops_the_start(discord: DiscordStandIn) -> None:
    wrong = DiscordPlatform("wrong.token.xxx", api_url=discord.api_url, pace=QUICK)
    with pytest.raises(TokenRefused) as caught:
        async with wrong:
            raise AssertionError("it should not start")
    assert "DISCORD_TOKEN" in caught.value.sentence
    assert "xxx" not in caught.value.sentence + caught.value.detail


async def test_discord_that_cannot_be_reached_is_waited_for(
    discord: DiscordStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    discord.fail("GET", "/users/@me", times=2)  # aiohttp tries once more by itself
    discord.fail("GET", "/users/@me", status=503, times=2)
    inbox = Inbox()
    with caplog.at_level(logging.WARNING):
        async with serving(discord, inbox.receive):
            discord.say("at last")
            await discord.settled()
    assert inbox.texts == ["at last"]
    assert caplog.text.count("Discord cannot be reached") == 3


@pytest.mark.parametrize(("code", "error"), [(4004, TokenRefused), (4013, GatewayRefused)])
async def test_a_gateway_that_refuses_for_good(
    discord: DiscordStandIn, code: int, error: type[Exception]
) -> None:
    discord.refuse = code
    async with logged_in(discord) as platform:
        with pytest.raises(error):
            await platform.serve(Inbox().receive)


@pytest.mark.parametrize("flags_told", [True, False])
async def test_without_the_message_content_intent(
    discord: DiscordStandIn, flags_told: bool
) -> None:
    """Also when the application's flags promise what the gateway does not grant."""
    discord.content_granted, discord.flags_told = False, flags_told
    inbox = Inbox()
    async with serving(discord, inbox.receive):
        discord.say("privately")
        discord.say("not for the bot", channel=CHANNEL)
        discord.say(f"<@{BOT}>, hello", channel=CHANNEL)
        await discord.settled()
    assert inbox.texts == ["privately", "hello"]
    assert len(discord.handshakes) == (1 if flags_told else 2)
