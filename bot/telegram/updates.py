"""From an update of Telegram's to `Incoming`: pure, and None for what is not meant for the bot."""

import re
from collections.abc import Mapping
from datetime import datetime

from telegram import (
    Chat,
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
)
from telegram.constants import ChatType

from avatar.accounts import Way
from avatar.incoming import DRAFT, Incoming, Reaction, RepliedTo
from avatar.records import Address, Attachment, Author
from bot.telegram.places import author_of, speaker_of

# What `incoming` reads. The last one is of Bot API 10.3, which the SDK does not know yet.
ALLOWED_UPDATES = (
    "message",
    "edited_message",
    "message_reaction",
    "callback_query",
    "stopped_message_generation",
)

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]+))?(?=\s|\Z)")
# Content without text and without a file; it is handed on by a word.
_BARE_KINDS = ("venue", "location", "contact", "poll", "dice", "game", "story", "checklist")
_UP, _DOWN = "👍", "👎"


def incoming(update: Update, *, bot_id: int, bot_username: str, now: datetime) -> Incoming | None:
    """What somebody said to the bot. `now` is the time of presses: Telegram does not tell theirs.

    None for everything else: channels, other bots, commands for other bots, service messages but
    for the one that a group has moved. In groups, what does not address the bot by a command, its
    name or a reply to it is marked so.
    """
    if update.message is not None:
        if update.message.migrate_from_chat_id is not None:
            return _moved(update, update.message, update.message.migrate_from_chat_id, bot_id)
        return _Reader(update, bot_id, bot_username).message(update.message)
    if (edited := update.edited_message) is not None:
        # A live location "edits" its message with every step; only words can be said anew.
        if not (edited.text or edited.caption):
            return None
        return _Reader(update, bot_id, bot_username).message(edited, edited=True)
    if update.message_reaction is not None:
        return _reaction(update, update.message_reaction, bot_id)
    if update.callback_query is not None:
        return _press(update, bot_id, now)
    stopped = update.api_kwargs.get("stopped_message_generation")
    if isinstance(stopped, Mapping):
        return _stopped(update, stopped, bot_id, now)
    return None


class _Reader:
    """Reads messages for one bot."""

    def __init__(self, update: Update, bot_id: int, bot_username: str) -> None:
        self._update_id = update.update_id
        self._bot_id = bot_id
        self._mention = f"@{bot_username}".lower()

    def message(self, message: Message, *, edited: bool = False) -> Incoming | None:
        user, author = message.from_user, speaker_of(message)
        if author is None or message.is_automatic_forward:
            return None
        if message.sender_chat is None and user is not None and user.is_bot:
            return None
        private = message.chat.type == ChatType.PRIVATE
        text, attachments = message.text or message.caption or "", _attachments(message)
        if not text and not attachments:
            return None
        forwarded = _forwarded(message)
        command = _COMMAND.match(text) if forwarded is None else None
        if command is not None and command[2] is not None:
            if f"@{command[2]}".lower() != self._mention:
                return None
            text = f"/{command[1]}{text[command.end() :]}"
        answered, addressed = self._answered(message), True
        if not private:
            spoken_to = command is not None or (answered is not None and answered.from_us)
            text, mentioned = self._without_mention(message, text, command)
            addressed = spoken_to or mentioned
        return Incoming(
            update_id=str(self._update_id),
            address=_address(message.chat, message, self._bot_id),
            author=author,
            message_id=str(message.message_id),
            sent_at=message.date,
            text=text,
            attachments=attachments,
            reply_to=answered,
            private=private,
            addressed=addressed,
            forwarded=forwarded,
            album=message.media_group_id or "",
            edited=edited,
        )

    def _answered(self, message: Message) -> RepliedTo | None:
        answered = message.reply_to_message
        quote = message.quote.text if message.quote is not None else ""
        if answered is None and message.external_reply is not None and quote:
            # Something of another chat: there is no more of it than the part that is quoted.
            speaker = _origin(message.external_reply.origin)
            author = Author(platform="telegram", external_id="", name=speaker)
            return RepliedTo(message_id="", author=author if speaker else None, quote=quote)
        if answered is None or (
            # In a topic every message "answers" the service message that opened the topic.
            message.is_topic_message and answered.message_id == message.message_thread_id
        ):
            return None
        user = answered.from_user
        return RepliedTo(
            message_id=str(answered.message_id),
            text=answered.text or answered.caption or "",
            attachments=_attachments(answered),
            author=speaker_of(answered),
            from_us=user is not None and user.id == self._bot_id,
            quote=quote,
        )

    def _without_mention(
        self, message: Message, text: str, command: re.Match[str] | None
    ) -> tuple[str, bool]:
        """The text without the bot's name, and whether that was in it."""
        if command is not None:
            return text, False
        found = [
            (entity, said)
            for entity, said in {
                **message.parse_entities(),
                **message.parse_caption_entities(),
            }.items()
            if (entity.type == MessageEntity.MENTION and said.lower() == self._mention)
            or (entity.user is not None and entity.user.id == self._bot_id)
        ]
        encoded = text.encode("utf-16-le")
        for entity, _ in sorted(found, key=lambda pair: -pair[0].offset):
            before = encoded[: entity.offset * 2].decode("utf-16-le")
            after = encoded[(entity.offset + entity.length) * 2 :].decode("utf-16-le")
            if not before or before[-1].isspace():
                after = after.lstrip(" ,:") if not before else after.lstrip(" ")
            encoded = (before + after).encode("utf-16-le")
        return encoded.decode("utf-16-le").strip() if found else text, bool(found)


def _moved(update: Update, message: Message, was: int, bot_id: int) -> Incoming:
    """A group became a supergroup, with another number. Telegram says so in both of them; here it
    stands before all that is said in the new one.
    """
    chat, user = message.chat, message.from_user
    nobody = Author(platform="telegram", external_id=str(chat.id), name=chat.title or "")
    return Incoming(
        update_id=str(update.update_id),
        address=_address(chat, None, bot_id),
        author=nobody if user is None else author_of(user),
        message_id=str(message.message_id),
        sent_at=message.date,
        private=False,
        way=Way.MOVED,
        facts={"was": str(was)},
    )


def _press(update: Update, bot_id: int, now: datetime) -> Incoming | None:
    query = update.callback_query
    if query is None or query.data is None or query.message is None or query.from_user.is_bot:
        return None
    shown = query.message if isinstance(query.message, Message) else None
    return Incoming(
        update_id=str(update.update_id),
        address=_address(query.message.chat, shown, bot_id),
        author=author_of(query.from_user),
        message_id=str(query.message.message_id),
        sent_at=now,
        action=query.data,
        private=query.message.chat.type == ChatType.PRIVATE,
    )


def _reaction(update: Update, changed: MessageReactionUpdated, bot_id: int) -> Incoming | None:
    """A thumb that came or went; None: another reaction, or somebody who is not named."""
    if changed.user is None or changed.user.is_bot:
        return None
    old, new = (
        {each.emoji for each in reactions if isinstance(each, ReactionTypeEmoji)}
        for reactions in (changed.old_reaction, changed.new_reaction)
    )
    came, went = new - old, old - new
    if _DOWN in came:
        reaction = Reaction.DOWN
    elif _UP in came:
        reaction = Reaction.UP
    elif _UP in went:
        reaction = Reaction.UP_GONE
    elif _DOWN in went:
        reaction = Reaction.DOWN_GONE
    else:
        return None
    return Incoming(
        update_id=str(update.update_id),
        address=_address(changed.chat, None, bot_id),
        author=author_of(changed.user),
        message_id=str(changed.message_id),
        sent_at=changed.date,
        private=changed.chat.type == ChatType.PRIVATE,
        reaction=reaction,
    )


def _forwarded(message: Message) -> str | None:
    """Whose words they are ("": that is not told); None: the person's own."""
    return None if message.forward_origin is None else _origin(message.forward_origin)


def _origin(origin: object) -> str:
    match origin:
        case MessageOriginUser():
            return origin.sender_user.full_name
        case MessageOriginHiddenUser():
            return origin.sender_user_name
        case MessageOriginChat():
            return origin.sender_chat.title or ""
        case MessageOriginChannel():
            return origin.chat.title or ""
        case _:
            return ""


def _stopped(
    update: Update, stopped: Mapping[str, object], bot_id: int, now: datetime
) -> Incoming | None:
    """The press of the stop button that Telegram shows under a draft: said like /stop."""
    chat = stopped.get("chat")
    if not isinstance(chat, Mapping) or not isinstance(chat.get("id"), int):
        return None
    names = (chat.get("first_name"), chat.get("last_name"))
    name = " ".join(part for part in names if isinstance(part, str))
    thread = stopped.get("message_thread_id")
    id_ = str(chat["id"])
    return Incoming(
        update_id=str(update.update_id),
        address=Address(
            platform="telegram",
            chat=id_,
            thread="" if thread is None else str(thread),
            bot=str(bot_id),
        ),
        author=Author(platform="telegram", external_id=id_, name=name or id_),
        message_id=str(stopped.get("draft_id", "")),
        sent_at=now,
        text="/stop",
        facts={DRAFT: str(stopped.get("draft_id", ""))},
    )


def _address(chat: Chat, message: Message | None, bot_id: int) -> Address:
    in_topic = message is not None and message.is_topic_message
    thread = message.message_thread_id if message is not None and in_topic else None
    return Address(
        platform="telegram",
        chat=str(chat.id),
        thread="" if thread is None else str(thread),
        bot=str(bot_id),
    )


def _attachments(message: Message) -> tuple[Attachment, ...]:
    """The file of a message (Telegram has one a message), or the mark of what is no file."""
    if message.photo:
        largest = message.photo[-1]
        return (_attachment(largest.file_id, "photo.jpg", largest.file_size, "photo"),)
    if (document := message.document) is not None and message.animation is None:
        name = document.file_name or "document"
        return (_attachment(document.file_id, name, document.file_size, "document"),)
    for kind, media in (
        ("voice", message.voice),
        ("audio", message.audio),
        ("video", message.video),
        ("video_note", message.video_note),
        ("animation", message.animation),
    ):
        if media is not None:
            return (_attachment(media.file_id, kind, media.file_size, kind),)
    if (sticker := message.sticker) is not None:
        name = sticker.emoji or "sticker"
        return (_attachment(sticker.file_id, name, sticker.file_size, "sticker"),)
    for kind in _BARE_KINDS:
        if getattr(message, kind) is not None:
            return (_attachment("", _word(message, kind), None, kind),)
    return ()


def _word(message: Message, kind: str) -> str:
    """What there is to say of something that is no file. A contact's number is left out: it is
    nobody's business but theirs.
    """
    if kind == "venue" and message.venue is not None:
        return message.venue.title
    if kind == "location" and message.location is not None:
        return f"{message.location.latitude:.5g}, {message.location.longitude:.6g}"
    if kind == "contact" and (contact := message.contact) is not None:
        return " ".join(filter(None, (contact.first_name, contact.last_name)))
    if kind == "poll" and message.poll is not None:
        return message.poll.question
    if kind == "dice" and message.dice is not None:
        return f"{message.dice.emoji} {message.dice.value}"
    return kind


def _attachment(ref: str, name: str, size: int | None, kind: str) -> Attachment:
    return Attachment(ref=ref, name=name, size=size, kind=kind)
