"""Messenger's and Instagram's JSON: a folder a chat, several files, newest first; and Messenger's
of chats that are encrypted from end to end (most of those of two, since 2023), which is got at
another place: a file a chat, with other names for the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from avatar.dataset.json_stream import walk
from avatar.dataset.readers.faults import no_message, no_time
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit
from avatar.dataset.times import seconds

_MEDIA = (
    "photos",
    "videos",
    "audio_files",
    "files",
    "gifs",
    "sticker",
    "share",
    "call_duration",
    "location",
    "media",
)
_SPOKEN = (None, "Generic", "Share", "text", "media", "link")
_PART = re.compile(r"message_\d+\.json")
_NUMBER = re.compile(r"_\d+$")  # behind the name of an encrypted chat
# What the apps write in place of a text in English: reactions and bare attachments.
_NOTICE = re.compile(
    r"(?:Reacted .{1,16} to your message|Liked a message|You (?:sent|shared) an? [a-z ]{1,30}\.)\s*"
)
# What stands behind the sender's own name, and not behind another word: "My mum sent a parcel."
# Newer exports do not say of notices that they are none of the person's texts.
_OF_SENDER = re.compile(
    r" (?:sent|shared) an? [a-z ]{1,30}\.\s*| missed your (?:call|video chat)\.\s*"
    r"| called you\.\s*| (?:named|left|created) the group\b.{0,120}"
    r"| (?:added|removed) .{1,120} (?:to|from) the group\.\s*"
    r"| (?:started|joined) (?:a|the) (?:video |audio )?(?:call|chat)\.\s*"
    r"| (?:changed|set|cleared|removed) the (?:chat |group )?"
    r"(?:theme|photo|emoji|quick reaction|nickname)\b.{0,120}"
)


def repaired(text: str) -> str:
    """Text as it was meant: the exports hold UTF-8 that was read as Latin-1. What does not go
    there and back is left alone.
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """Chat by chat, oldest message first: one chat's messages are held in memory.

    Raises BadDataset for a wrong time.
    """
    chats: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        folder, slash, last = source.name.rpartition("/")
        chats[folder if slash and _PART.fullmatch(last) else source.name].append(source)
    for chat, files in chats.items():
        said: list[Said] = []
        title = ""
        for source in files:
            for path, value in walk(source, ("messages",), tick):
                if path == "messages.item":
                    said.append(_said(value, chat, len(said) + 1, source))
                elif path == "title" and isinstance(value, str):
                    title = fit(repaired(value))
                elif path == "threadName" and isinstance(value, str):
                    title = _NUMBER.sub("", fit(repaired(value)))
        yield Heading(chat=chat, title=title)
        said.reverse()  # so that what stands in one and the same millisecond keeps its order
        said.sort(key=lambda one: one.at)
        yield from said


def _said(message: Any, chat: str, number: int, source: Source) -> Said:
    if not isinstance(message, dict):
        raise no_message(source.name, number)
    get = message.get
    given = get("timestamp_ms", get("timestamp"))
    try:
        at = seconds(given, per_second=1000)
    except ValueError as error:
        raise no_time(source.name, number, given) from error
    sender, content = get("sender_name", get("senderName")), get("content", get("text"))
    name = fit(repaired(sender)) if isinstance(sender, str) else ""
    text = fit(repaired(content)) if isinstance(content, str) else ""
    return Said(
        chat=chat,
        speaker=name or "?",
        name=name or "?",
        at=at,
        text=text,
        drop=_drop(message, name, text),
    )


def _drop(message: dict[str, Any], name: str, text: str) -> Drop | None:
    if message.get("is_unsent") is True or message.get("isUnsent") is True:
        return Drop.DELETED
    if message.get("type") not in _SPOKEN:
        return Drop.SERVICE
    if not text:
        return Drop.MEDIA if any(message.get(key) for key in _MEDIA) else Drop.EMPTY
    if "call_duration" in message or (len(text) < 200 and _is_notice(text, name)):
        return Drop.SERVICE
    return None


def _is_notice(text: str, name: str) -> bool:
    if _NOTICE.fullmatch(text):
        return True
    # Whole, or the first name alone.
    own = (each for each in (name, name.partition(" ")[0]) if each and text.startswith(f"{each} "))
    return any(_OF_SENDER.fullmatch(text, len(each)) for each in own)
