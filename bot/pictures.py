"""Pictures that people sent, as a model takes them."""

import asyncio
from collections.abc import Sequence

from avatar.errors import BadText
from avatar.language import tr
from avatar.pictures import data_url
from avatar.records import Address, Attachment
from bot.downloads import content_of
from bot.screen import Messenger

LARGEST = 5_000_000  # bytes of one
ALTOGETHER = 15_000_000  # bytes of those of one turn
MOST = 10  # as many as an album has


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
