"""An avatar that answers in its owner's own chats."""

from avatar.accounts import HONESTY, Account, Hours
from avatar.records import Avatar
from bot.screen import Content
from bot.wording import block, escape

_USAGE = (
    "/away off and /away on; /away 22:00-07:00 +8 for hours (with your distance from UTC) and "
    "/away always; /away strangers for those only whom you never wrote to since, and /away all. "
    "Where you write yourself it is silent for an hour. /honesty is how it says that it is no "
    "human."
)


def how_to_connect(avatar: Avatar) -> Content:
    """For /away before the bot is connected."""
    return Content(
        text=f"**{escape(avatar.name)}** can answer for you in your own chats. Connect this bot "
        "with your account: Telegram's Settings, Chat Automation (or Telegram Business, Chatbots), "
        "write the bot's name there, choose the chats, and let it reply. I tell you here when that "
        "worked."
    )


def connected(avatar: Avatar, account: Account) -> Content:
    """After the bot was connected."""
    if not account.can_reply:
        return Content(
            text="I am connected with your account, but may not reply there: allow it in "
            "Telegram's Settings, where you connected me."
        )
    return Content(
        text=f"**{escape(avatar.name)}** answers for you now, in the chats that you chose in "
        f"Telegram. Nothing is managed there: commands are plain talk.\n\n{_USAGE}"
    )


def disconnected() -> Content:
    """After the bot was taken away again."""
    return Content(text="I am not connected with your account any more and answer nobody for you.")


def not_yours() -> Content:
    """For somebody who connected the bot and owns no avatar here."""
    return Content(
        text="I answer nobody for you: only owners of an avatar can have it answer in their chats. "
        "Talk to an avatar that you own here (/avatars) and connect me again."
    )


def state(avatar: Avatar, account: Account) -> Content:
    """For /away, and after a change."""
    name = escape(avatar.name)
    if not account.enabled:
        head = "This bot is not connected with your account right now."
    elif not account.can_reply:
        head = "This bot may not reply in your chats: allow it in Telegram's Settings."
    elif not account.away:
        head = f"You are here: **{name}** answers nobody for you."
    else:
        when = "always" if account.hours is None else f"from {_hours(account.hours)}"
        who = "those you never wrote to since" if account.strangers_only else "everybody"
        head = f"You are away: **{name}** answers {who} for you, {when}."
    return Content(text=f"{head}\n\n{_USAGE}")


def _hours(hours: Hours) -> str:
    zone = ""
    if hours.zone:
        whole, rest = divmod(abs(hours.zone), 60)
        zone = f"{'+' if hours.zone > 0 else '-'}{whole}" + (f":{rest:02}" if rest else "")
    clock = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.begins, hours.ends))
    return f"{' to '.join(clock)} UTC{zone}"


def honesty(account: Account) -> Content:
    """For /honesty, and after a change."""
    return Content(
        text="In your chats this is said to the model behind the prompt:\n\n"
        f"{block(account.honesty or HONESTY)}\n\n/honesty TEXT words it anew, /honesty usual takes "
        "the usual words. It cannot be left out."
    )
