"""Replies where nothing but the avatar's words belongs: no buttons, no marks, no commands."""

import asyncio
from functools import partial

from avatar.saying import PICTURE, together, words
from avatar.stores import Part
from bot.handlers.desk import Desk
from bot.pictures import data_urls
from bot.request import Request
from bot.screen import Content, Speaker
from bot.watch import ReplyWatch


async def plain_reply(
    desk: Desk, request: Request, *, stop: asyncio.Event, rider: str = ""
) -> None:
    """Answer what was said, as it was said: a command is talk like any other. Raises what
    `Conversation.reply` raises, and DeliveryError.
    """
    incoming = request.incoming
    texts = [words(part) for part in request.parts]
    if not (said := together(texts)):
        return
    pictures = [file for part in request.parts for file in part.attachments if file.kind == PICTURE]
    sight = request.messenger.open_sight(
        incoming.address,
        reply_to=request.parts[-1].message_id,
        private=False,
        speaker=Speaker.of(request.avatar),
    )
    watch = ReplyWatch(
        desk.meter,
        platform=incoming.address.platform,
        since=request.received_at,
        clock=desk.clock,
    )
    try:
        reply = await desk.conversation.reply(
            chat_id=request.chat.id,
            person=request.person,
            text=said,
            said_at=incoming.sent_at,
            inbox_id=request.inbox_id,
            again=request.again,
            show=watch.seen(sight.show),
            stop=stop,
            parts=[
                Part(platform_id=part.message_id, text=text if len(texts) > 1 else None)
                for part, text in zip(request.parts, texts, strict=True)
            ],
            pictures=partial(data_urls, request.messenger, incoming.address, pictures)
            if pictures
            else None,
            wordless=not any(part.text.strip() for part in request.parts),
            rider=rider,
        )
        ids = await sight.finish(Content(text=reply.text)) if reply.text else ()
        watch.over(reply.finish)
    finally:
        await sight.close()
    if reply.message is not None:
        await desk.store.shown_as(reply.message.id, address=incoming.address, platform_ids=ids)
