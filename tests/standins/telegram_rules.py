"""What Telegram takes and what it refuses: the parts of the Bot API's rules that bots meet."""

import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.standins.loopback import Asked
from tests.standins.telegram_models import Mistyped, checked

# Whatever JSON holds: the stand-in speaks it untyped, as the wire does.
Json = dict[str, Any]

TEXT_LIMIT = 4096  # UTF-16 code units after parsing
CAPTION_LIMIT = 1024
ENTITY_LIMIT = 100
DOWNLOAD_LIMIT = 20_000_000  # bytes that a bot may fetch
_STYLES = {None, "primary", "success", "danger"}
_ENTITIES = frozenset(
    {
        *("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"),
        *("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre"),
        *("blockquote", "expandable_blockquote", "text_link", "text_mention", "custom_emoji"),
    }
)


class Refusal(Exception):
    """Telegram's answer to a call that it does not carry out."""

    def __init__(self, status: int, description: str, **parameters: float | None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        # retry_after, migrate_to_chat_id
        self.parameters = {name: value for name, value in parameters.items() if value is not None}


def refuse(description: str) -> Refusal:
    """A 400, said as Telegram says it."""
    return Refusal(400, f"Bad Request: {description}")


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def parameters(method: str, asked: Asked) -> tuple[Json, dict[str, bytes]]:
    """What a call was given, decoded as the method's parameters are, and the uploaded files."""
    given: dict[str, Any] = dict(parse_qsl(urlsplit(asked.target).query, keep_blank_values=True))
    files: dict[str, bytes] = {}
    if asked.content_type.startswith("application/json"):
        given |= json.loads(asked.body or b"{}")
    elif asked.content_type.startswith("multipart/"):
        head = f"Content-Type: {asked.content_type}\r\n\r\n".encode()
        for part in BytesParser(policy=HTTP).parsebytes(head + asked.body).iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if part.get_filename() is None:
                given[name] = content.decode()
            else:
                files[name] = content
    else:
        given |= dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
    # A file stands for a parameter, or is named by one.
    named = " ".join(str(value) for value in given.values())
    uploaded = {name: at for name in files if (at := f"attach://{name}") not in named}
    try:
        return checked(method, {**uploaded, **given}), files
    except Mistyped as mistyped:
        # Telegram ignores what it does not know; the stand-in refuses it, so that slips are seen.
        raise refuse(str(mistyped)) from None


def check_text(text: str, entities: list[Json], *, limit: int = TEXT_LIMIT) -> None:
    """Refuse what Telegram would not show."""
    length = units(text)
    if not text.strip():
        raise refuse("message text is empty")
    if length > limit:
        raise refuse("message is too long" if limit == TEXT_LIMIT else "caption is too long")
    if len(entities) > ENTITY_LIMIT:
        raise refuse("can't parse entities: there are too many of them")
    encoded = text.encode("utf-16-le")
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if entity["type"] not in _ENTITIES:
            raise refuse(f"can't parse entities: unsupported type {entity['type']}")
        if not 0 <= start < end <= length:
            raise refuse(f"can't parse entities: {start}-{end} lies outside of the text")
        if any(0xDC <= encoded[i * 2 + 1] <= 0xDF for i in (start, end) if i < length):
            raise refuse("can't parse entities: one begins or ends inside of a character")
        if entity["type"] == "text_link" and not entity.get("url"):
            raise refuse("can't parse entities: a link without its address")


def check_keyboard(markup: Json) -> None:
    """Refuse an inline keyboard that Telegram would not show."""
    rows: list[list[Json]] = markup.get("inline_keyboard", [])
    if sum(len(row) for row in rows) > 100:
        raise refuse("reply markup is too long")
    for button in (button for row in rows for button in row):
        if not button["text"].strip():
            raise refuse("button text must not be empty")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
            raise refuse("BUTTON_DATA_INVALID")
        if button.get("style") not in _STYLES:
            raise refuse("can't parse inline keyboard button: unknown style")


def check_commands(commands: list[Json]) -> None:
    """Refuse a menu that Telegram would not take."""
    if len(commands) > 100:
        raise refuse("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise refuse("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise refuse("BOT_COMMAND_DESCRIPTION_INVALID")


def seen_entities(text: str) -> list[Json]:
    """What a person's client marks by itself: commands and mentions."""
    found = []
    for match in re.finditer(r"(?<!\S)(/\w{1,64}(?:@\w+)?|@\w{3,})", text):
        kind = "bot_command" if match[0].startswith("/") else "mention"
        offset = units(text[: match.start()])
        found.append({"type": kind, "offset": offset, "length": units(match[0])})
    return found
