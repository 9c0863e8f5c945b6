"""Thumbs, edits, pictures, voices and messages in parts, on Telegram and on Discord."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from avatar.limits import Limits, budgets
from avatar.pricing import DatedPrice, Price
from avatar.providers import Providers, preset
from bot.joining import Windows
from bot.telegram.sight import TelegramSight
from tests.dialogs.gestures import Place, act
from tests.dialogs.stage import TelegramStage, discord_stage, play, telegram_stage
from tests.standins import discord_api, telegram_api
from tests.standins.openai_host import HEARD, OGG, PNG, OpenAIHost

Stages = Callable[..., AbstractAsyncContextManager[Place]]


@pytest.fixture(params=["telegram", "discord"])
def stages(request: pytest.FixtureRequest) -> Stages:
    stage = telegram_stage if request.param == "telegram" else discord_stage

    @asynccontextmanager
    async def made(folder: Path, **more: object) -> AsyncIterator[Place]:
        # Nothing is trained here, and no avatar gets a bot of its own: nobody looks for that.
        async with stage(folder, poll_seconds=60, **more) as place:  # type: ignore[arg-type]
            yield place

    return made


def at(host: OpenAIHost, *, model: str = "gpt-4o-mini", **own: object) -> Providers:
    """A provider that sees, hears and speaks."""
    provider = preset("openai", base_url=host.url, base_model=model, **own)
    return Providers([provider], default="openai", base_model=model)


async def test_thumbs_of_an_owner(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as stage:
        await act(
            stage,
            [
                ("Hello", "talk about"),
                ("(up)", ""),
                ("/examples", "1 answer & Hello & as it said itself"),
            ],
        )
        (one,) = await stage.desk.store.taught(1, limit=9, offset=0)
        assert one.better == one.worse and one.liked
        assert await stage.desk.teaching.pairs(await stage.desk.store.avatar(1)) == ()
        await act(
            stage,
            [
                ("Thank you", "welcome"),
                ("(up)", ""),
                ("(up)", ""),  # told twice
                ("/examples", "2 answers"),
            ],
        )
        # The context is what was said before.
        newest, _ = await stage.desk.store.taught(1, limit=9, offset=0)
        assert [turn.text for turn in newest.turns][0::2] == ["Hello", "Thank you"]


async def test_a_thumb_that_is_taken_away(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as stage:
        await act(stage, [("Hello", "talk about"), ("(up)", ""), ("(up gone)", "")])
        assert await stage.desk.store.count_taught(1) == 0
        await act(stage, [("(up)", "")])
        assert await stage.desk.store.count_taught(1) == 1


async def test_a_thumbs_down_asks_once_and_the_answer_is_a_pair(
    stages: Stages, tmp_path: Path
) -> None:
    async with stages(tmp_path) as stage:
        await act(
            stage,
            [
                ("Hello", "talk about"),
                ("(up)", ""),
                ("(down)", "What should it have said instead of “Hello."),
            ],
        )
        assert await stage.desk.store.count_taught(1) == 0  # the newest opinion counts
        await act(
            stage,
            [
                ("(down)", ""),  # under the question
                ("(reply) Eh, hello boss!", "Kept for the next training & Eh, hello boss!"),
                ("/examples", "instead of: Hello."),
            ],
        )
        (pair,) = await stage.desk.teaching.pairs(await stage.desk.store.avatar(1))
        assert (pair.turns[-1].text, pair.rejected is not None) == ("Eh, hello boss!", True)


async def test_it_is_asked_once(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as stage:
        await play(stage, [("Hello", "talk about")])
        newest = _newest(stage)
        for thumb in ("👎", "", "👎"):
            before = stage._seen()
            _react(stage, newest, thumb)
            shown = await stage._answer(before)
            assert ("What should it have said" in shown) == (thumb == "👎" and newest > 0), shown
            if shown:
                newest = -newest  # from here on nothing is asked


def _newest(stage: Place) -> int:
    if isinstance(stage, TelegramStage):
        return max(stage.standin.messages(stage.user))
    return max(stage.standin.messages(stage.channel))


def _react(stage: Place, message: int, thumb: str) -> None:
    if isinstance(stage, TelegramStage):
        stage.standin.react(abs(message), *filter(None, [thumb]), chat=stage.user)
    else:
        stage.standin.react(
            abs(message), "👎", gone=not thumb, channel=stage.channel, user=stage.user
        )


async def test_thumbs_of_others_change_nothing(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as ann:
        ben: Place
        if isinstance(ann, TelegramStage):
            ben = ann.elsewhere(user=telegram_api.BEN)
        else:
            ben = ann.elsewhere(user=discord_api.BEN, channel=discord_api.DIRECT[discord_api.BEN])
        await act(
            ben,
            [
                ("/start demo", "talking to Demo"),
                ("Hello", "talk about"),
                ("(up)", ""),
                ("(up gone)", ""),
                ("(down)", ""),
            ],
        )
        assert await ann.desk.store.count_taught(1) == 0


async def test_in_a_group_it_is_asked_where_only_the_owner_reads(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        server, group = ann.standin, telegram_api.GROUP
        asked = server.say("@avatar_bot Hello", chat=group, user=telegram_api.BEN)
        await ann._answer({})
        reply = max(server.messages(group))
        assert reply > asked
        server.react(reply, "👎", chat=group, user=telegram_api.BEN)  # owns nothing
        await ann._answer({})
        before = ann._seen()
        server.react(reply, "👎", chat=group, user=telegram_api.ANN)
        assert "What should it have said" in await ann._answer(before)
        assert max(server.messages(group)) == reply
        await act(ann, [("(reply) Selamat pagi!", "Kept for the next training")])
        # When Ben has his words deleted, what was kept of them goes too.
        ben = ann.elsewhere(user=telegram_api.BEN)
        await play(ben, [("/forgetme", "Delete 2"), ("[Delete my messages]", "2 messages deleted")])
        assert await ann.desk.store.count_taught(1) == 0


async def test_on_discord_it_is_asked_by_direct_message(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as ann:
        server, channel = ann.standin, discord_api.CHANNEL
        ben = ann.elsewhere(user=discord_api.BEN, channel=channel)
        await play(ben, [(f"<@{discord_api.BOT}> Hello", "talk about")])
        reply = max(server.messages(channel))
        before = ann._seen()
        server.react(reply, "👎", channel=channel, user=discord_api.ANN)
        assert "What should it have said" in await ann._answer(before)
        assert max(server.messages(channel)) == reply
        await act(ann, [("(reply) Selamat pagi!", "Kept for the next training")])


async def test_an_owner_who_never_wrote_privately_is_asked_all_the_same(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as ann:
        server, channel = ann.standin, discord_api.CHANNEL
        ben = ann.elsewhere(user=discord_api.BEN, channel=channel)
        await play(ben, [(f"<@{discord_api.BOT}> Hello", "talk about")])
        await play(ann, [(f"/owners add discord:{discord_api.BEN}", "owns Demo now")])
        reply = max(server.messages(channel))
        alone = ann.elsewhere(user=discord_api.BEN, channel=discord_api.DIRECT[discord_api.BEN])
        before = alone._seen()
        server.react(reply, "👎", channel=channel, user=discord_api.BEN)
        assert "What should it have said" in await alone._answer(before)
        await act(alone, [("(reply) Selamat pagi!", "Kept for the next training")])


async def test_an_edited_question_is_answered_in_place(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(stage, [("first", "read <first>"), ("helo", "read <helo>")])
        count = len(stage._seen())
        await act(
            stage,
            [
                ("(edit) hello", "read <hello> & !helo>"),
                ("(edit) hello", ""),  # nothing new
                ("(edit) /help", ""),
                ("/privacy", "5 messages"),  # two questions, two replies, and the one replaced
            ],
        )
        assert len(stage._seen()) == count + 1
        turns = (await stage.desk.store.context(1, limit=9)).turns
        assert [turn.text for turn in turns[2:]] == ["hello", "I saw 0 and read <hello>"]
        await play(stage, [("/new", "A new conversation")])
        await act(stage, [("(edit) hello again", "")])  # its conversation is over


async def test_killed_before_the_new_answer_was_shown(
    tmp_path: Path, host: OpenAIHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> tuple[str, ...]:
        raise asyncio.CancelledError

    async with telegram_stage(tmp_path, providers=at(host)) as stage:
        await act(stage, [("helo", "<helo>")])
        with monkeypatch.context() as patched:
            patched.setattr(TelegramSight, "finish", killed)
            patched.setattr(TelegramSight, "show", lambda *_: None)
            await act(stage, [("(edit) hello", "")])
        await stage.dispatcher.resume({"telegram"})
        await stage._answer({})
        assert [shown.text for shown in stage.standin.shown()[-1:]] == ["I saw 0 and read <hello>"]
        assert len(host.chats) == 2
        assert len(stage.standin.shown()) == 2  # that of /newavatar, and the answer


async def test_only_the_last_question_is_answered_anew(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(stage, [("one", "<one>")])
        mine = (
            next(reversed(stage.standin._chats[stage.user].messages)) - 1
            if isinstance(stage, TelegramStage)
            else max(
                int(m["id"])
                for m in stage.standin.channels[stage.channel].values()
                if m["author"]["id"] == str(stage.user)
            )
        )
        await act(stage, [("two", "<two>")])
        asked = len(host.chats)
        before = stage._seen()
        if isinstance(stage, TelegramStage):
            stage.standin.edit(mine, "changed", chat=stage.user)
        else:
            stage.standin.edit(mine, "changed", channel=stage.channel)
        assert await stage._answer(before) == ""
        assert len(host.chats) == asked


async def test_quick_messages_are_one_turn(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    windows = Windows(quiet=0.15, most=0.6)
    async with stages(tmp_path, providers=at(host), windows=windows) as stage:
        await act(
            stage,
            [
                ("(quick) I have | a question | about laksa", "a question & about laksa>"),
                ("(edit) about satay", "<I have & a question & about satay> & !laksa"),
            ],
        )
        assert len(host.chats) == 2
        assert host.chats[0]["messages"][-1]["content"] == "I have\na question\nabout laksa"
        assert host.last["content"] == "I have\na question\nabout satay"
        await act(stage, [("(quick) /new | hello", "A new conversation & read <hello>")])
        assert await stage.desk.store.unanswered(limit=9) == ()


async def test_in_a_group_the_first_of_quick_messages_names_the_avatar(
    tmp_path: Path, host: OpenAIHost
) -> None:
    windows = Windows(quiet=0.15, most=0.6)
    async with telegram_stage(tmp_path, providers=at(host), windows=windows) as ann:
        server, group = ann.standin, telegram_api.GROUP
        for text in ("@avatar_bot I have", "a question", "about laksa"):
            server.say(text, chat=group)
        server.say("Not for you", chat=group, user=telegram_api.BEN)
        await ann._answer({})
        (asked,) = host.chats
        assert asked["messages"][-1]["content"] == "I have\na question\nabout laksa"
        server.say("Thanks all", chat=group)  # to nobody, and too late for a part of that
        await ann._answer({})
        assert len(host.chats) == 1
        assert await ann.desk.store.unanswered(limit=9) == ()


async def test_in_a_server_the_first_of_quick_messages_names_the_avatar(
    tmp_path: Path, host: OpenAIHost
) -> None:
    windows = Windows(quiet=0.15, most=0.6)
    async with discord_stage(tmp_path, providers=at(host), windows=windows) as ann:
        server, channel = ann.standin, discord_api.CHANNEL
        picture = discord_api.Document(name="p.png", content=PNG, content_type="image/png")
        server.say(f"<@{discord_api.BOT}> What is", channel=channel)
        server.say("this?", channel=channel, document=picture)
        server.say("Not for you", channel=channel, user=discord_api.BEN)
        await ann._answer({})
        (asked,) = host.chats
        text, url = asked["messages"][-1]["content"]
        assert text["text"] == "What is\n[picture]\nthis?"
        assert url["image_url"]["url"].startswith("data:image/png")
        server.say("Thanks all", channel=channel)
        await ann._answer({})
        assert len(host.chats) == 1


async def test_what_follows_too_late_is_not_answered_by_itself(
    tmp_path: Path, host: OpenAIHost
) -> None:
    windows = Windows(quiet=0.0, most=60)  # nobody waits for it
    async with telegram_stage(tmp_path, providers=at(host), windows=windows) as ann:
        server, group = ann.standin, telegram_api.GROUP
        server.say("@avatar_bot Hello", chat=group)
        await ann._answer({})
        server.say("and more", chat=group)
        await ann._answer({})
        assert len(host.chats) == 1
        assert len(server.shown(group)) == 1
        assert await ann.desk.store.unanswered(limit=9) == ()


async def test_parts_of_a_long_message_are_one_turn(tmp_path: Path, host: OpenAIHost) -> None:
    long = "word " * 1_700
    windows = Windows(quiet=0.05, most=0.6)
    async with telegram_stage(tmp_path, providers=at(host), windows=windows) as stage:
        await stage.say(long)
        assert len(host.chats) == 1
        assert host.last["content"] == long.strip()


async def test_what_is_passed_on_and_what_is_no_text(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(
            stage,
            [
                ("(forward) Rain is coming", "[forwarded & Rain is coming>"),
                ("(forward) /help", "[forwarded & /help>"),
                ("(sticker)", "<[sticker 😀]>"),
            ],
        )


async def test_pictures_go_to_a_model_that_sees(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(
            stage,
            [
                ("(picture) What is this?", "I saw 1 and read <[picture] & What is this?>"),
                ("(picture)", "I saw 1"),
                (
                    "(about) And now?",
                    "I saw 1 and read <[about what & sent: [picture]] & And now?>",
                ),
                ("(album) Which one?", "I saw 2 and read <[picture] & Which one?"),
                ("and now?", "I saw 0 and read <and now?>"),
            ],
        )
        (url,) = (
            part["image_url"]["url"]
            for part in host.chats[0]["messages"][-1]["content"]
            if part["type"] == "image_url"
        )
        assert url.startswith("data:image/png;base64,")
        history = [message["content"] for message in host.chats[-1]["messages"][:-1]]
        assert all(isinstance(content, str) for content in history)
        assert history[0] == "[picture]\nWhat is this?"


async def test_pictures_and_a_model_that_does_not_see(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as stage:
        await act(
            stage,
            [
                ("(picture) Hello", "Hello & I cannot see pictures"),
                ("(picture)", "cannot see pictures. Please write"),
                ("Hello", "talk about & !pictures"),
                ("/privacy", "4 messages"),
            ],
        )


async def test_voice_messages_are_heard_and_answered(
    stages: Stages, tmp_path: Path, host: OpenAIHost
) -> None:
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(
            stage,
            [
                ("(voice)", f"read <{HEARD}>"),
                ("/voice", "answers in writing & alloy"),
                ("/voice nobody", "no voice nobody at OpenAI"),
                ("/voice coral", "by voice (coral)"),
                ("(voice)", f"read <{HEARD}>"),
                ("Hello", "read <Hello>"),
                ("/voice on", "coral"),
                ("/cost", "voice messages heard: no known price & answers spoken"),
                ("/voice off", "answers in writing"),
                ("(voice)", f"read <{HEARD}>"),
            ],
        )
        assert host.heard == [OGG] * 3
        (spoken,) = host.spoken
        assert (spoken["voice"], spoken["response_format"]) == ("coral", "opus")
        assert spoken["input"] == f"I saw 0 and read <{HEARD}>"
        assert _sounds(stage) == [OGG]
        turns = (await stage.desk.store.context(1, limit=9)).turns
        assert turns[0].text == HEARD


async def test_hearing_is_held_to_the_limits(tmp_path: Path, host: OpenAIHost) -> None:
    openai = at(host).default
    price = Price(input=1_000_000, cached=0, output=1_000_000)
    prices = tuple(
        DatedPrice(model=model, since=date(2025, 1, 1), base=price)
        for model in ("gpt-4o-mini", openai.transcribes or "")
    )
    priced = Providers([replace(openai, prices=prices)], default="openai", base_model="gpt-4o-mini")
    async with telegram_stage(tmp_path, providers=priced) as ann:
        ben = ann.elsewhere(user=telegram_api.BEN)
        ann.desk.limiter.limits = Limits(person_cost_per_day=60)
        await act(ben, [("/start demo", "Demo"), ("(voice)", f"read <{HEARD}>")])
        # 37 tokens were heard and 14 were answered; the next ones find nothing left.
        person = await ann.desk.store.find_person("telegram", str(telegram_api.BEN))
        avatar = await ann.desk.store.avatar(1)
        assert person is not None
        spent = budgets(avatar, ann.desk.limiter.limits, person_id=person.id, now=ann.desk.clock())[
            :1
        ]
        assert (await ann.desk.store.filled(spent))[0].cost == 37 + 14
        await ann.desk.store.settle(spent, 60)
        await act(ben, [("(voice)", "you may spend here today is used up")])
        assert host.heard == [OGG]
        await act(ann, [("/limits messages 1", "1 reply")])
        ann.desk.limiter.limits = Limits()
        await act(ben, [("(voice)", "a lot in one minute")])
        assert host.heard == [OGG]


def _sounds(stage: Place) -> list[bytes]:
    if isinstance(stage, TelegramStage):
        shown = stage.standin.shown(stage.user)
        return [each.voice for each in shown if each.voice is not None]
    return [each.file for each in stage.standin.shown(stage.channel) if each.file is not None]


async def test_a_voice_that_fails_is_said(stages: Stages, tmp_path: Path, host: OpenAIHost) -> None:
    host.refuses_speech = True
    async with stages(tmp_path, providers=at(host)) as stage:
        await act(
            stage, [("/voice on", "alloy"), ("(voice)", "could not be spoken & no such voice")]
        )


async def test_voices_of_a_host_that_does_not_name_them(tmp_path: Path, host: OpenAIHost) -> None:
    async with telegram_stage(tmp_path, providers=at(host, voices=[])) as stage:
        await act(
            stage,
            [
                ("/voice on", "Name one of the voices"),
                ("/voice ../x", "There is no voice"),
                ("/voice one two", "the name of one voice"),
                ("/voice my-own.2", "(my-own.2)"),
                ("/voice on", "(my-own.2)"),
                ("(voice)", f"read <{HEARD}>"),
            ],
        )
        assert host.spoken[0]["voice"] == "my-own.2"


async def test_where_nobody_hears_or_speaks(stages: Stages, tmp_path: Path) -> None:
    async with stages(tmp_path) as stage:
        await act(
            stage,
            [
                ("(voice)", "I cannot listen to voice messages here"),
                ("/voice on", "No provider that is set up here can speak"),
                ("/voice", "No provider that is set up here can speak"),
                ("/voice off", "answers in writing"),
            ],
        )
