"""What is only on Discord: servers, hidden answers, forms, completions, threads, two platforms."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from avatar.providers import Providers, preset
from tests.dialogs.stage import EXAMPLES, DiscordStage, both_platforms, discord_stage, play
from tests.standins.discord_api import ANN, BEN, BOT, CHANNEL, DIRECT, DiscordStandIn, Document
from tests.standins.discord_world import HOSTS
from tests.standins.openai_host import OpenAIHost


@pytest.fixture
async def ann(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with discord_stage(tmp_path) as stage:
        yield stage


def in_server(stage: DiscordStage, user: int = ANN) -> DiscordStage:
    return stage.elsewhere(user=user, channel=CHANNEL)


async def test_management_in_a_server_is_seen_by_the_owner_alone(ann: DiscordStage) -> None:
    server = in_server(ann)
    await play(
        server,
        [
            ("/prompt You are a pirate.", "Version 1"),
            ("/status", "version 1"),
            ("/history", "1 · Prompt update"),
            ("[1 · Delete]", "Delete version 1"),
            ("[Keep it]", "Nothing was changed"),
        ],
    )
    assert {m.hidden_for for m in ann.standin.shown(CHANNEL)} == {ANN}
    await play(server, [(f"<@{BOT}> Hello", "You are a pirate."), ("/new", "A new conversation")])
    assert [m.hidden_for for m in ann.standin.shown(CHANNEL)[-2:]] == [None, None]
    assert ann.standin.thinking(CHANNEL) == 0


async def test_people_who_are_not_owners_only_chat(ann: DiscordStage) -> None:
    ben = in_server(ann, BEN)
    await play(ann, [("/prompt You are X.", "Version 1"), ("/delete 1", "Delete version 1")])
    await play(
        ben,
        [
            (f"<@{BOT}> Hello", "You are X."),
            ("/history", "There is no command /history here"),
            ("/prompt", "There is no command /prompt here"),  # and no form
            ("/help", "/new & !/history"),
        ],
    )
    message = ann.standin.shown(CHANNEL)[0].id
    for forged, expected in (
        ("yes:1", "Only owners of Demo"),
        ("delete:1", "Only owners of Demo"),
        ("drop table", "button does not work"),
    ):
        before = ben._seen()
        ann.standin.press_forged(forged, message, channel=CHANNEL, user=BEN)
        assert expected in await ben._answer(before)
    completed = ann.standin.complete("activate", "n", "", user=BEN)
    await ann.standin.settled()
    assert completed.choices == []
    await play(ann, [("[Delete version 1]", "is deleted")])


async def test_the_form_of_a_prompt(ann: DiscordStage) -> None:
    empty = ann.standin.slash("prompt")
    await ann.standin.settled()
    assert "Demo has no active prompt" in empty.form_text
    before = ann._seen()
    ann.standin.fill(empty, "You are a pirate.\n\nSay arr.")
    assert "Version 1" in await ann._answer(before)
    full = ann.standin.slash("prompt")
    await ann.standin.settled()
    assert "You are a pirate.\n\nSay arr." in full.form_text
    await play(ann, [("Hello", "Say arr.")])
    # A prompt that is longer than a form can hold is shown whole instead.
    await play(ann, [("/prompt " + "Speak of Ipoh. " * 300, "Version 2")])
    before = ann._seen()
    shown = await ann._answer(before, ann.standin.slash("prompt"))
    assert shown.count("Ipoh.") == 300


async def test_completions(ann: DiscordStage) -> None:
    await play(ann, [("/prompt You are X.", "Version 1"), ("/prompt You are Y.", "Version 2")])

    async def choices(name: str, option: str, typed: str) -> list[str]:
        asked = ann.standin.complete(name, option, typed)
        await ann.standin.settled()
        return asked.choices

    both = ["2 · Prompt update 🟢 Active Now", "1 · Prompt update ○ Quick Training"]
    assert await choices("activate", "n", "") == both
    assert await choices("activate", "n", "1") == both[1:]
    assert await choices("restore", "n", "active") == both[:1]
    assert await choices("compare", "a", "") == ["base · the base model", *both]
    assert await choices("cancel", "n", "") == []
    assert await choices("start", "avatar", "de") == ["demo · Demo"]
    assert await choices("nosuch", "x", "") == []
    assert await choices("help", "command", "ret") == [
        "retry · answer my last message again",
        "retrain · train the examples of a version again, also elsewhere",
    ]
    assert await choices("quiet", "zone", "kuala") == ["Asia/Kuala_Lumpur"]
    assert await choices("quiet", "hours", "") == ["22:00-07:00", "off"]
    assert await choices("limits", "most", "u") == ["usual"]
    assert await choices("voice", "voice", "") == ["off"]  # nobody speaks here


async def test_what_discord_asks_for_is_in_the_language_of_the_chat(ann: DiscordStage) -> None:
    await play(ann, [("/language ms", "Bahasa Melayu")])

    async def choices(name: str, option: str, typed: str) -> list[str]:
        asked = ann.standin.complete(name, option, typed)
        await ann.standin.settled()
        return asked.choices

    form = ann.standin.slash("prompt")
    await ann.standin.settled()
    assert "Prompt Demo" in form.form_text
    assert "Demo tiada prompt aktif." in form.form_text
    assert await choices("compare", "a", "") == ["base · model asas"]
    assert await choices("help", "command", "retry") == ["retry · jawab semula mesej terakhir saya"]
    before = ann._seen()
    stop = ann.standin.slash("stop")
    await ann._answer(before, stop)
    assert stop.callback is not None
    assert stop.callback["data"]["content"] == "Menghentikan jawapan."


async def test_people_and_roles_are_completed_by_their_names(ann: DiscordStage) -> None:
    ben = in_server(ann, BEN)
    await play(ben, [(f"<@{BOT}> Hello", "talk about")])

    async def choices(name: str, option: str, typed: str, *, user: int = ANN) -> list[str]:
        asked = ann.standin.complete(name, option, typed, channel=CHANNEL, user=user)
        await ann.standin.settled()
        return asked.choices

    (somebody,) = await choices("block", "person", "be")
    assert somebody == f"discord:{BEN} · Ben"
    assert await choices("owners", "person", "") == [somebody]
    assert await choices("block", "person", "", user=BEN) == []
    assert "retrain" not in " ".join(await choices("help", "command", "ret", user=BEN))
    await play(in_server(ann), [(f"/block <@{BEN}>", "Ben")])
    assert await choices("unblock", "person", "ben") == [f"{somebody} (blocked)"]
    # Roles: not that of everybody, nor the bot's own.
    assert await choices("managers", "role", "") == [f"{HOSTS} · Hosts", "off · no role"]
    assert await choices("managers", "role", "ho") == [f"{HOSTS} · Hosts"]


async def test_voices_are_completed(tmp_path: Path) -> None:
    async with OpenAIHost() as host:
        provider = preset("openai", base_url=host.url, base_model="gpt-4o-mini")
        providers = Providers([provider], default="openai", base_model="gpt-4o-mini")
        async with discord_stage(tmp_path, providers=providers) as stage:
            asked = stage.standin.complete("voice", "voice", "o")
            await stage.standin.settled()
            assert asked.choices[:2] == ["on", "onyx"]
            assert "off" in asked.choices


async def test_a_thread_is_one_conversation(ann: DiscordStage) -> None:
    await play(ann, [("/newavatar Kak Ani", "kak-ani"), ("/prompt You are Ani.", "Version 1")])
    server = in_server(ann, BEN)
    await play(server, [("/talk kak-ani", "Kak Ani waits for you in <#")])
    (place,) = ann.standin.threads
    assert ann.standin.threads[place]["name"] == "Kak Ani · Ben"
    thread = ann.elsewhere(user=BEN, channel=place)
    assert "a conversation of its own with Kak Ani" in ann.standin.shown(place)[0].text
    await play(thread, [("Hello", "You are Ani.")])  # it need not be named
    await play(server, [(f"<@{BOT}> Hello", "!You are Ani.")])  # the channel talks to Demo
    await play(server, [("/talk nobody", "no avatar called")])
    await play(ann, [("/talk", "in servers only")])


async def test_an_avatar_speaks_under_its_own_name(tmp_path: Path) -> None:
    standin = DiscordStandIn()
    standin.webhooks_granted = True
    async with discord_stage(tmp_path, standin=standin) as ann:
        server = in_server(ann)
        await play(server, [(f"<@{BOT}> Hello", "talk about")])
        reply = standin.shown(CHANNEL)[-1]
        assert reply.author == "Demo"
        await play(server, [("/why", "Prompt: none"), ("/status", "Base Model")])
        assert standin.shown(CHANNEL)[-1].author == "Avatar"
        before = server._seen()
        standin.say("Thank you", channel=CHANNEL, reply_to=reply.id)
        assert "You are welcome" in await server._answer(before)


@pytest.mark.parametrize("takes_messages", [True, False])
async def test_a_training_from_a_server_is_told_to_its_owner(
    ann: DiscordStage, takes_messages: bool
) -> None:
    if not takes_messages:
        ann.standin.closed_direct.add(ANN)
    server = in_server(ann)
    await play(
        server, [("(train)", "44 examples & Start it?"), ("[Start training]", "in training")]
    )
    await ann.desk.idle()
    await ann.standin.settled()
    told = ann.standin.shown(DIRECT[ANN] if takes_messages else CHANNEL)
    notice = told[-1]
    assert "Deep Training completed" in notice.text
    assert notice.mentions == (() if takes_messages else (ANN,))
    assert any("100%" in m.text for m in told)  # the progress
    public = [m.text for m in ann.standin.shown(CHANNEL) if m.hidden_for is None]
    assert (public == []) == takes_messages
    where = ann if takes_messages else server
    await play(where, [("[Activate This Version]", "is Active Now")])


async def test_who_speaks_in_a_channel_is_for_all_to_see(ann: DiscordStage) -> None:
    await play(ann, [("/newavatar Kak Ani", "is there and yours")])
    server = in_server(ann)
    await play(
        server, [("/avatars", "Demo & Kak Ani"), ("[Talk to Kak Ani]", "talking to Kak Ani")]
    )
    assert [m.hidden_for for m in ann.standin.shown(CHANNEL)] == [ANN, None]
    await play(server, [("/start demo", "talking to Demo")])
    assert ann.standin.shown(CHANNEL)[-1].hidden_for is None


async def test_why_without_a_message_is_about_the_last_reply(ann: DiscordStage) -> None:
    async def why() -> str:
        before = ann._seen()
        return await ann._answer(before, ann.standin.slash("why"))

    assert "no record" in await why()
    await play(ann, [("Hello", "talk about"), ("/prompt You are X.", "Version 1")])
    assert "Prompt: none" in await why()


async def test_stop(ann: DiscordStage) -> None:
    await play(ann, [("/stop", "no reply to stop")])
    await play(in_server(ann), [("/stop", "no reply to stop")])
    assert [m.hidden_for for m in ann.standin.shown(CHANNEL)] == [ANN]


async def test_a_training_by_the_menu_of_a_message(ann: DiscordStage) -> None:
    document = Document(name="a.jsonl", content=EXAMPLES.read_bytes())
    message = ann.standin.say("look", document=document)
    before = ann._seen()
    ann.standin.menu("Train on this file", message)
    assert "44 examples" in await ann._answer(before)


async def test_the_gateway_drops_in_the_middle_of_a_conversation(ann: DiscordStage) -> None:
    await play(ann, [("/prompt You are X.", "Version 1")])
    ann.standin.drop()
    await play(ann, [("Hello", "You are X."), ("/why", "Prompt: version 1")])
    assert ann.standin.handshakes == ["identify", "resume"]


async def test_two_platforms_side_by_side(tmp_path: Path) -> None:
    async with both_platforms(tmp_path) as (telegram, discord):
        discord.slash("newavatar", {"name": "Demo"})
        await discord.until(
            lambda: "is there and yours" in "".join(m.text for m in discord.shown())
        )
        discord.say("Hello")
        telegram.say("Hello")
        await discord.until(lambda: "talk about?" in "".join(m.text for m in discord.shown()))
        await telegram.until(lambda: "talk about?" in "".join(m.text for m in telegram.shown()))


async def bot_process(discord: DiscordStandIn, folder: Path) -> asyncio.subprocess.Process:
    settings = {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/avatar.db",
        "OPERATORS": f"discord:{ANN}",
        "POLL_SECONDS": "0.2",
    }
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "bot"],
        cwd=EXAMPLES.parent.parent,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **settings},
    )


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_killed_process_leaves_no_one_without_an_answer(tmp_path: Path) -> None:
    async with DiscordStandIn() as discord:
        first = await bot_process(discord, tmp_path)
        await discord.until(lambda: discord.connected, within=60)
        discord.slash("newavatar", {"name": "Demo"})
        await discord.until(lambda: any("is there" in m.text for m in discord.shown()), within=20)
        discord.fail("PATCH", "/webhooks/.*", status=429, retry_after=20.0)
        discord.slash("privacy", channel=CHANNEL)
        discord.say("Hello")
        await discord.until(lambda: bool(discord.called("PATCH", "/webhooks/.*")[1:]), within=20)
        first.send_signal(signal.SIGKILL)
        await first.communicate()
        assert discord.thinking(CHANNEL) == 1
        discord.say("What is the weather like?")

        second = await bot_process(discord, tmp_path)
        await discord.until(lambda: discord.thinking(CHANNEL) == 0, within=60)
        (answer,) = discord.shown(CHANNEL)
        assert ("What is stored about you" in answer.text, answer.hidden_for) == (True, ANN)
        await discord.until(lambda: any("talk about?" in m.text for m in discord.shown()))
        await discord.until(lambda: any("weather" in m.text for m in discord.shown()[-1:]))
        second.send_signal(signal.SIGTERM)
        _, log = await second.communicate()
        assert second.returncode == 0
        assert b"Traceback" not in log
        assert discord.token.encode() not in log
