"""What was done and must be written down, however long the database fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from avatar.errors import StoreFailed

T = TypeVar("T")

_FIRST, _LONGEST = 0.5, 15.0  # seconds between tries


async def until_written(write: Callable[[], Awaitable[T]]) -> T:
    """Try until the store takes it: for what would be paid or shown a second time otherwise."""
    wait = _FIRST
    while True:
        try:
            return await write()
        except StoreFailed:
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST)
