"""Several bots in one process: who speaks where, and what runs when."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from avatar.accounts import OwnBot
from avatar.errors import NotDelivered
from avatar.records import Address, Author, Avatar
from bot.telegram.accounts import TelegramAccounts
from bot.telegram.platform import TelegramPlatform
from storage.store import SqlStore, open_store
from tests.bot.telegram.make import QUICK, said
from tests.bot.telegram.test_platform import Inbox
from tests.standins.telegram_api import ANN, TelegramStandIn

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class World:
    def __init__(
        self, main: TelegramStandIn, bot: TelegramStandIn, store: SqlStore, avatar: Avatar
    ) -> None:
        self.main = main
        self.bot = bot
        self.store = store
        self.avatar = avatar

    def at(self, bot: str) -> Address:
        return Address(platform="telegram", chat=str(ANN), bot=bot)

    @asynccontextmanager
    async def accounts(self) -> AsyncIterator[TelegramAccounts]:
        def connect(token: str) -> TelegramPlatform:
            return TelegramPlatform(token, api_url=self.main.url, pace=QUICK)

        async with (
            connect(self.main.token) as main,
            TelegramAccounts(
                main, self.store, connect=connect, look_seconds=0.05, again_seconds=0.05
            ) as accounts,
        ):
            yield accounts


@pytest.fixture
async def world(telegram: TelegramStandIn, tmp_path: Path) -> AsyncIterator[World]:
    """Ann's avatar Mei has a bot of its own."""
    async with open_store(f"sqlite:///{tmp_path}/a.db") as store:
        ann = await store.person(Author(platform="telegram", external_id=str(ANN), name="Ann"))
        avatar = await store.add_avatar(
            slug="mei", name="Mei", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        bot = telegram.make_bot(username="mei_bot")
        telegram._updates.clear()
        wish = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=NOW)
        await store.keep_bot(
            wish.id, external_id=str(bot.bot_id), username="mei_bot", token=bot.token
        )
        yield World(telegram, bot, store, avatar)


@asynccontextmanager
async def working(task: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_it_owes_waits_for_its_start(world: World) -> None:
    async with world.accounts() as accounts:
        with pytest.raises(NotDelivered):
            accounts.open_sight(world.at(str(world.bot.bot_id)))


async def test_each_address_has_its_speaker(world: World) -> None:
    inbox = Inbox()
    async with world.accounts() as accounts:
        async with working(asyncio.create_task(accounts.serve(inbox.receive))):
            world.bot.say("to Mei")
            world.main.say("to the main bot")
            await world.bot.settled()
            await world.main.settled()
            heard = {each.text: each.address.bot for each in inbox.taken.values()}
            assert heard == {
                "to Mei": str(world.bot.bot_id),
                "to the main bot": str(world.main.bot_id),
            }
        # Nothing is taken any more, and what was being said can still be said.
        await accounts.send(world.at(str(world.bot.bot_id)), said("from Mei"))
        await accounts.send(world.at(str(world.main.bot_id)), said("from the main bot"))
        await accounts.send(world.at("42"), said("by whoever is there now"))
        world.bot.say("nobody listens")
        await asyncio.sleep(0.1)
        assert len(inbox.taken) == 2
    assert [shown.text for shown in world.bot.shown()] == ["from Mei"]
    assert [shown.text for shown in world.main.shown()] == [
        "from the main bot",
        "by whoever is there now",
    ]


async def test_standing_by_it_speaks_and_takes_nothing(world: World) -> None:
    async with world.accounts() as accounts:
        async with working(asyncio.create_task(accounts.stand_by())):
            while str(world.bot.bot_id) not in accounts._own:
                await asyncio.sleep(0.01)
            await accounts.send(world.at(str(world.bot.bot_id)), said("from Mei"))
            assert not world.bot.called("getUpdates")
            assert not world.bot.called("setMyName")
        inbox = Inbox()
        async with working(asyncio.create_task(accounts.serve(inbox.receive))):
            world.bot.say("and now it listens")
            await world.bot.settled()
        assert inbox.texts == ["and now it listens"]


async def test_a_bot_whose_avatar_is_deleted_stops(world: World) -> None:
    async with (
        world.accounts() as accounts,
        working(asyncio.create_task(accounts.serve(Inbox().receive))),
    ):
        await world.main.until(lambda: bool(accounts._running))
        async with world.store._db.writing() as write:
            await write.execute(sa.text("DELETE FROM avatar_owners"))
            await write.execute(sa.text("DELETE FROM avatars"))
        await world.main.until(lambda: not accounts._running)
        assert not accounts._own


async def test_a_stopped_bot_owes_what_it_cannot_say_now(world: World) -> None:
    own = await world.store.own_bot(world.avatar.id, "telegram")
    assert own is not None
    await world.store.stop_bot(own.id, stopped_at=NOW)
    async with (
        world.accounts() as accounts,
        working(asyncio.create_task(accounts.serve(Inbox().receive))),
    ):
        await world.main.until(lambda: bool(accounts._known))
        address = world.at(str(world.bot.bot_id))
        with pytest.raises(NotDelivered, match="not be delivered yet"):
            await accounts.send(address, said("x"))
        with pytest.raises(NotDelivered):
            accounts.open_sight(address)
        await accounts.offer_commands(address, [])
    assert not world.bot.calls


async def test_it_looks_like_its_avatar_and_its_picture_is_read_when_it_is_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    picture = world.store.picture

    async def counted(avatar_id: int) -> str | None:
        read.append(avatar_id)
        return await picture(avatar_id)

    monkeypatch.setattr(world.store, "picture", counted)
    url = "data:image/jpeg;base64," + base64.b64encode(b"a face").decode()
    await world.store.set_picture(world.avatar.id, mark="one", url=url)
    looks: list[int] = []
    async with (
        world.accounts() as accounts,
        working(asyncio.create_task(accounts.serve(Inbox().receive))),
    ):
        own_bots = world.store.own_bots

        async def looked(platform: str) -> Sequence[OwnBot]:
            looks.append(1)
            return await own_bots(platform)

        await world.bot.until(lambda: world.bot.profile.get("photo") == b"a face")
        monkeypatch.setattr(world.store, "own_bots", looked)
        while len(looks) < 3:
            await asyncio.sleep(0.01)
        assert read == [world.avatar.id]
        await world.store.set_picture(world.avatar.id, mark=None, url=None)
        await world.bot.until(lambda: "photo" not in world.bot.profile)
