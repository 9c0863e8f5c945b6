"""Which version a command names."""

from avatar.errors import BadText
from avatar.records import Version
from avatar.versions import parse_number
from bot.handlers.desk import Desk
from bot.request import Request


async def named_version(desk: Desk, request: Request, *, missing: str) -> Version:
    """The version whose number is all that was typed behind the command; `missing` is said where
    it is not. Raises BadText, BadNumber, VersionNotFound, VersionDeleted.
    """
    words = request.rest.split()
    if len(words) != 1:
        raise BadText(reason=missing)
    return await desk.learning_path.find(request.avatar.id, parse_number(words[0]))
