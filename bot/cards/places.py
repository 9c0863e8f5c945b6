"""Groups and servers: who speaks there, how much and when."""

from avatar.language import noted, tr
from avatar.quiet import USAGE as QUIET_USAGE
from avatar.records import Avatar, Chat
from bot.overhearing import MOST_PERCENT
from bot.screen import Content
from bot.wording import code, escape

_DEAF = {
    "telegram": noted(
        "But Telegram does not show me what is said to nobody in particular here: switch my "
        "privacy mode off at @BotFather (/setprivacy) and add me anew, or make me an administrator."
    ),
    "discord": noted(
        "But Discord does not show me what is said to nobody in particular: the operator has to "
        "switch on the message content intent in the Developer Portal."
    ),
}


def private_now() -> Content:
    """Said once in a group whose avatar is private and was not brought there by an owner."""
    return Content(
        text=tr(
            "The avatar of this chat is private: it answers only its owners and people with an "
            "invitation here. One of its owners can let it speak to everybody here, and whoever "
            "runs this place can choose another one: /avatar NAME"
        )
    )


def talkative_usage() -> str:
    """How /talkative is typed."""
    return tr(
        "Say off, sometimes, often, or of how many messages in a hundred it may answer one, up to "
        "{most}: /talkative 5",
        most=MOST_PERCENT,
    )


def managers_usage() -> str:
    """How /managers is typed."""
    return tr("Name the role: /managers @Role, or /managers off.")


def speaks(avatar: Avatar | None, chat: Chat) -> Content:
    """Who speaks here, and how."""
    if avatar is None:
        return Content(text=tr("No avatar speaks here yet. Choose one: /avatar NAME"))
    when = (
        tr(
            "when it is named or answered, and unasked to {percent} % of the rest",
            percent=chat.talkative,
        )
        if chat.talkative
        else tr("only when it is named, answered, or asked by a command")
    )
    if chat.quiet:
        when = tr("{when}, but not from {hours}", when=when, hours=escape(chat.quiet))
    return Content(
        text=tr(
            "**{name}** speaks here: {when}. What was said to it elsewhere is not known here. "
            "/talkative and /quiet change the rest.",
            name=escape(avatar.name),
            when=when,
        )
    )


def talkative(percent: int, *, hears_all: bool, platform: str) -> Content:
    """How much is said unasked."""
    if not percent:
        asked_only = tr("The avatar speaks here only when it is asked.")
        return Content(text=f"{asked_only} {talkative_usage()}")
    text = tr(
        "The avatar may answer about {percent} % of what is said here to nobody in particular: "
        "only the newest message, and never twice in a row.",
        percent=percent,
    )
    if not hears_all and platform in _DEAF:
        text += f" {tr(_DEAF[platform])}"
    return Content(text=text)


def quiet(hours: str) -> Content:
    """When nothing is said."""
    if not hours:
        none = tr("There are no quiet hours here.")
        return Content(text=f"{none} {escape(tr(QUIET_USAGE))}")
    return Content(
        text=tr(
            "Quiet from {hours}: the avatar does not speak here then, also not when it is asked. "
            "Commands work. /quiet off ends it.",
            hours=escape(hours),
        )
    )


def managers(role: str) -> Content:
    """Who may choose, besides those who manage the server."""
    if not role:
        managing = tr("Only people who may manage this server choose who speaks in it.")
        return Content(text=f"{managing} {escape(managers_usage())}")
    return Content(
        text=tr(
            "People with the role {role} choose who speaks here, too, by /avatar, /talkative and "
            "/quiet. /managers off ends it.",
            role=code(role),
        )
    )
