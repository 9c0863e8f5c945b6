"""The menu of commands that Telegram's clients offer."""

import logging
from collections.abc import Sequence

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeDefault,
)
from telegram.error import TelegramError

from bot.commands import Audience, Command

log = logging.getLogger(__name__)

# What is of use among several people; the rest is about one person, or for owners.
_ALL = frozenset({Audience.EVERYONE, Audience.HOSTS})
_IN_GROUPS = frozenset({"help", "new", "retry", "stop", "avatars", "avatar", "language"})
_HELP_LIMIT = 256  # characters of a description


def menu(commands: Sequence[Command]) -> tuple[BotCommand, ...]:
    """The entries for those commands that exist in Telegram."""
    return tuple(
        BotCommand(command.name, command.help[:_HELP_LIMIT])
        for command in commands
        if command.exists_on("telegram")
    )


async def offer(bot: Bot, entries: tuple[BotCommand, ...], scope: BotCommandScope) -> bool:
    """Make the entries the menu of a scope, if they are not already. False: Telegram refused."""
    try:
        if await bot.get_my_commands(scope=scope) != entries:
            await bot.set_my_commands(entries, scope=scope)
    except TelegramError as error:
        log.warning("the menu could not be set: %s", error.message)
        return False
    return True


async def offer_everyone(bot: Bot, commands: Sequence[Command]) -> bool:
    """The menus of every chat that has none of its own: private ones, and groups."""
    everyone = [command for command in commands if command.audience in _ALL]
    in_groups = [command for command in commands if command.name in _IN_GROUPS]
    return await offer(bot, menu(everyone), BotCommandScopeDefault()) and await offer(
        bot, menu(in_groups), BotCommandScopeAllGroupChats()
    )
