"""Telegram Desktop's JSON: one chat, or a whole account."""

from collections.abc import Iterator, Sequence
from typing import Any

from avatar.dataset.json_stream import BEGIN, walk
from avatar.dataset.reading import refused
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit
from avatar.dataset.times import moment, seconds

KINDS = frozenset(
    {
        "personal_chat",
        "bot_chat",
        "saved_messages",
        "replies",
        "verify_codes",
        "private_group",
        "private_supergroup",
        "public_supergroup",
        "private_channel",
        "public_channel",
    }
)
_LISTS = ("messages", "chats.list.item.messages", "left_chats.list.item.messages")
_CHATS = ("chats.list.item", "left_chats.list.item")
_MEDIA = (
    "photo",
    "file",
    "media_type",
    "sticker_emoji",
    "poll",
    "contact_information",
    "location_information",
)
_FORWARDS = ("forwarded_from", "forwarded_from_id", "saved_from")
_DELETED = "Deleted account"


class _Open:
    """The chat that is being read."""

    def __init__(self, chat: str) -> None:
        self.chat = chat
        self.title = ""
        self.kind = ""

    def set(self, field: str, value: Any) -> None:
        if field == "id" and isinstance(value, int | str):
            self.chat = fit(str(value))
        elif field == "name" and isinstance(value, str):
            self.title = fit(value)
        elif field == "type" and isinstance(value, str):
            self.kind = value

    def heading(self) -> Heading:
        title = self.title or ("Saved messages" if self.kind == "saved_messages" else _DELETED)
        return Heading(chat=self.chat, title=title)


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """One heading a chat and its messages. Raises BadDataset for a message without a time."""
    for source in sources:
        chat, owner, headed = _Open(source.name), "", False
        number = 0
        for path, value in walk(source, _LISTS, tick):
            if path.endswith("messages.item"):
                if not headed:
                    headed = True
                    yield chat.heading()
                number += 1
                if not isinstance(value, dict):
                    raise refused(f"{source.name}: message {number} of {chat.chat} is no message.")
                yield _said(value, chat, owner, source)
                continue
            if value is BEGIN:
                if path in _CHATS:
                    number += 1
                    chat, headed = _Open(f"{source.name} {number}"), False
                continue
            parent, _, field = path.rpartition(".")
            if path == "personal_information.user_id":
                owner = f"user{value}"
                yield Heading(owner=owner)
            elif parent == "" or parent in _CHATS:
                chat.set(field, value)
        if not headed and chat.kind:
            yield chat.heading()


def _said(message: dict[str, Any], chat: _Open, owner: str, source: Source) -> Said:
    get = message.get
    name, speaker = get("from"), get("from_id")
    if isinstance(speaker, int | float):  # as old exports have it
        speaker = f"user{speaker:.0f}"
    name = fit(name) if isinstance(name, str) else ""
    speaker = fit(speaker) if isinstance(speaker, str) else name or _DELETED
    text = get("text")
    text = fit(text if isinstance(text, str) else _plain(text))
    reply_to = get("reply_to_message_id")
    return Said(
        chat=chat.chat,
        speaker=speaker,
        name=name or _DELETED,
        at=_time(message, chat, source),
        text=text,
        id=fit(str(get("id", ""))),
        reply_to="" if reply_to is None else fit(str(reply_to)),
        drop=_drop(message, chat, owner, speaker, text),
    )


def _drop(message: dict[str, Any], chat: _Open, owner: str, speaker: str, text: str) -> Drop | None:
    if message.get("type") != "message":
        return Drop.SERVICE
    for key in _FORWARDS:  # what was forwarded from a deleted account stands there as null
        if key in message:
            return Drop.FORWARDED
    if "via_bot" in message:
        return Drop.BOT
    if chat.kind == "bot_chat" and speaker == f"user{chat.chat}" and speaker != owner:
        return Drop.BOT
    if not text:
        return Drop.MEDIA if any(key in message for key in _MEDIA) else Drop.EMPTY
    return None


def _plain(text: Any) -> str:
    """A text in pieces: texts, and objects with a text."""
    if not isinstance(text, list):
        return ""
    pieces = [piece.get("text") if isinstance(piece, dict) else piece for piece in text]
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _time(message: dict[str, Any], chat: _Open, source: Source) -> float:
    """`date_unixtime` where there is one: `date` is in the zone of who exported, without saying."""
    given = message.get("date_unixtime")
    try:
        if given is not None:
            return seconds(given)
        given = message.get("date")
        return moment(given)
    except ValueError as error:
        raise refused(
            f"{source.name}: message {message.get('id')!s:.20} of “{chat.title or chat.chat}” has "
            f"no date that can be read ({given!s:.40})."
        ) from error
