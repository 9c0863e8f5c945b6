"""All bots of this process: the main one, of TELEGRAM_TOKEN, and those that belong to avatars.

What runs follows what is stored: it is looked at after every change, and now and then, since
another process may have changed it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from telegram import KeyboardButton, KeyboardButtonRequestManagedBot, ReplyKeyboardMarkup
from telegram.error import BadRequest, Forbidden, TelegramError

from avatar.accounts import OwnBot
from avatar.errors import AvatarError, NotDelivered, Unreachable
from avatar.records import Address
from avatar.stores import Store
from bot.cards import bots as cards
from bot.screen import BotWish, Content, Receive
from bot.telegram.dressing import Dresser
from bot.telegram.markdown import render
from bot.telegram.places import is_group
from bot.telegram.platform import TelegramPlatform, TokenRefused
from bot.telegram.routing import TelegramRouter
from bot.telegram.webhook import Webhooks

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0  # between two looks without a reason
AGAIN_SECONDS = 300.0  # before a bot that could not run is tried again

Connect = Callable[[str], TelegramPlatform]


class _Running:
    """One bot of an avatar, from its start to its end."""

    def __init__(self, token: str, task: "asyncio.Task[None]") -> None:
        self.token = token
        self.task = task

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class TelegramAccounts(TelegramRouter):
    """Fulfils `bot.screen.Messenger` and `OwnBots`. `async with` ends with all connections closed;
    what is being said when nothing is taken any more can still be said until then.
    """

    def __init__(
        self,
        main: TelegramPlatform,
        store: Store,
        *,
        connect: Connect,
        webhooks: Webhooks | None = None,
        look_seconds: float = LOOK_SECONDS,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        super().__init__(main)
        self._store = store
        self._connect = connect
        self._webhooks = webhooks
        self._look_seconds = look_seconds
        self._again_seconds = again_seconds
        self._running: dict[str, _Running] = {}
        self._dresser = Dresser(store, main)
        self._news = asyncio.Event()
        self._ended = asyncio.Event()  # of taking updates; connections last a little longer

    async def __aenter__(self) -> Self:
        # Before anything is said: what a bot owes that does not run yet is not the main bot's.
        await self._learn()
        return self

    async def _learn(self) -> Sequence[OwnBot]:
        """All bots of avatars, also those that do not run."""
        bots = await self._store.own_bots(self.platform)
        self._known = {bot.external_id or "" for bot in bots}
        return bots

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop_all()

    async def serve(self, receive: Receive) -> None:
        """Take what comes in for any of them, until cancelled. Raises what the main bot's does; an
        avatar's bot that cannot run stops nobody else.
        """
        await self._stop_all()  # those that only stood by
        resealed = await self._store.reseal_bots()
        if resealed:
            log.info("%s tokens of bots are sealed with the first key of SECRET_KEY now", resealed)
        tasks = [
            asyncio.create_task(self._listen(self._main, receive)),
            asyncio.create_task(self._follow(receive)),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._ended.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stand_by(self) -> None:
        """Connect the bots of avatars, so that something can be said by them, and take nothing:
        another process does. Until cancelled.
        """
        await self._follow(None)

    async def _stop_all(self) -> None:
        for running in self._running.values():
            await running.stop()
        self._running.clear()

    async def _listen(self, platform: TelegramPlatform, receive: Receive | None) -> None:
        if receive is None:
            await asyncio.Event().wait()
            return
        if self._webhooks is None:
            await platform.poll(receive)
        else:
            await platform.hook(self._webhooks, receive)

    async def _follow(self, receive: Receive | None) -> None:
        """Look whenever there is a reason."""
        while True:
            self._news.clear()
            try:
                await self._look(receive)
            except Exception:
                log.exception("the bots of avatars could not be looked at")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._look_seconds)

    async def _look(self, receive: Receive | None) -> None:
        """Start and stop bots so that those run which should."""
        bots = await self._learn()
        wanted = {
            bot.external_id: bot for bot in bots if bot.external_id and bot.stopped_at is None
        }
        for id_, running in list(self._running.items()):
            bot = wanted.get(id_)
            if bot is None or bot.token != running.token:
                await running.stop()
                self._running.pop(id_, None)
        for id_, bot in wanted.items():
            if id_ not in self._running and bot.token is not None:
                task = asyncio.create_task(self._run(bot, bot.token, receive))
                self._running[id_] = _Running(bot.token, task)
            elif bot.token is None and not bot.trouble:
                await self._store.mark_bot(bot.id, trouble=cards.SEALED)
            if receive is not None and (platform := self._own.get(id_)) is not None:
                await self._dresser.dress(bot, platform)

    async def _run(self, bot: OwnBot, token: str, receive: Receive | None) -> None:
        """One bot, from its start until it is stopped; what troubles it is written down."""
        while True:
            try:
                await self._serve_own(bot, token, receive)
            except TokenRefused as error:
                log.warning("the token of @%s is refused: %s", bot.username, error.detail)
                if await self._other_token(bot, token):
                    return  # the next look starts it with the new one
            except AvatarError as error:
                await self._store.mark_bot(bot.id, trouble=error.sentence)
                log.warning("@%s does not run: %s", bot.username, error.sentence)
            except Exception:
                log.exception("@%s does not run", bot.username)
            await asyncio.sleep(self._again_seconds)

    async def _serve_own(self, bot: OwnBot, token: str, receive: Receive | None) -> None:
        async with self._connect(token) as platform:
            self._own[platform.id] = platform
            try:
                log.info("serving Telegram as @%s too", platform.username)
                self.look_again()  # at how it is dressed
                await self._listen_until_the_end(platform, receive)
            finally:
                self._own.pop(platform.id, None)

    async def _listen_until_the_end(
        self, platform: TelegramPlatform, receive: Receive | None
    ) -> None:
        """Take updates until all stop doing so; then wait for the connections' end."""
        listening = asyncio.create_task(self._listen(platform, receive))
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({listening, ended}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.Event().wait()
        finally:
            listening.cancel()
            ended.cancel()
            await asyncio.gather(listening, ended, return_exceptions=True)

    async def _other_token(self, bot: OwnBot, refused: str) -> bool:
        """Another token for a bot whose own is refused; False: there is none to be had."""
        id_ = int(bot.external_id or 0)
        try:
            token = await self._main.bot.get_managed_bot_token(id_)
            if token == refused:
                token = await self._main.bot.replace_managed_bot_token(id_)
        except TelegramError as error:
            log.warning("there is no other token for @%s: %s", bot.username, error.message)
            await self._store.mark_bot(bot.id, trouble=cards.REFUSED)
            return False
        await self._keep(bot, bot.external_id or "", bot.username, token)
        return True

    # bot.screen.OwnBots

    def can_make_bots(self, address: Address) -> bool:
        """Only in private chats with the main bot, if that may manage others."""
        at_main = address.bot == self._main.id and not address.thread
        return at_main and not is_group(address.chat) and self._main.makes_bots

    async def offer_bot(self, address: Address, content: Content, wish: BotWish) -> None:
        """The button is one of those that take the keyboard's place, and goes when it is used."""
        request = KeyboardButtonRequestManagedBot(
            request_id=1, suggested_name=wish.name, suggested_username=wish.username
        )
        keyboard = ReplyKeyboardMarkup(
            [[KeyboardButton(wish.label, request_managed_bot=request)]],
            resize_keyboard=True,
            one_time_keyboard=True,
        )
        part = render(content.text)[0]
        try:
            await self._main.bot.send_message(
                int(address.chat), part.text, entities=part.entities, reply_markup=keyboard
            )
        except (BadRequest, Forbidden) as error:
            raise Unreachable(detail=error.message) from error
        except TelegramError as error:
            raise NotDelivered(detail=error.message) from error

    async def take_bot(self, own_bot: OwnBot, *, external_id: str, username: str) -> None:
        """Fetch its token, keep it, start the bot."""
        try:
            token = await self._main.bot.get_managed_bot_token(int(external_id))
        except TelegramError as error:
            raise NotDelivered(detail=error.message) from error
        await self._keep(own_bot, external_id, username, token)

    async def _keep(self, bot: OwnBot, external_id: str, username: str, token: str) -> None:
        await self._store.keep_bot(bot.id, external_id=external_id, username=username, token=token)
        self.look_again()

    def look_again(self) -> None:
        """Have a look now."""
        self._news.set()
