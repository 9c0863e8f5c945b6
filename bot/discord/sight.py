"""A reply while it is being written: a message that grows by edits."""

import asyncio
import logging
from contextlib import suppress

from avatar.errors import DeliveryError, NotDelivered, Unreachable
from avatar.records import Address
from bot.discord.calls import Gone
from bot.discord.markdown import NOTHING, render_long
from bot.discord.pace import Pace
from bot.discord.pieces import Piece
from bot.discord.ticket import ticket_of
from bot.discord.wire import Wire
from bot.screen import Button, Content

log = logging.getLogger(__name__)

_CLOSING = 5.0  # seconds that a call in progress is given, to know which message it made


class DiscordSight:
    """Fulfils `bot.screen.Sight`. A task paints; `finish` waits for the call that it is in the
    middle of, so that no preview comes behind the reply and none is left beside it.
    """

    def __init__(
        self,
        wire: Wire,
        address: Address,
        *,
        pace: Pace,
        reply_to: str | None,
        stop: Button | None,
    ) -> None:
        self._wire = wire
        self._address = address
        self._pace = pace
        self._reply_to = reply_to
        self._rows = () if stop is None else ((stop,),)
        # The answer to a command grows in the place that Discord keeps for it.
        self._message_id = None if ticket_of(reply_to) is None else reply_to
        self._text = ""
        self._news = asyncio.Event()  # there is something to paint
        self._over = asyncio.Event()  # no more painting
        self._painted: Piece | None = None  # what the message says
        self._finished = False
        self._painter = asyncio.create_task(self._paint())

    def show(self, text: str) -> None:
        """The whole text so far."""
        self._text = text
        self._news.set()

    async def finish(self, content: Content) -> tuple[str, ...]:
        """Send the reply, or put it in place of the message that grew."""
        self._over.set()
        await asyncio.wait({self._painter})
        ids = await self._final(content)
        self._finished = True
        return ids

    async def _final(self, content: Content) -> tuple[str, ...]:
        if self._message_id is not None and self._painted is not None:
            with suppress(Gone):  # somebody deleted it: the reply is still owed
                return await self._wire.replace(self._address, self._message_id, content)
        return await self._wire.send_content(self._address, content, reply_to=self._reply_to)

    async def close(self) -> None:
        """Without `finish` before, what was shown stays, without its button."""
        self._over.set()
        await asyncio.wait({self._painter}, timeout=_CLOSING)
        self._painter.cancel()
        await asyncio.wait({self._painter})
        if self._message_id is not None and self._painted is not None and not self._finished:
            self._finished = True
            left = Piece(text=self._painted.text)
            with suppress(DeliveryError, Gone):
                await self._wire.edit_piece(self._address, self._message_id, left)

    # The painter's task

    async def _paint(self) -> None:
        try:
            if self._message_id is None:
                await self._type()
            await self._grow()
        except (Unreachable, Gone) as error:  # `finish` will say so, or send the reply anew
            log.info("a preview was refused: %s", error)
        except Exception:
            log.exception("the preview of a reply failed")

    async def _type(self) -> None:
        """Show "typing" until there is a text."""
        while not (self._over.is_set() or self._news.is_set()):
            with suppress(NotDelivered):
                await self._wire.typing(self._address)
            await self._first(self._pace.typing, self._news, self._over)

    async def _grow(self) -> None:
        """Paint what is new, at most once an interval; what fits into one message."""
        while not self._over.is_set():
            await self._first(None, self._news, self._over)
            self._news.clear()
            text = (await render_long(self._text))[0]
            piece = Piece(text=text, rows=self._rows)
            if text == NOTHING or piece == self._painted or self._over.is_set():
                continue
            if not await self._painted_now(piece):
                return
            await self._first(self._pace.edit, self._over)

    async def _painted_now(self, piece: Piece) -> bool:
        """False: it may stand in the channel, and we do not know its id: not another beside it."""
        try:
            if self._message_id is None:
                self._message_id = await self._wire.send_piece(
                    self._address, piece, reply_to=self._reply_to
                )
            else:
                await self._wire.edit_piece(self._address, self._message_id, piece)
        except NotDelivered as error:
            log.info("a preview did not arrive: %s", error.detail)
            return self._message_id is not None
        self._painted = piece
        return True

    @staticmethod
    async def _first(seconds: float | None, *events: asyncio.Event) -> None:
        """Wait for the first of the events, or until the time is up."""
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
