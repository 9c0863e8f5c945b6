"""What the tests of Telegram share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from avatar.records import Address
from bot.screen import Button, Content
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.pace import Pace
from bot.telegram.rates import Budget, Limits
from bot.telegram.request import Connection
from tests.standins.telegram_api import ANN, BEN, GROUP, TelegramStandIn

QUICK = Pace(
    draft=0.02,
    refresh=0.1,
    edit=0.03,
    edit_alone=0.03,
    thinking=0.0,
    typing=0.1,
    patience=2.5,
    pause=0.01,
    poll=5.0,
    longest=0.05,
    taking=0.01,
)

# Tests say more than people do.
FREE = Limits(
    private=Budget(count=1000, seconds=1.0),
    group=Budget(count=1000, seconds=1.0),
    drafts=(Budget(count=1000, seconds=1.0),),
    bot=None,
)


def place(chat: int, *, thread: str = "") -> Address:
    return Address(platform="telegram", chat=str(chat), thread=thread, bot="123456789")


PRIVATE = place(ANN)
OTHER = place(BEN)
IN_GROUP = place(GROUP)
STOP = Button(label="Stop", action="stop")


def said(text: str, *labels: str) -> Content:
    """Content with one row of buttons."""
    row = tuple(Button(label=label, action=f"do:{i}") for i, label in enumerate(labels))
    return Content(text=text, buttons=(row,) if row else ())


@asynccontextmanager
async def messenger(
    telegram: TelegramStandIn, *, pace: Pace = QUICK, limits: Limits = FREE
) -> AsyncIterator[TelegramMessenger]:
    """A messenger that speaks to the stand-in over HTTP."""
    connection = Connection(telegram.token, telegram.url)
    try:
        yield TelegramMessenger(connection, pace, limits)
    finally:
        await connection.aclose()
