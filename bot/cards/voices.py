"""What is said about answers by voice."""

from collections.abc import Sequence

from avatar.errors import AvatarError
from avatar.language import tr
from avatar.records import Avatar
from bot.screen import Content
from bot.wording import code as inline
from bot.wording import escape


def voice(avatar: Avatar, chosen: str | None, *, voices: Sequence[str]) -> Content:
    """For /voice."""
    name = escape(avatar.name)
    if chosen is None:
        text = tr(
            "{name} answers in writing. /voice on makes it answer voice messages by voice, too.",
            name=name,
        )
    else:
        text = tr(
            "{name} answers voice messages by voice ({voice}), with the text along. /voice off "
            "ends that.",
            name=name,
            voice=inline(chosen),
        )
    if voices:
        text += "\n\n" + tr("Voices: {voices}.", voices=escape(", ".join(voices)))
    return Content(text=text)


def not_spoken(error: AvatarError) -> Content:
    """Behind an answer in writing that should have been spoken, too."""
    return Content(text=tr("_(It could not be spoken.)_ {why}", why=escape(error.sentence)))
