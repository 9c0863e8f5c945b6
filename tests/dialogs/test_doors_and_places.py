"""Limits, private avatars, groups and joined accounts as conversations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avatar.limits import Limits, budgets
from avatar.records import Address
from tests.dialogs.stage import Stage, discord_stage, play, telegram_stage
from tests.standins import discord_api
from tests.standins.telegram_api import ANN, BEN, GROUP

SMALL_GROUP = -77


async def test_an_owners_doors(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/people", "Nobody has talked"),
            ("Hello", "talk about"),
            ("/people", "Who talks to Demo & 1 reply"),
            ("/block", "Say whom"),
            ("/share", "Demo is public & /start demo"),
            ("[Make it private]", "Demo is private"),
            ("/invite 2 5", "for 2 people & /start i_"),
            ("/invite much", "for how many people"),
            ("/share", "0 of 2 uses"),
            ("[Revoke invitation 1]", "!0 of 2 uses"),
            ("[Make it public]", "Demo is public"),
            ("/limits", "20 replies & no limit of its own & To set a limit"),
            ("/limits messages 1", "1 reply (its own limit)"),
            ("/limits day 2.50", "$0 of $2.50 spent"),
            ("/limits day usual", "no limit of its own"),
            ("/limits day much", "in US dollars"),
            ("/limits week 5", "To set a limit"),
            ("Hello", "talk about"),  # operators are not limited themselves
            ("/link", "/link "),
            ("/link nonsense", "not right"),
            ("/unlink", "not joined"),
            ("/privacy", "limits are held by it"),
        ],
    )


# --- limits


async def test_a_person_is_stopped_politely(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ann, [("/limits messages 2", "2 replies")])
        await play(
            ben,
            [
                ("/start demo", "talking to Demo"),
                ("Hello", "talk about"),
                ("Hello", "talk about"),
                ("Hello", "a lot in one minute. Please write again in"),
                ("/privacy", "4 messages"),  # what was refused is not kept
            ],
        )


async def test_a_training_over_the_limit_does_not_begin(stage: Stage) -> None:
    limiter, store = stage.desk.limiter, stage.desk.store
    avatar = await store.avatar(1)
    now = stage.desk.clock()
    limiter.limits = Limits(cost_per_month=1_000_000)
    wanted = budgets(avatar, limiter.limits, person_id=None, now=now)
    await store.settle(wanted, 1_000_000)
    await play(stage, [("/limits day 1", "$1.00 of $1.00 spent")])
    async with limiter.training(avatar, None, now=now):
        pass  # free ones go on
    with pytest.raises(Exception, match="used up"):
        async with limiter.training(avatar, 5, now=now):
            pytest.fail("let in")
    # Another month begins with nothing spent.
    async with limiter.training(avatar, 5, now=now + timedelta(days=32)):
        pass


# --- private avatars


async def test_a_private_avatar_is_not_there_for_strangers(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ann, [("/share", "Demo is public"), ("[Make it private]", "Demo is private")])
        shown = await ann.say("/invite")
        assert "https://t.me/avatar_bot?start=i_" in shown.replace("\\", "")
        code = shown.partition("/start ")[2].split()[0].strip("`)")
        await play(
            ben,
            [
                ("Hello", "no avatar here yet & !Demo"),
                ("/start demo", 'no avatar called "demo"'),
                ("/avatars", "no avatar here yet & !Demo"),
                ("/start i_nonsense", "no avatar called"),
                (f"/start {code}", "talking to Demo"),
                ("Hello", "talk about"),
                ("/avatars", "Demo"),
                (f"/start {code}", "no avatar called"),  # it was for one person; Ben is in anyway
                ("/start demo", "talking to Demo"),
            ],
        )
        await play(ann, [("/people", "Ben & invited"), ("[Block Ben]", "cannot talk to Demo")])
        await play(
            ben,
            [
                ("Hello", "!talk about & !Demo"),
                ("/start demo", "no avatar called"),
                ("/help", "/new"),
            ],
        )
        await play(ann, [("/people", "blocked"), ("[Unblock Ben]", "can talk to Demo again")])
        await play(ben, [("Hello", "talk about")])
        await play(ann, [("/block telegram:1001", "An owner cannot be blocked")])


# --- groups


async def test_a_group_on_telegram(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, operators=()) as ann:
        # Without an operator nobody makes avatars: this one is made by hand.
        store, now = ann.desk.store, ann.desk.clock()
        person = await store.find_person("telegram", str(ANN))
        assert person is not None
        for slug, name in (("demo", "Demo"), ("kak-ani", "Kak Ani")):
            await store.add_avatar(
                slug=slug,
                name=name,
                provider=ann.desk.providers.default.name,
                base_model=ann.desk.providers.base_model,
                owner_id=person.id,
                now=now,
            )
        await play(ann, [("/start kak-ani", "Kak Ani"), ("My secret is durian.", "durian")])
        standin = ann.standin

        async def say(text: str, user: int) -> str:
            before = set(standin.messages(GROUP))
            standin.say(text, chat=GROUP, user=user)
            await ann.settled()
            return "\n".join(
                shown.text for id_, shown in standin.messages(GROUP).items() if id_ not in before
            )

        for text, user, expected in (
            ("/avatar kak-ani", BEN, "Only who runs this group"),
            ("/start kak-ani", BEN, "Only who runs this group"),
            ("/talkative often", BEN, "Only who runs this group"),
            ("/avatar kak-ani", ANN, "Kak Ani speaks here"),
            ("/avatar nosuch", ANN, "no avatar called"),
            ("Hello all", BEN, ""),  # said to nobody in particular
            ("/talkative 31", ANN, "up to 30"),
            ("/talkative", ANN, "only when it is asked"),
            ("/quiet 9-9", ANN, "are the same"),
            ("/quiet 9-10 Mars", ANN, "do not know the zone"),
            ("/managers 5", ANN, "There is no command"),
        ):
            shown = await say(text, user)
            assert expected in shown, (text, shown)
            assert shown != "" or expected == "", text
        # What was said in private is not known here.
        assert "durian" not in await say("@avatar_bot what is my secret?", ANN)
        place = Address(platform="telegram", chat=str(GROUP), bot=str(standin.bot_id))
        context = await store.context((await store.chat(place, now=now)).id, limit=50)
        assert context.turns
        assert all("durian" not in turn.text for turn in context.turns)
        hours = f"{now:%H:%M}-{now + timedelta(hours=2):%H:%M}"
        assert "Quiet from" in await say(f"/quiet {hours}", ANN)
        assert await say("@avatar_bot hello?", BEN) == ""
        assert "no quiet hours" in await say("/quiet off", ANN)
        assert await say("@avatar_bot hello?", BEN) != ""


async def test_who_runs_a_group_unnamed_is_answered_and_runs_it(tmp_path: Path) -> None:
    """What they say there Telegram tells in the name of the group; others speak for channels."""
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/newavatar Kak Ani", "is there and yours")])
        standin = ann.standin
        nobody: dict[str, Any] = {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}}
        for chat, text, expected in (
            (GROUP, "@avatar_bot hello?", "Hello"),
            (GROUP, "/quiet off", "no quiet hours"),
            (-1_000_000_000_500, "/quiet off", "Only who runs this group"),
        ):
            kind = "supergroup" if chat == GROUP else "channel"
            speaks = {"id": chat, "type": kind, "title": "Group"}
            asked = standin.say(text, chat=GROUP, sender_chat=speaks, **nobody)
            await ann.settled()
            shown = standin.shown(GROUP)[-1]
            assert (shown.reply_to, expected in shown.text) == (asked, True), shown


async def test_a_group_that_becomes_a_supergroup_stays_what_it_was(tmp_path: Path) -> None:
    """It has another number at Telegram then, and its messages are numbered anew."""
    async with telegram_stage(tmp_path) as ann:
        standin, store = ann.standin, ann.desk.store
        await play(ann, [("/newavatar Kak Ani", "is there and yours")])
        bot = str(standin.bot_id)
        small = Address(platform="telegram", chat=str(SMALL_GROUP), bot=bot)
        large = replace(small, chat=str(GROUP))
        for text in ("/avatar kak-ani", "/talkative 30", "@avatar_bot I like durian"):
            standin.say(text, chat=SMALL_GROUP, user=ANN)
            await ann.settled()
        was = await store.chat(small, now=datetime.now(UTC))
        for _ in range(2):
            standin.say(chat=GROUP, migrate_from_chat_id=SMALL_GROUP)
        asked = standin.say("@avatar_bot what do I like?", chat=GROUP, user=ANN)
        await ann.settled()
        assert standin.shown(GROUP)[-1].reply_to == asked
        now_ = await store.chat(large, now=datetime.now(UTC))
        assert (now_.id, now_.avatar_id, await store.talkative(large)) == (
            was.id,
            was.avatar_id,
            30,
        )
        turns = (await store.context(was.id, limit=9)).turns
        assert [turn.text for turn in turns][::2] == ["I like durian", "what do I like?"]


async def test_privacy_mode_is_told(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ann.standin.hears_groups = False
        ann.standin.say("/talkative 5", chat=GROUP, user=ANN)
        await ann.settled()
        assert "/setprivacy" in ann.standin.shown(GROUP)[-1].text


async def test_channels_on_discord_and_a_role_that_manages(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as ann:
        await play(ann, [("/newavatar Kak Ani", "is there and yours")])
        here = ann.elsewhere(user=discord_api.ANN, channel=discord_api.CHANNEL)
        ben = ann.elsewhere(user=discord_api.BEN, channel=discord_api.CHANNEL)
        await play(ben, [("/avatar kak-ani", "Only who runs this group")])
        await play(here, [("/managers 77", "77 choose who speaks here")])
        await play(ben, [("/avatar kak-ani", "Only who runs this group")])
        ann.standin.roles[discord_api.BEN] = [77]
        await play(
            ben,
            [
                ("/avatar kak-ani", "Kak Ani speaks here"),
                ("/talkative sometimes", "about 5 %"),
                ("/quiet 22-7 Asia/Kuala_Lumpur", "22:00-07:00 Asia/Kuala_Lumpur"),
                ("/quiet off", "no quiet hours"),
                ("/history", "There is no command"),
                ("/managers", "77 choose who speaks here"),
                ("/managers 78", "Only who runs this group"),  # they do not pass it on
                ("/managers off", "Only who runs this group"),
            ],
        )
        await play(here, [("/managers off", "Only people who may manage this server")])
        await play(ben, [("/avatar demo", "Only who runs this group")])


async def test_words_that_an_owner_kept_of_a_group_go_with_who_said_them(tmp_path: Path) -> None:
    """Also where they stand before what was taught, and when the messages are gone already."""
    async with telegram_stage(tmp_path) as ann:
        store, standin = ann.desk.store, ann.standin
        for text, user in (
            ("/avatar demo", ANN),
            ("@avatar_bot nice weather", ANN),
            ("/teach Wah, so hot!", ANN),
            ("@avatar_bot my number is 012-777", BEN),
            ("@avatar_bot and what is for dinner?", ANN),
            ("/teach Nasi lemak.", ANN),
        ):
            standin.say(text, chat=GROUP, user=user)
            await ann.settled()
        kept, own = await store.taught(1, limit=9, offset=0)
        assert any("012-777" in turn.text for turn in kept.turns)
        end = ann.desk.clock() + timedelta(days=1)
        assert (await store.drop_messages(before=end, after=0, limit=100)).count == 6
        ben = ann.elsewhere(user=BEN)
        await play(
            ben,
            [("/start demo", "Demo"), ("/forgetme", "Delete"), ("[Delete my messages]", "Done")],
        )
        assert await store.taught(1, limit=9, offset=0) == (own,)
        # What somebody taught themselves stays the avatar's.
        await play(ann, [("/forgetme", "Delete"), ("[Delete my messages]", "Done")])
        assert await store.taught(1, limit=9, offset=0) == (own,)


async def test_only_owners_open_a_thread_with_a_private_avatar(tmp_path: Path) -> None:
    """Whoever reads along in the server may talk to it there."""
    async with discord_stage(tmp_path) as ann:
        await play(ann, [("/newavatar Kak Ani", "yours"), ("/share", "public")])
        await play(ann, [("[Make it private]", "Kak Ani is private")])
        shown = await ann.say("/invite")
        code = shown.partition("/start ")[2].split()[0].strip("`)")
        await play(
            ann.elsewhere(user=discord_api.BEN, channel=discord_api.DIRECT[discord_api.BEN]),
            [(f"/start {code}", "talking to Kak Ani"), ("Hello", "talk about")],
        )
        here = ann.elsewhere(user=discord_api.ANN, channel=discord_api.CHANNEL)
        ben = ann.elsewhere(user=discord_api.BEN, channel=discord_api.CHANNEL)
        await play(here, [("/avatar demo", "Demo speaks here")])
        await play(
            ben,
            [("/talk kak-ani", "Only owners of Kak Ani"), ("/talk demo", "Demo waits for you")],
        )
        await play(here, [("/talk kak-ani", "Kak Ani waits for you")])
