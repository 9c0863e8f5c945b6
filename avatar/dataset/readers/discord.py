"""DiscordChatExporter's JSON: one channel a file."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from avatar.dataset.json_stream import walk
from avatar.dataset.readers.faults import no_message, no_time
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit
from avatar.dataset.times import moment

_SPOKEN = ("Default", "Reply")
# Who is meant, and emoji of a server, as they stand where the exporter was told to leave them.
_MARKUP = re.compile(r"<(?:@!?(\d{1,25})|a?:(\w{1,40}):\d{1,25})>")
_MEDIA = ("attachments", "embeds", "stickers")


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """The heading of each channel, then its messages. Raises BadDataset for a wrong time."""
    for source in sources:
        guild, channel, chat, headed, number = "", "", source.name, False, 0
        for path, value in walk(source, ("messages",), tick):
            if path == "guild.name" and isinstance(value, str):
                guild = fit(value)
            elif path == "channel.name" and isinstance(value, str):
                channel = fit(value)
            elif path == "channel.id" and isinstance(value, str | int):
                chat = fit(str(value))
            elif path == "messages.item":
                number += 1
                if not isinstance(value, dict):
                    raise no_message(source.name, number)
                if not headed:
                    headed = True
                    yield Heading(chat=chat, title=_title(guild, channel))
                yield _said(value, chat, number, source)
        if not headed:
            yield Heading(chat=chat, title=_title(guild, channel))


def _title(guild: str, channel: str) -> str:
    return channel if guild in {"", "Direct Messages"} else f"{guild} #{channel}"


def _said(message: dict[str, Any], chat: str, number: int, source: Source) -> Said:
    author = message.get("author")
    author = author if isinstance(author, dict) else {}
    name = author.get("nickname") or author.get("name")
    name = fit(name) if isinstance(name, str) else ""
    content = message.get("content")
    text = fit(_plain(content, message.get("mentions"))) if isinstance(content, str) else ""
    reference = message.get("reference")
    reference = reference if isinstance(reference, dict) else {}
    try:
        at = moment(message.get("timestamp"))
    except ValueError as error:
        raise no_time(source.name, number, message.get("timestamp")) from error
    return Said(
        chat=chat,
        speaker=fit(str(author.get("id") or name or "?")),
        name=name or "?",
        at=at,
        text=text,
        id=fit(str(message.get("id") or "")),
        reply_to=fit(str(reference.get("messageId") or "")),
        drop=_drop(message, author, reference, text),
    )


def _plain(text: str, mentions: Any) -> str:
    """A text as people see it: `<@7>` is a name, `<:frog:8>` is `:frog:`."""
    if "<" not in text:
        return text
    names: dict[str, str] = {}
    for one in mentions if isinstance(mentions, list) else ():
        name = (one.get("nickname") or one.get("name")) if isinstance(one, dict) else None
        if isinstance(name, str):
            names[str(one.get("id"))] = name

    def shown(match: re.Match[str]) -> str:
        return f":{match[2]}:" if match[2] else f"@{names.get(match[1], match[1])}"

    return _MARKUP.sub(shown, text)


def _drop(
    message: dict[str, Any], author: dict[str, Any], reference: dict[str, Any], text: str
) -> Drop | None:
    if message.get("type") not in _SPOKEN:
        return Drop.SERVICE
    if author.get("isBot") is True:
        return Drop.BOT
    if message.get("forwardedMessage") or reference.get("type") == "Forward":
        return Drop.FORWARDED
    if not text:
        return Drop.MEDIA if any(message.get(key) for key in _MEDIA) else Drop.EMPTY
    return None
