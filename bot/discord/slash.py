"""Slash commands and the menus of messages, from the one declaration of commands; and back."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from avatar.records import Attachment
from bot.commands import BY_NAME, COMMANDS, Command, Kind, Parameter
from bot.discord.client import Client
from bot.discord.files import described

log = logging.getLogger(__name__)

Json = dict[str, Any]

_SLASH, _MESSAGE = 1, 3  # types of application commands
_STRING, _INTEGER, _ATTACHMENT = 3, 4, 11  # types of options
_TYPES = {
    Kind.VERSION: _INTEGER,
    Kind.PROMPT_VERSION: _INTEGER,
    Kind.TRAINING: _INTEGER,
    Kind.PAGE: _INTEGER,
    Kind.NUMBER: _INTEGER,
    Kind.FILE: _ATTACHMENT,
}
_WORDS = {
    Kind.VERSION: "the number of a version",
    Kind.PROMPT_VERSION: "the number of a prompt version",
    Kind.VERSION_OR_BASE: "the number of a version, or base",
    Kind.TRAINING: "the number of a version in training",
    Kind.AVATAR: "the avatar's short name",
    Kind.PAGE: "1 is the newest",
    Kind.FILE: "the file",
    Kind.PERSON: "somebody, by name or like telegram:123",
    Kind.COMMAND: "the name of a command",
    Kind.VOICE: "on, off, or the name of a voice",
    Kind.ROLE: "a role of this server, or off",
    Kind.ZONE: "where that is, like Asia/Kuala_Lumpur; without it UTC",
    Kind.NUMBER: "a number",
    Kind.WORD: "a word",
    Kind.TEXT: "the text",
}
NUMBERS = frozenset(kind for kind, type_ in _TYPES.items() if type_ == _INTEGER)
_PLAIN = frozenset({Kind.PAGE, Kind.NUMBER, Kind.FILE, Kind.WORD, Kind.TEXT})  # not completed
_HELP_LIMIT = 100  # characters of a description
_TEXT_LIMIT = 6000  # characters of an option
_PLACES = {"contexts": [0, 1], "integration_types": [0]}  # servers, and direct messages with us
_PERSON = re.compile(r"<@!?(\d+)>")


def here(commands: Sequence[Command]) -> tuple[Command, ...]:
    """Those commands that exist on Discord."""
    return tuple(c for c in commands if c.exists_on("discord"))


# What the menu of a message offers: its label, and the command that it stands for.
IN_MENUS = {command.menu: command.name for command in here(COMMANDS) if command.menu}


def option_name(parameter: Parameter) -> str:
    """`N` as `n`, `add|remove` as `add-or-remove`: Discord wants lower case."""
    return re.sub(r"[^a-z0-9_-]", "", parameter.name.lower().replace("|", "-or-"))


def declared(commands: Sequence[Command]) -> list[Json]:
    """What Discord is told of the commands."""
    slashes = [
        {
            "type": _SLASH,
            "name": command.name,
            "description": command.help[:_HELP_LIMIT],
            "options": [_option(parameter) for parameter in command.parameters],
            **_PLACES,
        }
        for command in here(commands)
    ]
    menus = [
        {"type": _MESSAGE, "name": command.menu, **_PLACES}
        for command in here(commands)
        if command.menu
    ]
    return [*slashes, *menus]


def _option(parameter: Parameter) -> Json:
    kind = parameter.kind
    option: Json = {
        "type": _TYPES.get(kind, _STRING),
        "name": option_name(parameter),
        "description": (parameter.about or _WORDS[kind])[:_HELP_LIMIT],
        "required": parameter.required,
    }
    if option["type"] == _INTEGER:
        option["min_value"] = 1
    if kind not in _PLAIN or parameter.open:
        option["autocomplete"] = True
    elif parameter.words:
        option["choices"] = [{"name": word, "value": word} for word in parameter.words]
    elif option["type"] == _STRING:
        option["max_length"] = _TEXT_LIMIT
    return option


# Discord adds more to what it was told, and leaves out what is the default.
_TOLD: Json = {"type": _SLASH, "name": "", "description": "", "options": (), **_PLACES}
_TOLD_OPTION: Json = {
    "type": 0,
    "name": "",
    "description": "",
    "required": False,
    "min_value": None,
    "max_length": None,
    "autocomplete": False,
    "choices": (),
}


def _compared(commands: Sequence[Mapping[str, Any]]) -> list[Any]:
    found = []
    for command in commands:
        told = {key: command.get(key, usual) or usual for key, usual in _TOLD.items()}
        told["options"] = [
            {key: option.get(key, usual) or usual for key, usual in _TOLD_OPTION.items()}
            for option in told["options"]
        ]
        for option in told["options"]:
            option["choices"] = [(c["name"], c["value"]) for c in option["choices"]]
        found.append(told)
    return sorted(found, key=lambda told: (told["type"], told["name"]))


async def synced(client: Client, commands: Sequence[Command]) -> bool:
    """Tell Discord of the commands, if it knows others. False: it did not take them."""
    wanted = declared(commands)
    try:
        known = await client.http.get_global_commands(client.app_id)
        if _compared(known) != _compared(wanted):
            await client.http.bulk_upsert_global_commands(client.app_id, wanted)
            log.info("the slash commands are told to Discord anew")
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.warning("the slash commands could not be set: %s", error)
        return False
    return True


# Back to what is typed elsewhere


def typed(data: Mapping[str, Any]) -> tuple[str, tuple[Attachment, ...]]:
    """A slash command as a line of text, with its files."""
    name = str(data.get("name", ""))
    given = {option["name"]: option.get("value") for option in data.get("options", ())}
    files = data.get("resolved", {}).get("attachments", {})
    words, attached = [f"/{name}"], []
    command = BY_NAME.get(name)
    for parameter in command.parameters if command is not None else ():
        value = given.get(option_name(parameter))
        if value is None:
            continue
        if parameter.kind is Kind.FILE:
            if (file := files.get(str(value))) is not None:
                attached.append(described(file))
        elif parameter.kind in {Kind.PERSON, Kind.WORD}:
            words.append(_PERSON.sub(r"discord:\1", str(value)))
        else:
            words.append(str(value))
    return " ".join(words), tuple(attached)


@dataclass(frozen=True, kw_only=True, slots=True)
class Focus:
    """What somebody is typing."""

    parameter: Parameter
    text: str


def focus(data: Mapping[str, Any]) -> Focus | None:
    """Which parameter wants to be completed."""
    command = BY_NAME.get(str(data.get("name", "")))
    for option in data.get("options", ()):
        if option.get("focused") and command is not None:
            for parameter in command.parameters:
                if option_name(parameter) == option["name"]:
                    return Focus(parameter=parameter, text=str(option.get("value", "")))
    return None


def wants_form(data: Mapping[str, Any]) -> Command | None:
    """The command whose long text was not given and may be written into a form."""
    command = BY_NAME.get(str(data.get("name", "")))
    if command is None or not command.parameters or data.get("options"):
        return None
    last = command.parameters[-1]
    return command if last.kind is Kind.TEXT and not last.required else None
