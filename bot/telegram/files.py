"""Files that people sent: fetched into a temporary file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
from telegram.error import BadRequest, TelegramError

from avatar.errors import NotDelivered
from avatar.records import Attachment
from bot.downloads import lost, save, temporary_file, too_large
from bot.telegram.request import Connection

BOT_LIMIT = 20_000_000  # bytes that Telegram's own server lets bots fetch


@asynccontextmanager
async def downloaded(
    connection: Connection, attachment: Attachment, *, limit: int
) -> AsyncIterator[Path]:
    """The file of an attachment, deleted when the context ends. Raises BadText when it is larger
    than `limit` bytes or than Telegram gives to bots, or is no file; NotDelivered.
    """
    if attachment.size is not None and attachment.size > limit:
        raise too_large(attachment, limit)
    url = await _url(connection, attachment, limit)
    async with temporary_file() as path:
        await _fetch(connection, url, path, attachment, limit)
        yield path


async def _url(connection: Connection, attachment: Attachment, limit: int) -> str:
    try:
        file = await connection.bot.get_file(attachment.ref)
    except BadRequest as error:
        if "too big" in error.message.lower():
            raise too_large(attachment, min(limit, BOT_LIMIT)) from error
        raise lost(attachment) from error
    except TelegramError as error:
        raise NotDelivered(detail=error.message) from error
    if file.file_size is not None and file.file_size > limit:
        raise too_large(attachment, limit)
    if file.file_path is None:
        raise lost(attachment)
    return file.file_path


async def _fetch(
    connection: Connection, url: str, path: Path, attachment: Attachment, limit: int
) -> None:
    try:
        await save(connection.pieces(url), path, attachment, limit=limit)
    except aiohttp.ClientResponseError as error:
        # The error's own text holds the URL, and that the token: only its kind goes to the log.
        if error.status == HTTPStatus.NOT_FOUND:
            raise lost(attachment) from None
        detail = f"the file's download answered {error.status}"
        raise NotDelivered(detail=detail) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotDelivered(detail=f"the file's download failed: {type(error).__name__}") from None
