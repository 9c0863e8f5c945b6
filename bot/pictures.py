"""Pictures that people sent, as a model takes them."""

import asyncio
import base64
from collections.abc import Sequence

from avatar.errors import BadText
from avatar.language import tr
from avatar.records import Address, Attachment
from bot.downloads import content_of
from bot.screen import Messenger

LARGEST = 5_000_000  # bytes of one
ALTOGETHER = 15_000_000  # bytes of those of one turn
MOST = 10  # as many as an album has
# How files begin that models see.
_KINDS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


async def data_urls(
    messenger: Messenger, address: Address, pictures: Sequence[Attachment]
) -> tuple[str, ...]:
    """Fetch pictures as data: URLs. Raises BadText for what is too large, too many or no picture,
    and NotDelivered.
    """
    if len(pictures) > MOST:
        raise BadText(
            reason=tr("I look at up to {most} pictures at once. Please send fewer.", most=MOST)
        )
    urls, size = [], 0
    for picture in pictures:
        content = await content_of(messenger, address, picture, limit=LARGEST)
        size += len(content)
        if size > ALTOGETHER:
            raise BadText(reason=tr("These pictures are too large together. Please send fewer."))
        urls.append(await asyncio.to_thread(data_url, content))
    return tuple(urls)


def data_url(content: bytes) -> str:
    """A picture as a data: URL. Raises BadText for what is none."""
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    if kind is None:
        raise BadText(
            reason=tr(
                "That is no picture that I can look at. Please send a JPEG, PNG, GIF or WebP."
            )
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
