"""What a command is about: a reply of the avatar, or files."""

from avatar.records import Attachment, Message, Role
from avatar.stores import Store
from bot.request import Request


def sent_files(request: Request) -> tuple[Attachment, ...]:
    """The files that came with a command, and those of the message that it answers."""
    answered = request.incoming.reply_to
    return (*request.incoming.attachments, *(answered.attachments if answered else ()))


async def meant_reply(store: Store, request: Request) -> Message | None:
    """The one that the command answers; else the newest (a slash command on Discord and a line in
    the terminal cannot answer a message). None: we have no record of it.
    """
    answered = request.incoming.reply_to
    if answered is not None:
        return await store.find_message(request.incoming.address, answered.message_id)
    return await store.newest(request.chat.id, Role.ASSISTANT)
