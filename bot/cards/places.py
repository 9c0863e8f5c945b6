"""Groups and servers: who speaks there, how much and when."""

from avatar.quiet import USAGE as QUIET_USAGE
from avatar.records import Avatar, Chat
from bot.overhearing import MOST_PERCENT
from bot.screen import Content
from bot.wording import code, escape

TALKATIVE_USAGE = (
    "Say off, sometimes, often, or of how many messages in a hundred it may answer one, up to "
    f"{MOST_PERCENT}: /talkative 5"
)
MANAGERS_USAGE = "Name the role: /managers @Role, or /managers off."
_DEAF = {
    "telegram": (
        " But Telegram does not show me what is said to nobody in particular here: switch my "
        "privacy mode off at @BotFather (/setprivacy) and add me anew, or make me an administrator."
    ),
    "discord": (
        " But Discord does not show me what is said to nobody in particular: the operator has to "
        "switch on the message content intent in the Developer Portal."
    ),
}


def speaks(avatar: Avatar | None, chat: Chat) -> Content:
    """Who speaks here, and how."""
    if avatar is None:
        return Content(text="No avatar speaks here yet. Choose one: /avatar NAME")
    talks = (
        f"when it is named or answered, and unasked to {chat.talkative} % of the rest"
        if chat.talkative
        else "only when it is named, answered, or asked by a command"
    )
    quiet = f", but not from {escape(chat.quiet)}" if chat.quiet else ""
    return Content(
        text=f"**{escape(avatar.name)}** speaks here: {talks}{quiet}. What was said to it "
        "elsewhere is not known here. /talkative and /quiet change the rest."
    )


def talkative(percent: int, *, hears_all: bool, platform: str) -> Content:
    """How much is said unasked."""
    if not percent:
        return Content(text=f"The avatar speaks here only when it is asked. {TALKATIVE_USAGE}")
    text = (
        f"The avatar may answer about {percent} % of what is said here to nobody in particular: "
        "only the newest message, and never twice in a row."
    )
    return Content(text=text if hears_all else text + _DEAF.get(platform, ""))


def quiet(hours: str) -> Content:
    """When nothing is said."""
    if not hours:
        return Content(text=f"There are no quiet hours here. {escape(QUIET_USAGE)}")
    return Content(
        text=f"Quiet from {escape(hours)}: the avatar does not speak here then, also not when it "
        "is asked. Commands work. /quiet off ends it."
    )


def managers(role: str) -> Content:
    """Who may choose, besides those who manage the server."""
    if not role:
        return Content(
            text="Only people who may manage this server choose who speaks in it. "
            + escape(MANAGERS_USAGE)
        )
    return Content(
        text=f"People with the role {code(role)} choose who speaks here, too, by /avatar, "
        "/talkative and /quiet. /managers off ends it."
    )
