"""What the number of a chat tells."""

_SUPERGROUPS = -1_000_000_000_000


def is_group(chat: str) -> bool:
    """Groups and channels have negative numbers, people positive ones."""
    return chat.startswith("-")


def has_numbers_of_its_own(chat: int) -> bool:
    """Whether the messages of a chat are numbered for themselves: those of supergroups and
    channels are; a bot's private chats and small groups share one sequence.
    """
    return chat < _SUPERGROUPS
