"""Telegram Desktop's JSON: one chat, or a whole account."""

from collections.abc import Iterator, Sequence
from typing import Any

from avatar.dataset.json_stream import BEGIN, walk
from avatar.dataset.reading import refused
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit
from avatar.dataset.times import LATEST, moment, seconds
from avatar.language import tr

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
_MESSAGES = frozenset(f"{path}.item" for path in _LISTS)
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
_DELETED = "Deleted account"


class _Open:
    """The chat that is being read."""

    def __init__(self, chat: str) -> None:
        self.chat = chat
        self.title = ""
        self.kind = ""
        self._who: dict[str, tuple[Any, tuple[str, str]]] = {}

    def set(self, field: str, value: Any) -> None:
        if field == "id" and isinstance(value, int | str):
            self.chat = fit(str(value))
        elif field == "name" and isinstance(value, str):
            self.title = fit(value)
        elif field == "type" and isinstance(value, str):
            self.kind = value

    def who(self, speaker: Any, name: Any) -> tuple[str, str]:
        """The id and the name of a speaker, as fit to be kept; the same few come all the time."""
        known = self._who.get(name) if isinstance(name, str) else None
        if known is not None and known[0] == speaker:
            return known[1]
        shown = fit(name) if isinstance(name, str) else ""
        if isinstance(speaker, int | float):  # as old exports have it
            one = f"user{speaker:.0f}"
        else:
            one = fit(speaker) if isinstance(speaker, str) else shown or _DELETED
        who = (one, shown or _DELETED)
        if isinstance(name, str):
            self._who[name] = (speaker, who)
        return who

    def heading(self) -> Heading:
        title = self.title or ("Saved messages" if self.kind == "saved_messages" else _DELETED)
        return Heading(chat=self.chat, title=title)


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """One heading a chat and its messages. Raises BadDataset for a message without a time."""
    for source in sources:
        chat, owner, headed = _Open(source.name), "", False
        number = 0
        for path, value in walk(source, _LISTS, tick):
            if path in _MESSAGES:
                if not headed:
                    headed = True
                    yield chat.heading()
                number += 1
                if not isinstance(value, dict):
                    raise refused(
                        tr(
                            "{file}: message {number} of {chat} is no message.",
                            file=source.name,
                            number=number,
                            chat=chat.chat,
                        )
                    )
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
    speaker, name = chat.who(get("from_id"), get("from"))
    text = get("text")
    text = fit(text if isinstance(text, str) else _plain(text))
    # The message that is answered may be of another chat, where its number means another one.
    reply_to = None if "reply_to_peer_id" in message else get("reply_to_message_id")
    return Said(  # in the order of its fields: by their names it takes twice as long
        chat.chat,
        speaker,
        name,
        _time(message, chat, source),
        text,
        _id(get("id")),
        "" if reply_to is None else _id(reply_to),
        _drop(message, chat, owner, speaker, text),
    )


def _id(given: object) -> str:
    if type(given) is int:
        return str(given)
    return "" if given is None else fit(str(given))


def _drop(message: dict[str, Any], chat: _Open, owner: str, speaker: str, text: str) -> Drop | None:
    if message.get("type") != "message":
        return Drop.SERVICE
    # What was forwarded from a deleted account stands there as null.
    if "forwarded_from" in message or "saved_from" in message or "forwarded_from_id" in message:
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
            at = float(given)
            return at if 0 <= at < LATEST else seconds(given)
        given = message.get("date")
        return moment(given)
    except (ValueError, TypeError, OverflowError) as error:
        raise refused(
            tr(
                "{file}: message {id} of “{chat}” has no date that can be read ({given}).",
                file=source.name,
                id=f"{message.get('id')!s:.20}",
                chat=chat.title or chat.chat,
                given=f"{given!s:.40}",
            )
        ) from error
