"""A reply while it is being written: drafts in private chats, a message that grows elsewhere."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from avatar.errors import DeliveryError, NotDelivered
from avatar.records import Address
from avatar.sentences import breaking_off, whole_sentences
from bot.painting import PaintedSight, first
from bot.screen import Button, Content, Left
from bot.telegram.markdown import NOTHING, Part, render_long
from bot.telegram.pace import Pace
from bot.telegram.places import is_group
from bot.telegram.rates import Kind
from bot.telegram.turns import Held
from bot.telegram.wire import Gone, Lost, Wire

log = logging.getLogger(__name__)

_LATE = 0.2  # seconds behind time: the process has too much to do
_GIVING_WAY = 10.0  # times as long as it is late, previews are left out
Paint = Callable[[tuple[Part, ...], str], Awaitable[None]]  # and what it was rendered from


class _Enough(Exception):
    """This way of showing previews is of no use here."""


class TelegramSight(PaintedSight):
    """Paints drafts, or edits of a message."""

    def __init__(
        self,
        wire: Wire,
        address: Address,
        *,
        pace: Pace,
        drafts: bool,
        answers: str | None = None,
        reply_to: str | None = None,
        stop: Button | None = None,
        in_place_of: Sequence[str] = (),
    ) -> None:
        """`answers` is the message that this answers, `reply_to` the one that is marked so."""
        self._wire = wire
        self._address = address
        self._pace = pace
        self._drafts = drafts and not in_place_of
        self._answers = answers
        self._reply_to = reply_to
        self._stop = stop
        # Of the message that grows: there is one already if this reply was begun before, or stands
        # in place of another; and of those behind it that are not needed any more.
        self._message_id: str | None = None
        self._says = ""
        if (grown := wire.growing.pop((address, answers), None)) is not None:
            self._message_id, self._says = grown
        if in_place_of:
            self._message_id = in_place_of[0]
        self._old = in_place_of[1:]
        self._painted: Part | None = None  # what that message says, and `_says` as it was written
        super().__init__()

    async def _final(self, content: Content) -> tuple[str, ...]:
        try:
            return await self._shown(content)
        except NotDelivered:
            if self._message_id is not None:
                self._wire.keep_growing(self._address, self._answers, self._message_id, self._says)
            raise

    async def _shown(self, content: Content) -> tuple[str, ...]:
        ids = await self._said(content)
        for old in self._old:
            await self._wire.delete(self._address, old)
        return ids

    async def _said(self, content: Content) -> tuple[str, ...]:
        if self._message_id is not None:
            with suppress(Gone):  # somebody deleted it: the reply is still owed
                return await self._wire.replace(self._address, self._message_id, content)
        return await self._wire.send_content(self._address, content, reply_to=self._reply_to)

    async def cut(self) -> Left | None:
        """Fulfils `bot.screen.Cuttable`, for replies that grow in a message."""
        await self._stop_painting()
        self._finished = True
        if not self._says or self._message_id is None:
            return None
        for old in self._old:
            await self._wire.delete(self._address, old)
        text = whole_sentences(self._says)
        if not text:
            if await self._wire.delete(self._address, self._message_id):
                return Left(text="")
            text = breaking_off(self._says)
        try:
            ids = await self._wire.replace(self._address, self._message_id, Content(text=text))
        except Gone:
            return Left(text="")
        except NotDelivered:
            self._wire.keep_growing(self._address, self._answers, self._message_id, self._says)
            raise
        except DeliveryError as error:  # the right to write there may have been taken back
            log.info("a reply that was cut short stays as it is: %s", error.detail)
            return Left(text=self._says, ids=(self._message_id,))
        return Left(text=text, ids=ids)

    async def _leave(self) -> None:
        if self._stop is None or self._painted is None or self._message_id is None:
            return
        with suppress(Held, TelegramError):
            await self._wire.try_edit(self._address, self._message_id, self._painted, ())

    # The painter's task

    async def _paint(self) -> None:
        try:
            await self._type()
            if self._drafts and await self._paint_drafts():
                return
            await self._paint_message()
        except Exception:
            log.exception("the preview of a reply failed")

    async def _type(self) -> None:
        """Show "typing" until there is a text, if that does not come at once. A process that is
        late has more important things to do.
        """
        late = await first(self._pace.thinking, self._news, self._over)
        while not (self._over.is_set() or self._news.is_set()):
            if late < _LATE:
                with suppress(Held, TelegramError):
                    await self._wire.try_typing(self._address)
            late = await first(self._pace.typing, self._news, self._over)

    async def _paint_drafts(self) -> bool:
        """False: drafts are refused here."""
        draft_id = self._wire.new_draft_id()

        async def paint(parts: tuple[Part, ...], _: str) -> None:
            try:
                await self._wire.try_draft(
                    self._address, draft_id, parts[-1].plain, can_stop=self._stop is not None
                )
            except InvalidToken:  # so the SDK calls a 404: the server does not know the method
                log.info("this Bot API server does not know drafts")
                self._wire.has_drafts = False
                raise _Enough from None
            except BadRequest as error:
                log.info("a draft was refused: %s", error.message)
                raise _Enough from None

        return await self._keep(paint, Kind.DRAFT, self._pace.draft, refresh=self._pace.refresh)

    async def _paint_message(self) -> None:
        rows = () if self._stop is None else ((self._stop,),)

        async def paint(parts: tuple[Part, ...], text: str) -> None:
            part = parts[0].plain  # the rest is sent at the end
            if part == self._painted:
                return
            try:
                if self._message_id is None:
                    self._message_id = await self._wire.try_send(
                        self._address, part, rows, self._reply_to
                    )
                else:
                    await self._wire.try_edit(self._address, self._message_id, part, rows)
            except BadRequest as error:
                log.info("a preview was refused: %s", error.message)
                raise _Enough from None
            except Lost:
                raise _Enough from None  # not another beside it
            self._painted = part
            self._says = text if len(parts) == 1 else part.text

        pace = self._pace
        interval = pace.edit if is_group(self._address.chat) else pace.edit_alone
        await self._keep(paint, Kind.PREVIEW, interval, refresh=None)

    async def _keep(
        self, paint: Paint, kind: Kind, interval: float, *, refresh: float | None
    ) -> bool:
        """Paint what is new, at most once an interval, until it is over (True) or of no use here
        (False). After `refresh` seconds the same is painted again.
        """
        painted = ""
        while not self._over.is_set():
            text = self._text
            if text == painted:
                self._news.clear()
                await first(refresh, self._news, self._over)
                painted = painted if self._news.is_set() else ""
                continue
            parts = await render_long(text)
            painted = text
            if parts[0].text == NOTHING or self._over.is_set():
                continue
            try:
                await paint(parts, text)
            except _Enough:
                return False
            except Forbidden:  # `finish` will say so
                return True
            except Held:
                painted = ""
            except TelegramError as error:
                log.info("a preview did not arrive: %s", error.message)
            late = await first(max(interval, self._wire.wait(self._address, kind)), self._over)
            if late >= _LATE:  # the process has too much to do: previews give way
                await first(late * _GIVING_WAY, self._over)
        return True
