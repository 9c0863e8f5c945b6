"""Avatars that speak under their own names, where the bot may manage webhooks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from avatar.records import Address
from bot.discord.platform import DiscordPlatform
from bot.screen import Speaker
from tests.bot.discord.make import IN_SERVER, PRIVATE, STOP, Inbox, logged_in, said, serving
from tests.standins.discord_api import CHANNEL, ROLE, SERVER, DiscordStandIn

DEMO = Speaker(name="Demo")


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def platform(discord: DiscordStandIn, inbox: Inbox) -> AsyncIterator[DiscordPlatform]:
    discord.webhooks_granted = True
    async with serving(discord, inbox.receive) as made:
        yield made


def seen(discord: DiscordStandIn, channel: int = CHANNEL) -> list[tuple[str, str]]:
    return [(m.author, m.text) for m in discord.shown(channel)]


async def test_an_avatar_grows_its_reply_under_its_own_name(
    discord: DiscordStandIn, platform: DiscordPlatform
) -> None:
    for name in ("Kak Ani", "Demo"):
        sight = platform.messenger.open_sight(
            IN_SERVER, private=False, stop=STOP, speaker=Speaker(name=name)
        )
        sight.show("Hel")
        await discord.until(lambda name=name: (name, "Hel") in seen(discord))  # type: ignore[misc]
        assert discord.shown(CHANNEL)[-1].labels == ("Stop",)
        ids = await sight.finish(said("Hello."))
        await sight.close()
        assert ids == (str(discord.shown(CHANNEL)[-1].id),)
    assert seen(discord) == [("Kak Ani", "Hello."), ("Demo", "Hello.")]
    assert [m.labels for m in discord.shown(CHANNEL)] == [(), ()]
    assert len(discord.webhooks) == 1


async def test_a_webhook_is_found_again(discord: DiscordStandIn) -> None:
    discord.webhooks_granted = True
    for _ in range(2):
        async with serving(discord, Inbox().receive) as platform:
            sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
            await asyncio.sleep(0.05)
            await sight.finish(said("Hello."))
            await sight.close()
    assert seen(discord) == [("Demo", "Hello.")] * 2
    assert len(discord.webhooks) == 1


async def test_two_replies_at_once_make_one_webhook(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    """In threads, whose messages do not wait for each other."""
    discord.slash("talk", channel=CHANNEL)
    await discord.settled()
    discord.slow("POST", r"/channels/\d+/webhooks", seconds=0.1)
    places = [await platform.messenger.open_thread(inbox.last, name=name) for name in "ab"]
    await discord.heard()
    sights = [
        platform.messenger.open_sight(each.address, private=False, speaker=DEMO) for each in places
    ]
    for sight in sights:
        sight.show("Hello")
    threads = [int(each.address.thread) for each in places]
    await discord.until(lambda: all(seen(discord, each) for each in threads))
    for sight in sights:
        await sight.finish(said("Hello."))
        await sight.close()
    assert [seen(discord, each) for each in threads] == [[("Demo", "Hello.")]] * 2
    assert len(discord.webhooks) == 1


async def test_in_a_thread_and_over_several_messages(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    discord.slash("talk", channel=CHANNEL)
    await discord.settled()
    thread = await platform.messenger.open_thread(inbox.last, name="Demo · Ann")
    await discord.heard()
    place = int(thread.address.thread)
    sight = platform.messenger.open_sight(thread.address, private=False, speaker=DEMO)
    sight.show("word " * 1500)
    await discord.until(lambda: len(discord.shown(place)) == 4)
    await sight.finish(said("word " * 500))
    await sight.close()
    shown = discord.shown(place)
    assert {m.author for m in shown} == {"Demo"}
    assert "".join(m.text for m in shown).count("word") == 500


async def test_a_reply_to_an_avatar_is_said_to_the_bot(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    await asyncio.sleep(0.05)
    (id_,) = await sight.finish(said("Hello."))
    await sight.close()
    discord.say("go on", channel=CHANNEL, reply_to=int(id_))
    await discord.settled()
    assert inbox.texts == ["go on"]
    assert inbox.last.reply_to is not None
    assert inbox.last.reply_to.from_us


async def test_the_menu_of_what_an_avatar_said(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    """Else the webhook would pass for a person."""
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    (id_,) = await sight.finish(said("Hello."))
    await sight.close()
    assert seen(discord) == [("Demo", "Hello.")]
    discord.menu("Why this reply", int(id_), channel=CHANNEL)
    await discord.settled()
    assert inbox.last.reply_to is not None
    assert inbox.last.reply_to.from_us


async def test_a_webhook_that_somebody_deleted(
    discord: DiscordStandIn, platform: DiscordPlatform
) -> None:
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    sight.show("Hello")
    await discord.until(lambda: seen(discord) == [("Demo", "Hello")])
    discord.webhooks.clear()
    await sight.finish(said("Hello."))
    await sight.close()
    assert seen(discord) == [("Demo", "Hello"), ("Avatar", "Hello.")]
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    await asyncio.sleep(0.05)
    await sight.finish(said("Again."))  # with a new one
    await sight.close()
    assert seen(discord)[-1] == ("Demo", "Again.")


@pytest.mark.parametrize("name", ["", "Clyde the second", "my Discord"])
async def test_names_that_cannot_be_had(
    discord: DiscordStandIn, platform: DiscordPlatform, name: str
) -> None:
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=Speaker(name=name))
    await asyncio.sleep(0.05)
    await sight.finish(said("Hello."))
    await sight.close()
    assert seen(discord) == [("Avatar", "Hello.")]


async def test_webhooks_that_cannot_be_made(
    discord: DiscordStandIn, platform: DiscordPlatform
) -> None:
    discord.fail("POST", r"/channels/\d+/webhooks", status=400, code=30007)  # too many
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    await asyncio.sleep(0.05)
    await sight.finish(said("Hello."))
    await sight.close()
    assert seen(discord) == [("Avatar", "Hello.")]


async def test_elsewhere_the_bot_speaks_for_itself(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    sight = platform.messenger.open_sight(PRIVATE, speaker=DEMO)
    await sight.finish(said("privately"))
    await sight.close()
    discord.slash("retry", channel=CHANNEL)  # the answer to a command is the bot's
    await discord.settled()
    asked = inbox.last
    sight = platform.messenger.open_sight(
        asked.address, reply_to=asked.message_id, private=False, speaker=DEMO
    )
    await sight.finish(said("again"))
    await sight.close()
    assert seen(discord, int(PRIVATE.chat)) == [("Avatar", "privately")]
    assert seen(discord) == [("Avatar", "again")]
    assert discord.webhooks == {}
    assert discord.shown(CHANNEL)[0].hidden_for is None


async def test_without_the_permission_nothing_is_tried(discord: DiscordStandIn) -> None:
    async with serving(discord, Inbox().receive) as platform:
        sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
        await asyncio.sleep(0.05)
        await sight.finish(said("Hello."))
        await sight.close()
    assert seen(discord) == [("Avatar", "Hello.")]
    assert discord.called("GET", r"/channels/\d+/webhooks") == []


async def test_a_process_that_is_not_at_the_gateway_asks_where_it_is(
    discord: DiscordStandIn, platform: DiscordPlatform, inbox: Inbox
) -> None:
    discord.slash("talk", channel=CHANNEL)
    await discord.settled()
    thread = await platform.messenger.open_thread(inbox.last, name="Demo · Ann")
    async with logged_in(discord) as other:
        for _ in range(2):
            await spoken(other, DEMO)
            await spoken(other, DEMO, thread.address)
    assert seen(discord) == [("Demo", "Hello.")] * 2
    assert seen(discord, int(thread.address.thread)) == [("Demo", "Hello.")] * 2
    assert len(discord.webhooks) == 1
    assert len(discord.called("GET", r"/channels/\d+")) == 2  # once each


async def test_a_process_that_is_not_at_the_gateway_and_may_not(discord: DiscordStandIn) -> None:
    async with logged_in(discord) as other:
        for _ in range(2):
            await spoken(other, DEMO)
    assert seen(discord) == [("Avatar", "Hello.")] * 2
    assert len(discord.called("GET", r"/channels/\d+/webhooks")) == 1


async def spoken(platform: DiscordPlatform, speaker: Speaker, address: Address = IN_SERVER) -> None:
    sight = platform.messenger.open_sight(address, private=False, speaker=speaker)
    sight.show("Hel")
    await sight.finish(said("Hello."))
    await sight.close()


async def test_an_avatar_has_its_own_face(discord: DiscordStandIn) -> None:
    discord.webhooks_granted = True
    ani = Speaker(name="Kak Ani", avatar_id=7, picture="one")
    inbox, looked = Inbox(), []

    async def picture_of(avatar_id: int) -> str:
        looked.append(avatar_id)
        return f"data:image/png;base64,{avatar_id}"

    for _ in range(2):  # the second process finds the webhooks again
        async with serving(discord, inbox.receive, picture_of=picture_of) as platform:
            await spoken(platform, DEMO)
            await spoken(platform, ani)
            await spoken(platform, ani)
    assert seen(discord) == [("Demo", "Hello."), *[("Kak Ani", "Hello.")] * 2] * 2
    assert [body.get("avatar") for body in discord.webhook_bodies.values()] == [
        None,
        "data:image/png;base64,7",
    ]
    assert looked == [7, 7]
    async with serving(discord, inbox.receive, picture_of=picture_of) as platform:
        await spoken(platform, replace(ani, picture="two"))
    assert [body["name"] for body in discord.webhook_bodies.values()] == [
        "Avatars",
        "Avatars 7 two",
    ]


async def test_where_no_webhook_is_free_it_goes_without_a_face(discord: DiscordStandIn) -> None:
    discord.webhooks_granted = True

    async def picture_of(avatar_id: int) -> str:
        return "data:image/png;base64,x"

    async with serving(discord, Inbox().receive, picture_of=picture_of) as platform:
        await spoken(platform, DEMO)
        for id_ in range(1, 15):
            discord.webhooks[id_], discord.webhook_bodies[id_] = CHANNEL, {"name": "of others"}
        await spoken(platform, Speaker(name="Kak Ani", avatar_id=7, picture="one"))
    assert seen(discord) == [("Demo", "Hello."), ("Kak Ani", "Hello.")]


async def test_a_reply_of_an_avatar_is_replaced_under_its_name(
    discord: DiscordStandIn, platform: DiscordPlatform
) -> None:
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    sight.show("word " * 800)
    old = await sight.finish(said("word " * 800))
    await sight.close()
    assert len(old) > 1
    again = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO, in_place_of=old)
    again.show("New")
    await discord.until(lambda: ("Demo", "New") in seen(discord))
    assert await again.finish(said("New.")) == old[:1]
    await again.close()
    assert seen(discord) == [("Demo", "New.")]


async def test_a_reply_of_an_avatar_that_has_no_name_of_its_own_any_more(
    discord: DiscordStandIn, platform: DiscordPlatform
) -> None:
    """Discord lets nobody change what a webhook said but that webhook: it is said anew."""
    sight = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO)
    old = await sight.finish(said("Old."))
    await sight.close()
    assert seen(discord) == [("Demo", "Old.")]
    discord.webhooks_granted = False
    discord.event("GUILD_ROLE_UPDATE", {"guild_id": str(SERVER), "role": discord.role(ROLE)})
    await discord.heard()
    again = platform.messenger.open_sight(IN_SERVER, private=False, speaker=DEMO, in_place_of=old)
    again.show("New")
    await asyncio.sleep(0.05)
    await again.finish(said("New."))
    await again.close()
    assert seen(discord) == [("Demo", "Old."), ("Avatar", "New.")]
