"""What is said about the picture of an avatar."""

from avatar.language import tr
from avatar.records import Avatar
from bot.actions import Verb, code
from bot.screen import Button, Content
from bot.wording import escape


def picture(avatar: Avatar) -> Content:
    """For /picture alone."""
    name = escape(avatar.name)
    if avatar.picture is None:
        return Content(
            text=tr(
                "{name} has no picture yet. Send /picture together with a JPEG or PNG of at most 2 "
                "MB (square ones look best).",
                name=name,
            )
        )
    remove = Button(label=tr("Remove the picture"), action=code(Verb.NO_PICTURE, avatar.id))
    return Content(
        text=tr(
            "{name} has a picture. Send /picture together with a JPEG or PNG of at most 2 MB "
            "(square ones look best) for another.",
            name=name,
        ),
        buttons=((remove,),),
    )


def changed(avatar: Avatar) -> Content:
    """After another picture was taken."""
    return Content(
        text=tr(
            "This is the picture of {name} from its next reply on, in Discord channels where I may "
            "manage webhooks: there it speaks under its own name. Its own Telegram bot takes it "
            "too, if it is a JPEG.",
            name=escape(avatar.name),
        )
    )


def removed(avatar: Avatar) -> Content:
    """After it was taken away."""
    return Content(text=tr("{name} has no picture any more.", name=escape(avatar.name)))
