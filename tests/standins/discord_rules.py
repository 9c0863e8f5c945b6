"""What comes with a call to Discord's API, and what it refuses. (From its documentation, version
10.)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEXT_LIMIT = 2000
CARD = 1 << 15  # the flag of a message that is laid out by components alone
_NAME = re.compile(r"[-_'\w]{1,32}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What came with a call."""

    body: Any
    files: Sequence[tuple[str, bytes]] = ()  # names and contents
    query: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, code: int, message: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"code": code, "message": message}
        self.headers = headers or {}


def invalid(what: str) -> Refusal:
    """A form that is refused."""
    return Refusal(400, 50035, f"Invalid Form Body: {what}")


def check_message(body: Json, *, files: bool = False, edit: bool = False) -> None:
    """A message that is made or edited."""
    content = body.get("content") or ""
    if len(content) > TEXT_LIMIT:
        raise invalid("content: Must be 2000 or fewer in length.")
    if body.get("flags", 0) & CARD:
        check_card(body["components"])
    else:
        if not edit and not content.strip() and not files:
            raise Refusal(400, 50006, "Cannot send an empty message")
        if "components" in body:
            check_buttons(body["components"])
    mentions = body.get("allowed_mentions")
    if mentions is None or mentions.get("parse") != []:
        raise invalid("the stand-in wants every message to say whom it may mention")
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > 25:
        raise invalid("nonce: Must be 25 or fewer in length.")
    reference = body.get("message_reference")
    if reference is not None and not str(reference["message_id"]).isdigit():
        raise invalid("message_reference.message_id: not snowflake.")


def parts(components: list[Json]) -> Iterator[Json]:
    """Components and those inside of them, in order."""
    for each in components:
        yield each
        yield from parts(each.get("components", []))


def texts(message: Json) -> list[str]:
    """What a message says: its content, or the texts of a card."""
    found = [each["content"] for each in parts(message["components"]) if each["type"] == 10]
    return [message["content"], *found] if message["content"] else found


def check_card(components: list[Json]) -> None:
    """What is laid out by components alone."""
    everything = list(parts(components))
    said = [each["content"] for each in everything if each["type"] == 10]
    if len(everything) > 40 or not said:
        raise invalid("components: Must be between 1 and 40 in total")
    if sum(map(len, said)) > 4000 or not all(map(str.strip, said)):
        raise invalid("components: the texts")
    rows = [each for each in everything if each["type"] == 1]
    for at in range(0, len(rows), 5):
        check_buttons(rows[at : at + 5])
    codes = [each["custom_id"] for each in everything if each["type"] == 2]
    if len(codes) != len(set(codes)):
        raise invalid("components: Component custom id cannot be duplicated")


def check_buttons(rows: list[Json]) -> None:
    """Rows of buttons."""
    if len(rows) > 5:
        raise invalid("components: Must be 5 or fewer in length.")
    seen = set()
    for row in rows:
        if row["type"] != 1 or not 1 <= len(row["components"]) <= 5:
            raise invalid("components: Must be between 1 and 5 in length.")
        for button in row["components"]:
            code = button["custom_id"]
            if button["type"] != 2 or button["style"] not in {1, 2, 3, 4}:
                raise invalid("components: not a button")
            if not 1 <= len(button["label"]) <= 80 or not 1 <= len(code) <= 100:
                raise invalid("components: label or custom_id")
            if code in seen:
                raise invalid("components: Component custom id cannot be duplicated")
            seen.add(code)


def check_commands(commands: list[Json]) -> None:
    """The commands of an application."""
    if len({(c["type"], c["name"]) for c in commands}) != len(commands):
        raise invalid("names are not unique")
    for command in commands:
        if command["type"] == 1:
            if not _NAME.match(command["name"]) or command["name"] != command["name"].lower():
                raise invalid(f"name: {command['name']}")
            if not 1 <= len(command["description"]) <= 100:
                raise invalid("description")
            _check_options(command.get("options", []))
        elif command.get("description") or not 1 <= len(command["name"]) <= 32:
            raise invalid("a message command")


def _check_options(options: list[Json]) -> None:
    needed = True
    for option in options:
        if not _NAME.match(option["name"]) or option["name"] != option["name"].lower():
            raise invalid(f"option's name: {option['name']}")
        if not 1 <= len(option["description"]) <= 100:
            raise invalid("option's description")
        if option.get("autocomplete") and option.get("choices"):
            raise invalid("autocomplete and choices")
        if option.get("required") and not needed:
            raise invalid("required options must come first")
        needed = bool(option.get("required"))


def check_choices(choices: list[Json]) -> None:
    """What an autocompletion offers."""
    if len(choices) > 25:
        raise invalid("choices: Must be 25 or fewer in length.")
    if any(not 1 <= len(choice["name"]) <= 100 for choice in choices):
        raise invalid("choices: name")


def check_form(data: Json) -> None:
    """A modal."""
    if not 1 <= len(data["title"]) <= 45 or not 1 <= len(data["components"]) <= 5:
        raise invalid("modal: title or components")
    for label in data["components"]:
        field = label["component"]
        if label["type"] != 18 or not 1 <= len(label["label"]) <= 45 or field["type"] != 4:
            raise invalid("modal: label")
        if len(field.get("placeholder", "")) > 100 or len(field.get("value", "")) > 4000:
            raise invalid("modal: placeholder or value")


def seen(markdown: str) -> str:
    """Roughly what people see of a message."""
    text = re.sub(r"(?m)^```\w*\n?", "", markdown)
    text = re.sub(r"(?<!\\)(\*\*|`+)", "", text)
    text = re.sub(r"(?<![\w\\])_\((.*?)\)_", r"(\1)", text)
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)
