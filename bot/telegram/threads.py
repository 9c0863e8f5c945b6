"""What an address of Telegram means beyond a chat and a topic of it.

The chat of two people that a bot answers for one of them has the number of the other one, as has
their own chat with the bot; a chat that a bot is called into may be one that it knows otherwise. So
that none of these is taken for another, it is marked in the address's thread.
"""

from avatar.records import Address

GUEST = "guest"
_ACCOUNT = "account:"


def account_thread(connection: str) -> str:
    """The thread of addresses in the chats of an account that the bot is connected with."""
    return _ACCOUNT + connection


def connection_of(address: Address) -> str | None:
    """The connection through which such a chat is written to; None: it is none of these."""
    return address.thread.removeprefix(_ACCOUNT) if address.thread.startswith(_ACCOUNT) else None


def topic_of(address: Address) -> int | None:
    """The topic of a group."""
    return int(address.thread) if address.thread.isdecimal() else None
