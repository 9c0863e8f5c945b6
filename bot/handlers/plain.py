"""Replies where nothing but the avatar's words belongs: no buttons, no marks, no commands."""

import asyncio

from avatar.conversation import Reply
from bot.handlers.desk import Desk
from bot.handlers.replying import Anew, Said, reply_to
from bot.request import Request
from bot.screen import Content


async def plain_reply(
    desk: Desk,
    request: Request,
    *,
    stop: asyncio.Event,
    rider: str = "",
    anew: Anew | None = None,
    cuts: bool = False,
) -> None:
    """Answer what was said, as it was said: a command is talk like any other. `anew`: it is a
    question that was changed, and the answer takes the place of the one it had. `cuts`:
    stopped, nothing more of it is said. Raises what `Conversation.reply` raises, and DeliveryError.
    """
    said, shown = (Said.of(request.parts), ()) if anew is None else (anew.said, anew.shown)
    if said.text:
        await reply_to(
            desk,
            request,
            said,
            worded=_bare,
            stop=stop,
            rider=rider,
            in_place_of=shown,
            cuts=cuts,
        )


def _bare(reply: Reply) -> Content | None:
    return Content(text=reply.text) if reply.text else None
