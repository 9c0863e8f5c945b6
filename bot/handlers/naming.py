"""Which version, and which person, a command names."""

from avatar.errors import BadText
from avatar.language import tr
from avatar.records import Person, Version
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


async def named_person(desk: Desk, request: Request, named: str, *, usage: str) -> Person:
    """Whom an owner means: `telegram:123`, or with nothing named the author of the message that
    they answer; `usage` is said where it is neither. Raises BadText.
    """
    words = named.split()
    if not words:
        answered = request.incoming.reply_to
        author = None if answered is None or answered.from_us else answered.author
        # A quote from another chat tells a name, and not whose it is.
        if author is None or not author.external_id:
            raise BadText(reason=usage)
        return await desk.store.person(author)
    platform, _, external_id = words[0].partition(":")
    person = await desk.store.find_person(platform.lower(), external_id)
    if person is None or len(words) > 1:
        raise BadText(
            reason=tr(
                "I do not know {person} yet. They have to write to me once; their /privacy then "
                "shows what to type here.",
                person=words[0][:80],
            )
        )
    return person
