"""Files that people sent, on their way to us: the same for every platform."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from avatar.errors import BadText
from avatar.language import tr
from avatar.records import Address, Attachment
from bot.screen import Messenger


@asynccontextmanager
async def temporary_file() -> AsyncIterator[Path]:
    """A path for one file, gone when the context ends. The sender's name for it is never used."""
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="avatar-bot-")
    try:
        yield Path(folder.name) / "file"
    finally:
        await asyncio.to_thread(folder.cleanup)


async def content_of(
    messenger: Messenger, address: Address, attachment: Attachment, *, limit: int
) -> bytes:
    """A file of at most `limit` bytes as a whole. Raises what `Messenger.download` raises."""
    async with messenger.download(address, attachment, limit=limit) as path:
        return await asyncio.to_thread(path.read_bytes)


async def save(
    pieces: AsyncIterator[bytes], path: Path, attachment: Attachment, *, limit: int
) -> None:
    """Write a file piece by piece. Raises BadText when it is larger than `limit` bytes, and what
    `pieces` raises.
    """
    size = 0
    with await asyncio.to_thread(path.open, "wb") as target:
        async for piece in pieces:
            size += len(piece)
            if size > limit:
                raise too_large(attachment, limit)
            await asyncio.to_thread(target.write, piece)


def too_large(attachment: Attachment, limit: int) -> BadText:
    """For a file of more than `limit` bytes."""
    return BadText(reason=larger(attachment.name, limit))


def larger(name: str, limit: int) -> str:
    """What is said of it."""
    size = f"{limit / 1_000_000:.0f} MB" if limit >= 1_000_000 else f"{limit / 1000:.0f} kB"
    return tr("{file} is larger than {size}, the most I can take here.", file=name, size=size)


def lost(attachment: Attachment) -> BadText:
    """For a file that its platform does not give any more."""
    return BadText(
        reason=tr("{file} cannot be fetched any more. Please send it again.", file=attachment.name)
    )
