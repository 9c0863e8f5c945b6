"""How an avatar's bot looks: said once, in each language, and only where Telegram has another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avatar.accounts import OwnBot
from avatar.language import NAMES
from avatar.records import Author
from bot.telegram.dressing import AGAIN_SECONDS, Dresser
from bot.telegram.platform import TelegramPlatform
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW
from tests.bot.telegram.make import QUICK
from tests.standins.telegram_api import ANN, BAD_GATEWAY, BEN, FORBIDDEN, TelegramStandIn, flood

SETTERS = ("setMyName", "setMyDescription", "setMyShortDescription")


class Fitting:
    """Mei's bot, and who dresses it."""

    def __init__(
        self,
        main: TelegramStandIn,
        bot: TelegramStandIn,
        store: SqlStore,
        platforms: tuple[TelegramPlatform, TelegramPlatform],
        avatar_id: int,
    ) -> None:
        self.main = main
        self.bot = bot
        self.store = store
        self.avatar_id = avatar_id
        self.time = 0.0
        self._main_platform, self._platform = platforms
        self.begin()

    def begin(self) -> None:
        """As in a new process."""
        self.dresser = Dresser(self.store, self._main_platform, clock=lambda: self.time)

    async def own(self) -> OwnBot:
        found = await self.store.own_bot(self.avatar_id, "telegram")
        assert found is not None
        return found

    async def dress(self) -> list[str]:
        """What was set."""
        before = len(self.bot.calls)
        await self.dresser.dress(await self.own(), self._platform)
        return [call.method for call in self.bot.calls[before:] if call.method in SETTERS]

    def asked(self) -> int:
        return sum(call.method.startswith("getMy") for call in self.bot.calls)

    def set_language(self, method: str) -> list[str]:
        return [call.params.get("language_code", "") for call in self.bot.called(method)]


@pytest.fixture
async def fitting(telegram: TelegramStandIn, tmp_path: Path) -> AsyncIterator[Fitting]:
    @asynccontextmanager
    async def connected(token: str) -> AsyncIterator[TelegramPlatform]:
        async with TelegramPlatform(token, api_url=telegram.url, pace=QUICK) as platform:
            yield platform

    async with open_store(f"sqlite:///{tmp_path}/a.db") as store:
        ann = await store.person(Author(platform="telegram", external_id=str(ANN), name="Ann"))
        mei = await store.add_avatar(
            slug="mei", name="Mei", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        bot = telegram.make_bot(username="mei_bot")
        wish = await store.ask_for_bot(mei.id, platform="telegram", person_id=ann.id, now=NOW)
        await store.keep_bot(
            wish.id, external_id=str(bot.bot_id), username="mei_bot", token=bot.token
        )
        async with connected(telegram.token) as main, connected(bot.token) as own:
            bot.calls.clear()
            yield Fitting(telegram, bot, store, (main, own), mei.id)


async def test_it_speaks_of_itself_in_every_language_and_says_it_once(fitting: Fitting) -> None:
    assert sorted(await fitting.dress()) == sorted(
        ["setMyName", *(["setMyDescription", "setMyShortDescription"] * len(NAMES))]
    )
    # English is for all for whom nothing else is said.
    languages = ["", *(name for name in NAMES if name != "en")]
    assert fitting.set_language("setMyDescription") == languages
    assert fitting.set_language("setMyShortDescription") == languages
    profile = fitting.bot.profile
    assert profile["name"] == "Mei"
    assert "a model answers here, not a person" in profile["description"]
    assert "yang menjawab di sini ialah model" in profile["description_ms"]
    assert profile["short_description"] == "Mei, an avatar: a model answers, not a person."
    assert profile["short_description_ms"].startswith("Mei, sebuah avatar:")
    calls = len(fitting.bot.calls)
    for _ in range(2):
        assert not await fitting.dress()
        fitting.begin()
    assert len(fitting.bot.calls) == calls  # nothing is asked either


async def test_where_telegram_has_it_already_nothing_is_set(fitting: Fitting) -> None:
    """As after an upgrade of ours with another wording in one language."""
    await fitting.dress()
    fitting.bot.profile["description_ms"] = "Apa khabar?"
    await fitting.store.mark_bot((await fitting.own()).id, dressed="another:")
    assert await fitting.dress() == ["setMyDescription"]
    assert fitting.set_language("setMyDescription")[-1] == "ms"
    assert "ialah model" in fitting.bot.profile["description_ms"]


async def test_what_is_too_much_for_now_waits_as_long_as_telegram_says(fitting: Fitting) -> None:
    fitting.bot.fail("setMyShortDescription", flood(3600))
    assert await fitting.dress() == ["setMyDescription", "setMyShortDescription"]
    fitting.time = 3599
    asked = fitting.asked()
    assert not await fitting.dress()
    assert fitting.asked() == asked
    await fitting.store.set_picture(
        fitting.avatar_id, mark="one", url="data:image/jpeg;base64,AAAA"
    )
    assert not await fitting.dress()
    assert fitting.bot.profile["photo"] == b"\0\0\0"  # a picture waits for no words
    fitting.time = 3601
    # What was set before is not set again.
    assert sorted(await fitting.dress()) == sorted(
        ["setMyDescription", "setMyShortDescription", "setMyShortDescription", "setMyName"]
    )
    assert len(fitting.bot.called("setMyProfilePhoto")) == 1
    assert not await fitting.dress()


async def test_what_got_lost_is_tried_again_later_and_what_is_refused_is_not(
    fitting: Fitting,
) -> None:
    fitting.bot.fail("setMyName", BAD_GATEWAY)
    assert "setMyName" in await fitting.dress()
    assert not await fitting.dress()
    fitting.time = AGAIN_SECONDS + 1
    fitting.bot.fail("setMyName", FORBIDDEN)
    assert await fitting.dress() == ["setMyName"]
    fitting.time *= 1000
    assert not await fitting.dress()
    await fitting.store.set_visibility(fitting.avatar_id, "private")
    assert await fitting.dress() == ["setMyName"]


async def test_who_may_use_it_does_not_wait_for_how_it_looks(fitting: Fitting) -> None:
    ben = await fitting.store.person(Author(platform="telegram", external_id=str(BEN), name="Ben"))
    await fitting.store.add_owner(fitting.avatar_id, ben.id, by=None, now=NOW)
    await fitting.store.set_visibility(fitting.avatar_id, "private")
    fitting.bot.fail("getMyDescription", flood(3600))
    assert not await fitting.dress()
    access = fitting.main.bots[fitting.bot.bot_id].access
    assert access["is_access_restricted"] is True
    assert access["added_user_ids"] == sorted([ANN, BEN])
