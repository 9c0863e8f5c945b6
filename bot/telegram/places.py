"""People and chats of Telegram as they are named here, and what the number of a chat tells."""

from telegram import Message, User

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


def speaker_of(message: Message) -> Author | None:
    """Who says a message; None: nobody is told. Who runs a group can stay unnamed in it, and people
    can speak for their channels: Telegram tells of a chat then, and names a bot for the person.
    """
    if (chat := message.sender_chat) is not None:
        return Author(
            platform="telegram", external_id=str(chat.id), name=chat.title or str(chat.id)
        )
    return None if message.from_user is None else author_of(message.from_user)


def chat_of(number: int, *, bot: int | str) -> Address:
    """A chat as a whole: somebody's own with a bot, if it has their number."""
    return Address(platform="telegram", chat=str(number), bot=str(bot))
