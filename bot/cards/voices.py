"""What is said about answers by voice."""

from collections.abc import Sequence

from avatar.errors import AvatarError
from avatar.records import Avatar
from bot.screen import Content
from bot.wording import code as inline
from bot.wording import escape


def voice(avatar: Avatar, chosen: str | None, *, voices: Sequence[str]) -> Content:
    """For /voice."""
    name = escape(avatar.name)
    if chosen is None:
        text = f"{name} answers in writing. /voice on makes it answer voice messages by voice, too."
    else:
        text = (
            f"{name} answers voice messages by voice ({inline(chosen)}), with the text along. "
            "/voice off ends that."
        )
    if voices:
        text += f"\n\nVoices: {escape(', '.join(voices))}."
    return Content(text=text)


def not_spoken(error: AvatarError) -> Content:
    """Behind an answer in writing that should have been spoken, too."""
    return Content(text=f"_(It could not be spoken.)_ {escape(error.sentence)}")
