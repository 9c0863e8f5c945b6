"""Replies where nothing but the avatar's words belongs: no buttons, no marks, no commands."""

import asyncio

from avatar.conversation import Reply
from bot.handlers.desk import Desk
from bot.handlers.replying import Said, reply_to
from bot.request import Request
from bot.screen import Content


async def plain_reply(
    desk: Desk, request: Request, *, stop: asyncio.Event, rider: str = ""
) -> None:
    """Answer what was said, as it was said: a command is talk like any other. Raises what
    `Conversation.reply` raises, and DeliveryError.
    """
    said = Said.of(request.parts)
    if said.text:
        await reply_to(desk, request, said, worded=_bare, stop=stop, rider=rider)


def _bare(reply: Reply) -> Content | None:
    return Content(text=reply.text) if reply.text else None
