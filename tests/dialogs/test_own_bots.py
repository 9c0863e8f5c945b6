"""Every avatar its own bot: made with a tap, served beside the others, its token kept sealed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from avatar.accounts import OwnBot
from avatar.exporting import write
from avatar.language import NAMES
from tests.dialogs.stage import TelegramStage, play, telegram_stage
from tests.standins.telegram_api import ANN, BEN, Document, TelegramStandIn


def manager() -> TelegramStandIn:
    standin = TelegramStandIn()
    standin.can_manage_bots = True
    return standin


async def own(stage: TelegramStage, avatar: int) -> OwnBot:
    found = await stage.desk.store.own_bot(avatar, "telegram")
    assert found is not None
    return found


async def made(stage: TelegramStage, username: str = "mei_bot") -> TelegramStandIn:
    """Ann makes an avatar called Mei and a bot for it; the bot runs."""
    await play(stage, [("/newavatar Mei", "Mei & bot of its own")])
    (row,) = stage.standin.keyboards[ANN]
    wish = row[0]["request_managed_bot"]
    assert (wish["suggested_name"], wish["suggested_username"]) == ("Mei", "mei_bot")
    before = stage._seen()
    bot = stage.standin.make_bot(username=username, name="Mei")
    shown = await stage._answer(before)
    assert f"@{username.replace('_', chr(95))} is the bot of Mei" in shown, shown
    await bot.until(lambda: "short_description_ms" in bot.profile)
    return bot


def at(stage: TelegramStage, bot: TelegramStandIn, user: int = ANN) -> TelegramStage:
    return stage.elsewhere(user=user, standin=bot)


@pytest.mark.parametrize("pushed", [False, True], ids=["asked for", "pushed"])
async def test_an_avatar_gets_a_bot_with_a_tap(tmp_path: Path, pushed: bool) -> None:
    async with telegram_stage(tmp_path, standin=manager(), pushed=pushed) as ann:
        bot = await made(ann)
        assert bot.profile["name"] == "Mei"
        assert "Mei, an avatar" in bot.profile["short_description"]
        assert "Mei, sebuah avatar" in bot.profile["short_description_ms"]
        assert "a model answers here" in bot.profile["description"]
        assert "yang menjawab di sini ialah model" in bot.profile["description_ms"]
        assert "help" in bot.menu()
        ben = at(ann, bot, BEN)
        await play(
            ben,
            [
                ("/start", "talking to Mei"),
                ("Hello", "talk about"),
                ("/start demo", "belongs to one avatar"),
                ("/history", "There is no command"),
            ],
        )
        await play(
            at(ann, bot),
            [
                ("/prompt You are Mei.", "Version 1 is the prompt of Mei"),
                ("/newavatar Third", "talk to Third in the main bot"),
                ("Hello", "You are Mei."),
            ],
        )
        export = await ann.desk.exports.export(await ann.desk.store.avatar(3))
        file = Document(name="third.zip", content=write(export))
        shown = await at(ann, bot).send("/import", file)
        assert "talk to Third in the main bot with /start third-2" in shown.replace("\\", "")
        # The main bot is not touched by it.
        await play(ann, [("/start demo", "talking to Demo"), ("/prompt", "has no active prompt")])
        assert bool(bot.webhook) == pushed
        assert bool(ann.standin.webhook) == pushed


async def test_its_token_is_sealed_and_it_runs_again_after_a_restart(tmp_path: Path) -> None:
    standin = manager()
    async with telegram_stage(tmp_path, standin=standin) as ann:
        bot = await made(ann)
        store = ann.desk.store
        async with store._db.reading() as read:  # type: ignore[attr-defined]
            stored = (
                await read.execute(sa.text("SELECT token FROM bots WHERE token IS NOT NULL"))
            ).scalar_one()
        assert bot.token not in stored
        assert (await own(ann, 2)).token == bot.token
    assert bot.token.encode() not in (tmp_path / "avatar.db").read_bytes()
    again = manager()
    again.bots[bot.bot_id] = bot
    async with telegram_stage(tmp_path, standin=again) as ann:
        await play(at(ann, bot, BEN), [("Hello", "talk about")])
        # It is only presented anew when something changed.
        assert len(bot.called("setMyDescription")) == len(NAMES)
        assert len(bot.called("getMyDescription")) == len(NAMES)


async def test_a_token_that_telegram_replaced_is_fetched(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, standin=manager()) as ann:
        bot = await made(ann)
        first = bot.token
        # Telegram says so.
        bot.token = f"{bot.bot_id}:" + "z" * 35
        ann.standin.tell_of(bot)
        await ann.settled()
        await play(at(ann, bot, BEN), [("Hello", "talk about")])
        assert (await own(ann, 2)).token == bot.token != first
        # And when it does not say so, the old one is refused: a new one is asked for.
        bot.revoke()
        refused = bot.token
        await ann.standin.until(lambda: bool(ann.standin.called("replaceManagedBotToken")))
        await ann.standin.until(lambda: bot.token != refused)
        bot._revoked.clear()
        await play(at(ann, bot, BEN), [("Still there?", "Still there?")])
        assert (await own(ann, 2)).token == bot.token


async def test_it_looks_like_its_avatar(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, standin=manager()) as ann:
        bot = await made(ann)
        jpeg = b"\xff\xd8\xff picture"
        ann.standin.say("/picture", document=Document(name="mei.jpg", content=jpeg))
        await ann.settled()
        await play(ann, [("/bot", "It runs.")])
        assert (await own(ann, 2)).trouble == ""
        await bot.until(lambda: bot.profile.get("photo") == jpeg, within=40)
        assert len(bot.called("setMyDescription")) == len(NAMES)  # the picture alone was new
        await play(ann, [("/picture", "has a picture"), ("[Remove the picture]", "no picture")])
        await bot.until(lambda: "photo" not in bot.profile, within=40)


async def test_owners_stop_and_start_it(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, standin=manager()) as ann:
        bot = await made(ann)
        await play(ann, [("/bot", "It runs."), ("[Stop it]", "It is stopped")])
        await ann.standin.settled()
        bot.say("Anybody?", chat=BEN)
        await ann.standin.settled()
        assert not bot.shown(BEN)
        await play(ann, [("[Start it]", "It runs.")])
        await bot.until(lambda: bool(bot.shown(BEN)))
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start mei", "talking to Mei"), ("/bot", "There is no command")])


async def test_a_bot_that_nobody_asked_for_and_one_for_somebody_else(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, standin=manager()) as ann:
        before = ann._seen()
        # Ben owns nothing here; he used the link that makes bots.
        stray = ann.standin.make_bot(user=BEN, username="ben_bot")
        await ann._answer(before)
        assert "do not know which avatar" in ann.standin.shown(BEN)[-1].text
        assert not ann._news(before)
        await ann.standin.settled()
        assert not stray.calls


async def test_where_no_bots_can_be_made(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await play(
            ann, [("/newavatar Mei", "Mei & !bot of its own"), ("/bot", "no bot of its own")]
        )
        assert not ann.standin.keyboards


@pytest.mark.parametrize(
    ("username", "name", "whose"),
    [("mei_bot", "Mei", "Mei"), ("mei_2_bot", "Mei", "Mei"), ("x_bot", "X", "Kim")],
)
async def test_two_were_asked_for_and_the_first_one_is_made(
    tmp_path: Path, username: str, name: str, whose: str
) -> None:
    """The names that its button proposed tell which; without them it is the newest."""
    async with telegram_stage(tmp_path, standin=manager()) as ann:
        await play(
            ann, [("/newavatar Mei", "bot of its own"), ("/newavatar Kim", "bot of its own")]
        )
        before = ann._seen()
        ann.standin.make_bot(username=username, name=name)
        assert f"is the bot of {whose} now" in await ann._answer(before)
