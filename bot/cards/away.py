"""An avatar that answers in its owner's own chats."""

from avatar.accounts import HONESTY, Account, Hours
from avatar.language import tr
from avatar.records import Avatar
from bot.screen import Content
from bot.wording import block, escape


def _usage() -> str:
    return tr(
        "/away off and /away on; /away 22:00-07:00 +8 for hours (with your distance from UTC) and "
        "/away always; /away strangers for those only whom you never wrote to since, and /away "
        "all. Where you write yourself it is silent for an hour. /honesty is how it says that it "
        "is no human."
    )


def how_to_connect(avatar: Avatar) -> Content:
    """For /away before the bot is connected."""
    return Content(
        text=tr(
            "**{name}** can answer for you in your own chats. Connect this bot with your account: "
            "Telegram's Settings, Chat Automation (or Telegram Business, Chatbots), write the "
            "bot's name there, choose the chats, and let it reply. I tell you here when that "
            "worked.",
            name=escape(avatar.name),
        )
    )


def connected(avatar: Avatar, account: Account) -> Content:
    """After the bot was connected."""
    if not account.can_reply:
        return Content(
            text=tr(
                "I am connected with your account, but may not reply there: allow it in "
                "Telegram's Settings, where you connected me."
            )
        )
    answers = tr(
        "**{name}** answers for you now, in the chats that you chose in Telegram. Nothing is "
        "managed there: commands are plain talk.",
        name=escape(avatar.name),
    )
    return Content(text=f"{answers}\n\n{_usage()}")


def disconnected() -> Content:
    """After the bot was taken away again."""
    return Content(
        text=tr("I am not connected with your account any more and answer nobody for you.")
    )


def not_yours() -> Content:
    """For somebody who connected the bot and owns no avatar here."""
    return Content(
        text=tr(
            "I answer nobody for you: only owners of an avatar can have it answer in their chats. "
            "Talk to an avatar that you own here (/avatars) and connect me again."
        )
    )


def state(avatar: Avatar, account: Account) -> Content:
    """For /away, and after a change."""
    name = escape(avatar.name)
    if not account.enabled:
        head = tr("This bot is not connected with your account right now.")
    elif not account.can_reply:
        head = tr("This bot may not reply in your chats: allow it in Telegram's Settings.")
    elif not account.away:
        head = tr("You are here: **{name}** answers nobody for you.", name=name)
    elif account.strangers_only:
        head = tr(
            "You are away: **{name}** answers those you never wrote to since for you, {when}.",
            name=name,
            when=_when(account.hours),
        )
    else:
        head = tr(
            "You are away: **{name}** answers everybody for you, {when}.",
            name=name,
            when=_when(account.hours),
        )
    return Content(text=f"{head}\n\n{_usage()}")


def _when(hours: Hours | None) -> str:
    if hours is None:
        return tr("always")
    zone = ""
    if hours.zone:
        whole, rest = divmod(abs(hours.zone), 60)
        zone = f"{'+' if hours.zone > 0 else '-'}{whole}" + (f":{rest:02}" if rest else "")
    begins, ends = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.begins, hours.ends))
    return tr("from {begins} to {ends} UTC{zone}", begins=begins, ends=ends, zone=zone)


def honesty(account: Account) -> Content:
    """For /honesty, and after a change."""
    return Content(
        text=tr(
            "In your chats this is said to the model behind the prompt:\n\n{words}\n\n/honesty "
            "TEXT words it anew, /honesty usual takes the usual words. It cannot be left out.",
            words=block(account.honesty or HONESTY),
        )
    )
