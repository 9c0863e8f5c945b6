"""Fixtures of the tests of Discord."""

from collections.abc import AsyncIterator

import pytest

from bot.discord.messenger import DiscordMessenger
from tests.bot.discord import make
from tests.standins.discord_api import DiscordStandIn


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as server:
        yield server


@pytest.fixture
async def messenger(discord: DiscordStandIn) -> AsyncIterator[DiscordMessenger]:
    async with make.logged_in(discord) as platform:
        yield platform.messenger
