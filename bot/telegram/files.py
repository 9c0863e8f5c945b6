"""Files that people sent: fetched into a temporary file, or read where our server keeps them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from telegram.error import BadRequest, TelegramError

from avatar.errors import BadText, NotDelivered
from avatar.language import tr
from avatar.records import Attachment
from bot.downloads import lost, save, temporary_file, too_large
from bot.telegram.request import Connection

BOT_LIMIT = 20_000_000  # bytes that Telegram's own server lets bots fetch


@asynccontextmanager
async def downloaded(
    connection: Connection, attachment: Attachment, *, limit: int, local: Path | None = None
) -> AsyncIterator[Path]:
    """The file of an attachment; gone when the context ends, unless it lies in `local`, where a Bot
    API server of our own keeps it. Raises BadText when it is larger than `limit` bytes or than
    Telegram gives to bots, or is no file; NotDelivered.
    """
    if attachment.size is not None and attachment.size > limit:
        raise too_large(attachment, limit)
    where = await _where(connection, attachment, limit)
    if Path(where).is_absolute():
        yield await asyncio.to_thread(_kept, where, local, attachment, limit)
        return
    async with temporary_file() as path:
        await _fetch(connection, where, path, attachment, limit)
        yield path


async def _where(connection: Connection, attachment: Attachment, limit: int) -> str:
    """The path that Telegram gives: below its address for files, or on a server's own disk."""
    try:
        # The SDK's own method makes an address of every path that is no file on this machine.
        file: Mapping[str, Any] = await connection.bot.do_api_request(
            "get_File", api_kwargs={"file_id": attachment.ref}
        )
    except BadRequest as error:
        if "too big" in error.message.lower():
            raise too_large(attachment, min(limit, BOT_LIMIT)) from error
        raise lost(attachment) from error
    except TelegramError as error:
        raise NotDelivered(detail=error.message) from error
    if int(file.get("file_size") or 0) > limit:
        raise too_large(attachment, limit)
    path = file.get("file_path")
    if not path:
        raise lost(attachment)
    return str(path)


def _kept(where: str, local: Path | None, attachment: Attachment, limit: int) -> Path:
    """A file on the server's disk. Nothing outside of the folder that we were given is read,
    whatever the server says and wherever links lead.
    """
    if local is None:
        raise BadText(
            reason=tr(
                "The Bot API server here keeps files to itself. The operator has to set "
                "TELEGRAM_LOCAL_FILES to the folder where it keeps them."
            )
        )
    try:
        path = Path(where).resolve(strict=True)
        inside = path.is_relative_to(local.resolve(strict=True)) and path.is_file()
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise lost(attachment) from error
    if not inside:
        raise lost(attachment)
    if size > limit:
        raise too_large(attachment, limit)
    return path


async def _fetch(
    connection: Connection, where: str, path: Path, attachment: Attachment, limit: int
) -> None:
    url = f"{connection.bot.base_file_url}/{where}"
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
