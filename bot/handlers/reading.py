"""The message that tells how far the reading of a large file is."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from avatar.dataset.watch import Watch
from avatar.errors import DeliveryError
from avatar.records import Address, Attachment
from bot.cards import importing as cards
from bot.screen import Messenger

log = logging.getLogger(__name__)

LARGE = 5_000_000  # bytes of a file whose reading takes seconds: it is said that it is read
PATIENCE = 4.0  # seconds after which it is said of a small one too: it may be a packed large one
EVERY = 2.0  # seconds between two looks at how far it is


@asynccontextmanager
async def told(
    messenger: Messenger, address: Address, attachment: Attachment
) -> AsyncIterator[Watch]:
    """While a file is fetched and read: tell how far it is, in one message that is edited. Of a
    file that is read at once nothing is told.
    """
    watch, over = Watch(), asyncio.Event()
    telling = asyncio.create_task(_tell(messenger, address, attachment, watch, over))
    try:
        yield watch
    except asyncio.CancelledError:
        telling.cancel()
        raise
    finally:
        watch.stopped = True  # a thread that nobody waits for ends
        over.set()  # not cancelled: a message that is on its way would stay as it is
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def _tell(
    messenger: Messenger,
    address: Address,
    attachment: Attachment,
    watch: Watch,
    over: asyncio.Event,
) -> None:
    small = attachment.size is None or attachment.size <= LARGE
    if small and await _within(PATIENCE, over):
        return
    try:
        (*_, message_id) = await messenger.send(address, cards.reading(attachment, watch))
        seen = watch.seen
        while not await _within(EVERY, over):
            if watch.seen != seen:
                seen = watch.seen
                content = cards.reading(attachment, watch)
                await messenger.edit(address, message_id, content, quiet=True)
        await messenger.edit(address, message_id, cards.was_read(attachment, watch), quiet=True)
    except DeliveryError as error:  # what comes of the file is told all the same
        log.info("it could not be told how far a file is read: %s", error.detail)


async def _within(seconds: float, over: asyncio.Event) -> bool:
    """Whether it is over within so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()
