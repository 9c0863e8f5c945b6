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

from avatar.language import ENGLISH, NAMES, speaking, tr
from bot.commands import Audience, Command

log = logging.getLogger(__name__)

# What is of use among several people; the rest is about one person, or for owners.
_ALL = frozenset({Audience.EVERYONE, Audience.HOSTS})
_IN_GROUPS = frozenset({"help", "new", "retry", "stop", "avatars", "avatar", "language"})
_HELP_LIMIT = 256  # characters of a description


def code_of(language: str) -> str | None:
    """What Telegram calls the people whose app is in one of our languages; None, all for whom
    nothing else is said, are spoken to in English.
    """
    return None if language == ENGLISH else language


def menu(commands: Sequence[Command], language: str = ENGLISH) -> tuple[BotCommand, ...]:
    """The entries for those commands that exist in Telegram."""
    with speaking(language):
        return tuple(
            BotCommand(command.name, tr(command.help)[:_HELP_LIMIT])
            for command in commands
            if command.exists_on("telegram")
        )


async def offer(bot: Bot, commands: Sequence[Command], scope: BotCommandScope) -> bool:
    """Make the commands the menu of a scope, in each language, where they are not already. Which
    one somebody sees goes by the language of their app. False: Telegram refused.
    """
    try:
        for language in NAMES:
            entries = menu(commands, language)
            code = code_of(language)
            if await bot.get_my_commands(scope=scope, language_code=code) != entries:
                await bot.set_my_commands(entries, scope=scope, language_code=code)
    except TelegramError as error:
        log.warning("the menu could not be set: %s", error.message)
        return False
    return True


async def offer_everyone(bot: Bot, commands: Sequence[Command]) -> bool:
    """The menus of every chat that has none of its own: private ones, and groups."""
    everyone = [command for command in commands if command.audience in _ALL]
    in_groups = [command for command in commands if command.name in _IN_GROUPS]
    return await offer(bot, everyone, BotCommandScopeDefault()) and await offer(
        bot, in_groups, BotCommandScopeAllGroupChats()
    )
