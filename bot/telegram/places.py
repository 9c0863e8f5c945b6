"""People and chats of Telegram as they are named here, and what the number of a chat tells."""

from telegram import User

from avatar.records import Address, Author

_SUPERGROUPS = -1_000_000_000_000


def is_group(chat: str) -> bool:
    """Groups and channels have negative numbers, people positive ones."""
    return chat.startswith("-")


def has_numbers_of_its_own(chat: int) -> bool:
    """Whether the messages of a chat are numbered for themselves: those of supergroups and
    channels are; a bot's private chats and small groups share one sequence.
    """
    return chat < _SUPERGROUPS


def author_of(user: User) -> Author:
    """Who says something."""
    return Author(platform="telegram", external_id=str(user.id), name=user.full_name)


def chat_of(number: int, *, bot: int | str) -> Address:
    """A chat as a whole: somebody's own with a bot, if it has their number."""
    return Address(platform="telegram", chat=str(number), bot=str(bot))
