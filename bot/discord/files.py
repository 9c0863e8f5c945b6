"""Files that people sent: described by their address, fetched into a temporary file."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import discord
from discord.http import Route

from avatar.errors import NotDelivered
from avatar.records import Attachment
from bot.discord.client import Client
from bot.downloads import lost, save, temporary_file, too_large

log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=20)
_PIECE = 64 * 1024
_REFUSED = frozenset({401, 403, 404})  # an address whose signature is too old, or a file that left


def described(data: Mapping[str, Any]) -> Attachment:
    """A file, from its JSON. Its address is signed by Discord for about a day."""
    main = str(data.get("content_type") or "").partition("/")[0]
    kind = {"image": "photo", "audio": "audio", "video": "video"}.get(main, "document")
    return Attachment(
        ref=str(data["url"]),
        name=str(data["filename"]),
        size=data.get("size"),
        kind="voice" if data.get("waveform") else kind,
    )


def attachment(file: discord.Attachment) -> Attachment:
    """A file of a message."""
    return described(
        {
            "url": file.url,
            "filename": file.filename,
            "size": file.size,
            "content_type": file.content_type,
            "waveform": file.waveform,
        }
    )


@asynccontextmanager
async def downloaded(client: Client, file: Attachment, *, limit: int) -> AsyncIterator[Path]:
    """The file of an attachment, deleted when the context ends. Raises BadText when it is larger
    than `limit` bytes or cannot be had any more; NotDelivered.
    """
    if not file.ref:
        raise lost(file)
    if file.size is not None and file.size > limit:
        raise too_large(file, limit)
    async with temporary_file() as path:
        if not await _fetched(file.ref, path, file, limit):
            signed = await _signed_anew(client, file)
            if not await _fetched(signed, path, file, limit):
                raise lost(file)
        yield path


async def _fetched(url: str, path: Path, file: Attachment, limit: int) -> bool:
    """False: the address does not lead to the file (any more)."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(url) as response,
        ):
            if response.status in _REFUSED:
                return False
            if response.status != 200:
                raise NotDelivered(detail=f"the file's download answered {response.status}")
            await save(response.content.iter_chunked(_PIECE), path, file, limit=limit)
    except (aiohttp.ClientError, OSError) as error:
        detail = f"the file's download failed: {type(error).__name__}"
        raise NotDelivered(detail=detail) from error
    return True


async def _signed_anew(client: Client, file: Attachment) -> str:
    try:
        answer = await client.http.request(
            Route("POST", "/attachments/refresh-urls"), json={"attachment_urls": [file.ref]}
        )
    except discord.HTTPException as error:
        log.info("the address of a file could not be signed anew: %s", error.text)
        raise lost(file) from error
    except (aiohttp.ClientError, OSError, discord.DiscordException) as error:
        raise NotDelivered(detail=f"refresh-urls: {type(error).__name__}") from error
    found = answer.get("refreshed_urls") or [{}]
    return str(found[0].get("refreshed") or file.ref)
