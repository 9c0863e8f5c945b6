"""Lines that people type behind the bot's name: answered when they pause, for them alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telegram import Bot, InlineQuery, InlineQueryResultsButton
from telegram.error import TelegramError

from avatar.records import Address, Author
from bot.inline import LINE, Shareable, Unanswered
from bot.telegram.guests import article, first_part
from bot.telegram.places import author_of, chat_of
from bot.wording import shortened

log = logging.getLogger(__name__)

PAUSE = 0.7  # seconds without another letter
AT_ONCE = 8  # people who are answered at the same time; others are not
_DESCRIPTION = 120  # characters

Ask = Callable[[Author, Address, str], Awaitable[Shareable | Unanswered | None]]


class InlineQueries:
    """The lines that are typed to one bot. Only the last one of a person is answered."""

    def __init__(self, ask: Ask, *, pause: float = PAUSE) -> None:
        self._ask = ask
        self._pause = pause
        self._typing: dict[int, asyncio.Task[None]] = {}
        self._answering = 0

    def typed(self, query: InlineQuery, bot: Bot, *, bot_id: str) -> None:
        """Another letter: what was typed before is not answered any more."""
        user = query.from_user.id
        if (before := self._typing.get(user)) is not None:
            before.cancel()
        task = asyncio.create_task(self._answer(query, bot, bot_id))
        self._typing[user] = task

        def over(ended: "asyncio.Task[None]") -> None:
            if self._typing.get(user) is ended:
                del self._typing[user]

        task.add_done_callback(over)

    async def close(self) -> None:
        """Answer nothing any more."""
        tasks = list(self._typing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, query: InlineQuery, bot: Bot, bot_id: str) -> None:
        await asyncio.sleep(self._pause)
        if self._answering >= AT_ONCE:
            return
        self._answering += 1
        try:
            user = query.from_user
            found = await self._ask(author_of(user), chat_of(user.id, bot=bot_id), query.query)
            results, button = [], None
            if isinstance(found, Unanswered):
                # Not as an answer: somebody could share that.
                why = shortened(found.why, LINE)
                button = InlineQueryResultsButton(why, start_parameter=found.slug)
            elif found is not None:
                part = await first_part(found.text)
                description = shortened(part.text, _DESCRIPTION)
                results = [article(part, title=found.avatar, description=description)]
            # For this person alone, and not to be kept: asked again it may say something else.
            await bot.answer_inline_query(
                query.id, results, cache_time=0, is_personal=True, button=button
            )
        except TelegramError as error:  # mostly: it took too long
            log.info("a line was not answered: %s", error.message)
        except Exception:
            log.exception("a line was not answered")
        finally:
            self._answering -= 1
