"""The life of a bot in Telegram: who it is, its menu, and the updates it takes."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime

from telegram import Update
from telegram.error import (
    Conflict,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from avatar.errors import AvatarError
from bot.commands import COMMANDS, Audience
from bot.screen import Receive
from bot.telegram.messenger import TelegramMessenger, menu
from bot.telegram.pace import Pace
from bot.telegram.request import Files, new_bot, seconds
from bot.telegram.updates import ALLOWED_UPDATES, incoming

log = logging.getLogger(__name__)

TAKING_TRIES = 3  # for an update that cannot be taken; then it is left, so that it blocks nothing


class TokenRefused(AvatarError):
    """Telegram does not accept the token of TELEGRAM_TOKEN. @BotFather shows the right one."""


class TelegramPlatform:
    """One bot. An async context manager: inside, `messenger` speaks and `poll` listens."""

    def __init__(self, token: str, *, api_url: str | None = None, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._bot = new_bot(token, api_url)
        self._files = Files()
        self.messenger = TelegramMessenger(self._bot, self._files, pace=self._pace)
        self.username = ""
        self._pressed: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "TelegramPlatform":
        """Ask Telegram who we are, however long it takes to reach it. Raises TokenRefused."""
        try:
            await self._introduce()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for task in self._pressed:
            task.cancel()
        with contextlib.suppress(TelegramError, RuntimeError):
            await self._bot.shutdown()
        await self._files.aclose()

    async def _introduce(self) -> None:
        delay = self._pace.pause
        while True:
            try:
                await self._bot.initialize()
                break
            except InvalidToken as error:
                raise TokenRefused(detail=error.message) from error
            except NetworkError as error:
                log.warning("Telegram cannot be reached yet: %s", error.message)
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._pace.longest)
        self.username = self._bot.username

    async def set_menu(self) -> None:
        """The commands that everybody is offered; set only when they changed."""
        wanted = menu([c for c in COMMANDS if c.audience is Audience.EVERYONE])
        try:
            if list(await self._bot.get_my_commands()) != wanted:
                await self._bot.set_my_commands(wanted)
        except TelegramError as error:
            log.warning("the menu was not set: %s", error.message)

    async def poll(self, receive: Receive) -> None:
        """Take updates until cancelled. An update is confirmed to Telegram only when `receive`
        has returned: what was not in the inbox when the process died comes again.
        """
        await self.set_menu()
        offset, delay = 0, self._pace.pause
        while True:
            try:
                updates = await self._bot.get_updates(
                    offset=offset,
                    timeout=int(self._pace.poll),
                    allowed_updates=ALLOWED_UPDATES,
                )
            except RetryAfter as error:
                await asyncio.sleep(seconds(error))
            except Conflict as error:
                log.warning("another process takes this bot's updates: %s", error.message)
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._pace.longest)
            except TelegramError as error:
                log.warning("Telegram gave no updates: %s", error.message)
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._pace.longest)
            else:
                delay = self._pace.pause
                for update in updates:
                    await self._take(update, receive)
                    offset = update.update_id + 1

    async def _take(self, update: Update, receive: Receive) -> None:
        """Hand one update over; one that cannot be taken is tried again and then left."""
        delay = self._pace.taking
        for _ in range(TAKING_TRIES):
            try:
                said = incoming(
                    update,
                    bot_id=self._bot.id,
                    bot_username=self.username,
                    now=datetime.now(UTC),
                )
                if said is not None:
                    await receive(said)
            except Exception:
                log.exception("update %s could not be taken", update.update_id)
                await asyncio.sleep(delay)
                delay *= 2
            else:
                break
        if update.callback_query is not None:
            self._answer_press(update)

    def _answer_press(self, update: Update) -> None:
        """Tell Telegram that a press arrived, so that the button stops waiting."""

        async def answer() -> None:
            with contextlib.suppress(TelegramError):
                if update.callback_query is not None:
                    await self._bot.answer_callback_query(update.callback_query.id)

        task = asyncio.create_task(answer())
        self._pressed.add(task)
        task.add_done_callback(self._pressed.discard)
