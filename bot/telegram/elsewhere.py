"""From updates that are no message to the bot, to `Incoming`: bots that were made, people who let
the bot answer in their own chats, what is said there, and calls from chats that it is not in.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from telegram import (
    BusinessConnection,
    BusinessMessagesDeleted,
    ManagedBotUpdated,
    Message,
    Update,
)

from avatar.accounts import Way
from avatar.incoming import Incoming
from avatar.records import Author
from bot.telegram.places import author_of, chat_of
from bot.telegram.threads import GUEST, account_thread

# Names of updates that are read here.
ELSEWHERE_UPDATES = (
    "managed_bot",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
)

# Reads an update with a message, as one that was said to the bot.
Read = Callable[[Update], Incoming | None]


def elsewhere(update: Update, read: Read, *, bot_id: int, now: datetime) -> Incoming | None:
    """None for every other update, and for what nobody said: the bot's own words come back to it
    when they were said in somebody's name.
    """
    if update.business_message is not None:
        return _in_account(update, update.business_message, read)
    if update.edited_business_message is not None:
        return _edited(update, update.edited_business_message, read)
    if update.deleted_business_messages is not None:
        return _deleted(update, update.deleted_business_messages, bot_id, now)
    if update.guest_message is not None:
        return _guest(update, update.guest_message, read)
    if update.business_connection is not None:
        return _connection(update, update.business_connection, bot_id)
    if update.managed_bot is not None:
        return _own_bot(update, update.managed_bot, bot_id, now)
    return None


def _in_account(update: Update, message: Message, read: Read) -> Incoming | None:
    # What was scheduled, or is sent by Telegram while its owner is offline, tells nothing of them.
    if message.sender_business_bot is not None or message.is_from_offline:
        return None
    said = read(Update(update.update_id, message=message))
    connection = message.business_connection_id
    if said is None or connection is None:
        return None
    return replace(
        said,
        address=replace(said.address, thread=account_thread(connection)),
        private=False,
        way=Way.ACCOUNT,
        facts={
            "connection": connection,
            # A chat of two has the number of the one whose account it is not.
            "by": "other" if said.author.external_id == said.address.chat else "owner",
        },
    )


def _edited(update: Update, message: Message, read: Read) -> Incoming | None:
    # A live location "edits" its message with every step.
    if not (message.text or message.caption):
        return None
    said = _in_account(update, message, read)
    return said and replace(said, edited=True, sent_at=message.edit_date or message.date)


def _deleted(
    update: Update, deleted: BusinessMessagesDeleted, bot_id: int, now: datetime
) -> Incoming:
    """Who deleted them is not told; the chat is that with the other person."""
    chat = deleted.chat
    at = chat_of(chat.id, bot=bot_id)
    return Incoming(
        update_id=str(update.update_id),
        address=replace(at, thread=account_thread(deleted.business_connection_id)),
        author=Author(platform="telegram", external_id=str(chat.id), name=chat.full_name or ""),
        message_id="",
        sent_at=now,
        private=False,
        way=Way.DELETED,
        facts={"messages": " ".join(map(str, deleted.message_ids))},
    )


def _guest(update: Update, message: Message, read: Read) -> Incoming | None:
    said = read(Update(update.update_id, message=message))
    if said is None or message.guest_query_id is None:
        return None
    return replace(
        said,
        address=replace(said.address, thread=GUEST),
        message_id=message.guest_query_id,  # what is answered, and the only thing that can be
        private=False,
        way=Way.GUEST,
    )


def _connection(update: Update, connection: BusinessConnection, bot_id: int) -> Incoming:
    rights = connection.rights
    return Incoming(
        update_id=str(update.update_id),
        address=chat_of(connection.user_chat_id, bot=bot_id),
        author=author_of(connection.user),
        message_id="",
        sent_at=connection.date,
        way=Way.CONNECTION,
        facts={
            "connection": connection.id,
            "enabled": "yes" if connection.is_enabled else "",
            "can_reply": "yes" if rights is not None and rights.can_reply else "",
        },
    )


def _own_bot(update: Update, updated: ManagedBotUpdated, bot_id: int, now: datetime) -> Incoming:
    return Incoming(
        update_id=str(update.update_id),
        address=chat_of(updated.user.id, bot=bot_id),
        author=author_of(updated.user),
        message_id="",
        sent_at=now,
        way=Way.OWN_BOT,
        facts={
            "bot": str(updated.bot.id),
            "username": updated.bot.username or "",
            "name": updated.bot.first_name,
        },
    )
