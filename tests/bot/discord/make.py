"""What the tests of Discord share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from avatar.incoming import Incoming
from avatar.records import Address
from avatar.stores import Heard
from bot.completion import Completion
from bot.discord.pace import Pace
from bot.discord.personas import PictureOf
from bot.discord.platform import DiscordPlatform
from bot.screen import Button, Content, Receive
from tests.standins.discord_api import ANN, BEN, BOT, CHANNEL, DIRECT, SERVER, DiscordStandIn

QUICK = Pace(
    edit=0.03,
    typing=0.1,
    patience=5.0,
    pause=0.01,
    longest=0.05,
    identify=0.01,
    servers=0.01,
    taking=0.01,
    form=1.0,
)

PRIVATE = Address(platform="discord", chat=str(DIRECT[ANN]), bot=str(BOT))
OTHER = Address(platform="discord", chat=str(DIRECT[BEN]), bot=str(BOT))
IN_SERVER = Address(platform="discord", chat=str(SERVER), thread=str(CHANNEL), bot=str(BOT))
ASIDE = Address(platform="discord", chat=str(SERVER), thread=f"{CHANNEL}@{ANN}", bot=str(BOT))
STOP = Button(label="Stop", action="stop")


def said(text: str, *labels: str) -> Content:
    """Content with one row of buttons."""
    row = tuple(Button(label=label, action=f"do:{i}") for i, label in enumerate(labels))
    return Content(text=text, buttons=(row,) if row else ())


class Inbox:
    """Takes messages as the dispatcher does: a repeated one is dropped, and what was said to
    nobody in particular.
    """

    def __init__(self) -> None:
        self.taken: dict[str, Incoming] = {}
        self.times = 0

    async def receive(self, *incoming: Incoming) -> None:
        self.times += 1
        for each in filter(lambda each: each.addressed, incoming):
            self.taken.setdefault(each.update_id, each)

    @property
    def texts(self) -> list[str]:
        return [incoming.text for incoming in self.taken.values()]

    @property
    def last(self) -> Incoming:
        return list(self.taken.values())[-1]


@asynccontextmanager
async def logged_in(
    discord: DiscordStandIn, *, pace: Pace = QUICK, picture_of: PictureOf | None = None
) -> AsyncIterator[DiscordPlatform]:
    """The platform without its gateway: enough to say something."""
    made = DiscordPlatform(
        discord.token,
        api_url=discord.api_url,
        gateway_url=discord.gateway_url,
        pace=pace,
        picture_of=picture_of,
    )
    async with made:
        yield made


@asynccontextmanager
async def serving(
    discord: DiscordStandIn,
    receive: Receive,
    completion: Completion | None = None,
    *,
    pace: Pace = QUICK,
    before: Heard | None = None,
    picture_of: PictureOf | None = None,
) -> AsyncIterator[DiscordPlatform]:
    """The platform, once its first session has begun."""
    async with logged_in(discord, pace=pace, picture_of=picture_of) as platform:

        async def heard(bot: str, limit: int) -> Heard:
            assert (bot, limit > 0) == (str(BOT), True)
            return before or Heard(until=None, addresses=())

        task = asyncio.create_task(platform.serve(receive, completion, heard=heard))
        try:
            await discord.heard()
            yield platform
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
