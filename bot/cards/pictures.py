"""What is said about the picture of an avatar."""

from avatar.records import Avatar
from bot.actions import Verb, code
from bot.screen import Button, Content
from bot.wording import escape

_HOW = "Send /picture together with a JPEG or PNG of at most 2 MB (square ones look best)"


def picture(avatar: Avatar) -> Content:
    """For /picture alone."""
    name = escape(avatar.name)
    if avatar.picture is None:
        return Content(text=f"{name} has no picture yet. {_HOW}.")
    remove = Button(label="Remove the picture", action=code(Verb.NO_PICTURE, avatar.id))
    return Content(text=f"{name} has a picture. {_HOW} for another.", buttons=((remove,),))


def changed(avatar: Avatar) -> Content:
    """After another picture was taken."""
    return Content(
        text=f"This is the picture of {escape(avatar.name)} from its next reply on, in Discord "
        "channels where I may manage webhooks: there it speaks under its own name. Its own "
        "Telegram bot takes it too, if it is a JPEG."
    )


def removed(avatar: Avatar) -> Content:
    """After it was taken away."""
    return Content(text=f"{escape(avatar.name)} has no picture any more.")
