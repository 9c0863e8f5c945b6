"""The message that tells how far the reading of a large file is, and its end before the time."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from avatar.dataset.reading import shown_name
from avatar.dataset.watch import Watch
from avatar.errors import DeliveryError, ReadingStopped
from avatar.records import Address, Attachment
from bot.cards import importing as cards
from bot.running import Running
from bot.screen import Messenger

log = logging.getLogger(__name__)

LARGE = 5_000_000  # bytes of a file whose reading takes seconds: it is said that it is read
PATIENCE = 4.0  # seconds after which it is said of a small one too: it may be a packed large one
EVERY = 2.0  # seconds between two looks at how far it is


@asynccontextmanager
async def told(
    messenger: Messenger, address: Address, attachment: Attachment, running: Running
) -> AsyncIterator[Watch]:
    """While a file is fetched and read: tell how far it is, in one message that is edited. Of a
    file that is read at once nothing is told. Raises ReadingStopped when somebody stops it.
    """
    watch, over = Watch(), asyncio.Event()
    with running.stoppable(address) as stop:
        telling = asyncio.create_task(
            _tell(messenger, address, attachment, watch=watch, over=over, stop=stop)
        )
        try:
            async with _until(stop):
                yield watch
        except TimeoutError as error:
            if not stop.is_set():
                raise
            raise ReadingStopped(name=shown_name(attachment.name)) from error
        except asyncio.CancelledError:
            telling.cancel()
            raise
        finally:
            watch.stopped = True  # a thread that nobody waits for ends
            over.set()  # not cancelled: a message that is on its way would stay as it is
            with contextlib.suppress(asyncio.CancelledError):
                await telling


@asynccontextmanager
async def _until(stop: asyncio.Event) -> AsyncIterator[None]:
    """Ends what is awaited in it when the event is set. Raises TimeoutError then."""

    async def end() -> None:
        await stop.wait()
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(None) as limit:
        ending = asyncio.create_task(end())
        try:
            yield
        finally:
            ending.cancel()


async def _tell(
    messenger: Messenger,
    address: Address,
    attachment: Attachment,
    *,
    watch: Watch,
    over: asyncio.Event,
    stop: asyncio.Event,
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
        done = cards.not_read(attachment) if stop.is_set() else cards.was_read(attachment, watch)
        await messenger.edit(address, message_id, done, quiet=True)
    except DeliveryError as error:  # what comes of the file is told all the same
        log.info("it could not be told how far a file is read: %s", error.detail)


async def _within(seconds: float, over: asyncio.Event) -> bool:
    """Whether it is over within so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()
