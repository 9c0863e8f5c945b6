"""Fixtures of the tests of Telegram."""

from collections.abc import AsyncIterator

import pytest

from bot.telegram.messenger import TelegramMessenger
from tests.bot.telegram import make
from tests.standins.telegram_api import TelegramStandIn


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    async with TelegramStandIn() as server:
        yield server


@pytest.fixture
async def messenger(telegram: TelegramStandIn) -> AsyncIterator[TelegramMessenger]:
    async with make.messenger(telegram) as made:
        yield made
