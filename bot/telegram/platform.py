"""Telegram, beside other things in one event loop: updates in, messages out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError

from avatar.errors import AvatarError
from avatar.incoming import Incoming
from avatar.patience import until_written
from bot.commands import COMMANDS, Command
from bot.screen import Receive
from bot.telegram.elsewhere import ELSEWHERE_UPDATES, elsewhere
from bot.telegram.inline import InlineQueries
from bot.telegram.menu import offer_everyone
from bot.telegram.messenger import TelegramMessenger
from bot.telegram.pace import Pace
from bot.telegram.rates import PER_SECOND, Limits
from bot.telegram.request import Connection, seconds
from bot.telegram.updates import ALLOWED_UPDATES, incoming
from bot.telegram.webhook import Webhooks

log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES = 4  # to take an update
_POLL_SLACK = 10.0  # seconds beyond those that Telegram holds a request for updates
_UPDATES = (*ALLOWED_UPDATES, *ELSEWHERE_UPDATES, "inline_query")
_REFUSALS = 3  # of the token, before it is believed
_PUSHES = 40  # updates that Telegram hands over at once, at most


class TokenRefused(AvatarError):
    """Telegram does not accept the token in TELEGRAM_TOKEN. Copy it again from @BotFather (and
    check TELEGRAM_API_URL, if it is set).
    """


class WebhookRefused(AvatarError):
    """Telegram does not take the address in TELEGRAM_WEBHOOK_URL: {reason}"""


class TelegramPlatform:
    """One bot.

    `async with` connects: it raises TokenRefused, and waits as long as Telegram cannot be reached.
    `poll` or `hook` then hands over what comes in until it is cancelled. `messenger` can be used
    until the context ends, also when nothing is handed over any more.
    """

    def __init__(
        self,
        token: str,
        *,
        api_url: str | None = None,
        commands: Sequence[Command] = COMMANDS,
        pace: Pace | None = None,
        receives: bool = True,
        limits: Limits | None = None,
        local_files: Path | None = None,
        inline: InlineQueries | None = None,
    ) -> None:
        """Without `receives`, another process takes what comes in, and what is set up for that at
        Telegram is left alone.
        """
        try:
            self._connection = Connection(token, api_url)
        except InvalidToken as error:
            raise TokenRefused(detail=error.message) from error
        self._commands = commands
        self._pace = pace or Pace()
        self._receives = receives
        self._inline = inline
        self._id = 0
        self._answers: set[asyncio.Task[None]] = set()
        self.fault: str | None = None  # why nothing comes in, in a few words; None: it does
        # Known inside of `async with`: its name without the @, and whether it may make others.
        self.username = ""
        self.makes_bots = False
        self.messenger = TelegramMessenger(
            self._connection,
            self._pace,
            limits or Limits(bot=PER_SECOND if api_url is None else None),
            local=local_files,
        )

    async def __aenter__(self) -> Self:
        try:
            me = await self._until_reached(self._connection.bot.get_me)
            self._id, self.username = me.id, me.username or ""
            self.makes_bots = bool(me.can_manage_bots)
            if self._receives:
                await offer_everyone(self._connection.bot, self._commands)
        except BaseException:
            await self._connection.aclose()
            raise
        return self

    @property
    def id(self) -> str:
        """The bot's own, known inside of `async with`."""
        return str(self._id)

    @property
    def bot(self) -> Bot:
        """The SDK's, for what `messenger` does not do."""
        return self._connection.bot

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._inline is not None:
            await self._inline.close()
        for task in self._answers:
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await self._connection.aclose()

    async def _until_reached(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a call answers; Telegram is waited for. Raises TokenRefused."""
        waits = _Waits(self._pace)
        while True:
            try:
                return await call()
            except InvalidToken as error:
                raise TokenRefused(detail=error.message) from error
            except TelegramError as error:
                wait = waits.after(error)
                log.warning("Telegram cannot be reached: %s; next try in %.0f s", error, wait)
                await asyncio.sleep(wait)

    async def hook(self, webhooks: Webhooks, receive: Receive) -> None:
        """Take what Telegram hands over by itself, until cancelled. The webhook stays then: what
        comes while nobody listens, Telegram keeps. Raises WebhookRefused and TokenRefused.
        """
        bot, id_ = self._connection.bot, self.id

        async def take(raw: Mapping[str, Any]) -> None:
            if (message := self._read(bot, raw)) is not None:
                await receive(message)

        async def ask() -> bool:
            try:
                return await bot.set_webhook(
                    webhooks.url(id_),
                    secret_token=webhooks.secret(id_),
                    max_connections=_PUSHES,
                    allowed_updates=_UPDATES,
                )
            except BadRequest as error:
                raise WebhookRefused(reason=error.message) from error

        with webhooks.taking(id_, take):
            await self._until_reached(ask)
            await asyncio.Event().wait()

    async def poll(self, receive: Receive) -> None:
        """Take what comes in, in order, until cancelled. An update counts as received when
        `receive` returned: only then is Telegram told not to send it again. A webhook of an
        earlier installation is taken down first: with one, Telegram refuses to be asked. Raises
        TokenRefused when the token was taken back.
        """
        bot, waits = self._connection.bot, _Waits(self._pace)
        await self._until_reached(bot.delete_webhook)
        offset: int | None = None
        refusals = 0  # in a row; one alone may be a server that has just started
        while True:
            try:
                updates = await self._updates(bot, offset)
            except Conflict as error:
                wait = waits.after(error)
                self.fault = "another process asks for this bot's updates"
                log.warning(
                    "another process asks for this bot's updates, so each gets only some of them: "
                    "stop one; next try in %.0f s",
                    wait,
                )
                await asyncio.sleep(wait)
            except TelegramError as error:
                refusals += isinstance(error, InvalidToken)
                if refusals == _REFUSALS:
                    raise TokenRefused(detail=error.message) from error
                wait = waits.after(error)
                self.fault = "no updates come"
                log.warning("no updates from Telegram: %s; next try in %.0f s", error, wait)
                await asyncio.sleep(wait)
            else:
                waits, refusals = _Waits(self._pace), 0
                self.fault = None
                await self._take_all(bot, updates, receive)
                if updates:
                    offset = int(updates[-1]["update_id"]) + 1

    async def _updates(self, bot: Bot, offset: int | None) -> list[Mapping[str, Any]]:
        """As Telegram sent them: one that cannot be parsed must not hide the others."""
        updates = await bot.do_api_request(
            "get_Updates",  # calls getUpdates; by that name the SDK warns to use its own method
            api_kwargs={
                "timeout": int(self._pace.poll),
                "allowed_updates": list(_UPDATES),
                **({} if offset is None else {"offset": offset}),
            },
            read_timeout=self._pace.poll + _POLL_SLACK,
        )
        return list(updates) if isinstance(updates, list) else []

    async def _take_all(
        self, bot: Bot, updates: Sequence[Mapping[str, Any]], receive: Receive
    ) -> None:
        """Hand updates over, in one go; where that fails, one by one."""
        messages = [
            (raw, message) for raw in updates if (message := self._read(bot, raw)) is not None
        ]
        if len(messages) > 1:
            try:
                await until_written(lambda: receive(*(message for _, message in messages)))
            except Exception:
                log.exception("%s updates could not be taken at once", len(messages))
            else:
                return
        for raw, message in messages:
            await self._take(raw, message, receive)

    def _read(self, bot: Bot, raw: Mapping[str, Any]) -> Incoming | None:
        """What somebody said; None: nothing for us, or it cannot be read."""
        try:
            update = Update.de_json(dict(raw), bot)
            now = datetime.now(UTC)
            if update.effective_message is not None:
                self.messenger.saw(update.effective_message)
            read = partial(incoming, bot_id=self._id, bot_username=self.username, now=now)
            message = elsewhere(update, read, bot_id=self._id, now=now) or read(update)
            if message is not None and (user := update.effective_user) is not None:
                message = replace(message, language=user.language_code or "")
        except Exception:
            log.exception("update %s cannot be read: left out", raw["update_id"])
            return None
        if update.inline_query is not None and self._inline is not None:
            self._inline.typed(update.inline_query, bot, bot_id=self.id)
        if update.callback_query is not None:
            self._answer(update.callback_query.id, bot)
        return message

    async def _take(self, raw: Mapping[str, Any], message: Incoming, receive: Receive) -> None:
        """Hand one update over. What cannot be taken after some tries is left out, so that it
        does not stand in the way of the rest. While nothing at all can be written down, all wait.
        """
        for tries in range(1, _TRIES + 1):
            try:
                await until_written(lambda: receive(message))
            except Exception:
                log.exception("update %s could not be taken", raw["update_id"])
                if tries < _TRIES:
                    await asyncio.sleep(self._pace.taking * 2 ** (tries - 1))
            else:
                return
        log.error("update %s was left out after %s tries", raw["update_id"], _TRIES)

    def _answer(self, query_id: str, bot: Bot) -> None:
        """End the waiting mark on the button that was pressed; nothing depends on it."""

        async def answer() -> None:
            try:
                await bot.answer_callback_query(query_id)
            except TelegramError as error:
                log.info("a press was not answered: %s", error.message)

        task = asyncio.create_task(answer())
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)


class _Waits:
    """Growing delays between tries to reach Telegram."""

    def __init__(self, pace: Pace) -> None:
        self._next = pace.pause
        self._longest = pace.longest

    def after(self, error: TelegramError) -> float:
        """How many seconds to wait now."""
        wait, self._next = self._next, min(self._next * 2, self._longest)
        return max(wait, seconds(error)) if isinstance(error, RetryAfter) else wait
