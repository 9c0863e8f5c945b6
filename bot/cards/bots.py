"""An avatar's own bot: what is said of it, and what it says of itself."""

from avatar.accounts import OwnBot
from avatar.language import noted, tr
from avatar.records import Avatar
from bot.actions import Verb, code
from bot.screen import BotWish, Button, Content, Style
from bot.wording import escape, shortened

# What is written down of a bot's trouble is in English, and said in the reader's language.
SEALED = noted(
    "Its token cannot be read with the key of this installation. The operator has to check "
    "SECRET_KEY."
)
REFUSED = noted(
    "Telegram does not accept its token any more and gives no other one. If its owner deleted it "
    "in @BotFather, nothing more can be done with it here."
)
_NAME, _DESCRIPTION, _SHORT = 64, 512, 120  # characters, Telegram's limits
_USERNAME = 32


def wish(avatar: Avatar) -> BotWish:
    """The button that makes a bot for an avatar."""
    base = avatar.slug.replace("-", "_")[: _USERNAME - 4].strip("_") or "avatar"
    name = shortened(avatar.name, _NAME)
    return BotWish(
        label=tr("Make a bot for {name}", name=shortened(avatar.name, 40)),
        name=name,
        username=f"{base}_bot",
    )


def description(avatar: Avatar) -> str:
    """What stands in an empty chat with the bot."""
    return shortened(
        tr(
            "This is {name}, an avatar: a model answers here, not a person. Write something to "
            "begin. /privacy says what is stored.",
            name=avatar.name,
        ),
        _DESCRIPTION,
    )


def short_description(avatar: Avatar) -> str:
    """What stands on the bot's page."""
    return shortened(
        tr("{name}, an avatar: a model answers, not a person.", name=avatar.name), _SHORT
    )


def offered(avatar: Avatar) -> str:
    """What follows a text that comes with the button of `wish`."""
    return tr(
        "{name} can have a Telegram bot of its own: tap the button below and choose its name. "
        "Whoever writes to that bot talks to this avatar.",
        name=escape(avatar.name),
    )


def offer(avatar: Avatar) -> Content:
    """For /bot where there is none yet."""
    return Content(text=offered(avatar))


def not_here(avatar: Avatar) -> Content:
    """For /bot where none can be made."""
    return Content(
        text=tr(
            "{name} has no bot of its own. One is made in the private chat with the main bot, if "
            "the operator lets that manage bots (in @BotFather: Bot Settings, Bot Management "
            "Mode).",
            name=escape(avatar.name),
        )
    )


def made(avatar: Avatar, username: str) -> Content:
    """After a bot was made."""
    return Content(
        text=tr(
            "@{bot} is the bot of **{name}** now and starts in a moment: {link}\n\n/picture gives "
            "it a face, /bot says how it does.",
            bot=escape(username),
            name=escape(avatar.name),
            link=f"https://t.me/{username}",
        )
    )


def unasked(username: str) -> Content:
    """For a bot that was made without saying for whom."""
    return Content(
        text=tr(
            "@{bot} is there, but I do not know which avatar it is for. Talk to the avatar "
            "(/avatars), write /bot, and tap the button there.",
            bot=escape(username),
        )
    )


def state(avatar: Avatar, bot: OwnBot) -> Content:
    """For /bot."""
    if bot.stopped_at is not None:
        how = tr("It is stopped: nobody is answered there.")
        button = Button(
            label=tr("Start it"), action=code(Verb.START_BOT, avatar.id), style=Style.SUCCESS
        )
    else:
        how = escape(tr(bot.trouble)) if bot.trouble else tr("It runs.")
        button = Button(
            label=tr("Stop it"), action=code(Verb.STOP_BOT, avatar.id), style=Style.DANGER
        )
    return Content(
        text=tr(
            "The bot of **{name}**: @{bot}, {link}\n\n{state} Its picture is that of /picture, if "
            "it is a JPEG.",
            name=escape(avatar.name),
            bot=escape(bot.username),
            link=f"https://t.me/{bot.username}",
            state=how,
        ),
        buttons=((button,),),
    )
