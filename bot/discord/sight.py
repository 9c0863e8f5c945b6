"""A reply while it is being written: messages that grow by edits, one after another."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from avatar.errors import DeliveryError, NotDelivered, Unreachable
from avatar.records import Address
from bot.discord.calls import Gone
from bot.discord.markdown import NOTHING, render_long
from bot.discord.pace import Pace
from bot.discord.personas import Persona
from bot.discord.pieces import MOST, Piece
from bot.discord.ticket import ticket_of
from bot.discord.wire import Shown, Wire
from bot.painting import PaintedSight, first
from bot.screen import Button, Content, Speaker

log = logging.getLogger(__name__)


class DiscordSight(PaintedSight):
    """Paints by edits."""

    def __init__(
        self,
        wire: Wire,
        address: Address,
        *,
        pace: Pace,
        reply_to: str | None,
        stop: Button | None,
        speaker: Speaker | None = None,
        in_place_of: Sequence[str] = (),
    ) -> None:
        self._wire = wire
        self._address = address
        self._pace = pace
        self._reply_to = reply_to
        self._rows = () if stop is None else ((stop,),)
        self._speaker = speaker
        self._persona: Persona | None = None
        self._shown = [Shown(id=each) for each in in_place_of[:1]]
        self._old = [Shown(id=each) for each in in_place_of[1:]]
        super().__init__()

    async def _final(self, content: Content) -> tuple[str, ...]:
        if self._shown:
            with suppress(Gone):  # somebody deleted it: the reply is still owed
                return await self._wire.replace(
                    self._address,
                    [*self._shown, *self._old],
                    content,
                    reply_to=self._reply_to,
                    persona=self._persona,
                )
        return await self._wire.send_content(
            self._address, content, reply_to=self._reply_to, persona=self._persona
        )

    async def _leave(self) -> None:
        last = self._shown[-1] if self._shown else None
        if last is not None and last.piece is not None and last.piece.rows:
            with suppress(DeliveryError, Gone):
                await self._wire.edit_piece(self._address, last, Piece(text=last.piece.text))

    # The painter's task

    async def _paint(self) -> None:
        try:
            if ticket_of(self._reply_to) is None:  # else Discord shows that something comes
                if self._speaker is not None:
                    self._persona = await self._wire.personas.of(self._address, self._speaker)
                for shown in (self._shown, self._old):
                    shown[:] = [replace(each, persona=self._persona) for each in shown]
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
            await first(self._pace.typing, self._news, self._over)

    async def _grow(self) -> None:
        """Make one step towards what is to be seen, at most once an interval."""
        while not self._over.is_set():
            await first(None, self._news, self._over)
            self._news.clear()
            texts = (await render_long(self._text))[:MOST]
            if texts[0] == NOTHING:
                continue
            at = max(0, len(self._shown) - 1)
            if self._shown and self._shown[at].piece == self._wanted(texts, at):
                at += 1
            if at >= len(texts) or self._over.is_set():
                continue
            if not await self._painted(at, self._wanted(texts, at)):
                return
            if at + 1 < len(texts):
                self._news.set()
            await first(self._pace.edit, self._over)

    def _wanted(self, texts: Sequence[str], at: int) -> Piece:
        """What a message should say now; the last has the button."""
        return Piece(text=texts[at], rows=self._rows if at == len(texts) - 1 else ())

    async def _painted(self, at: int, piece: Piece) -> bool:
        """False: it may stand in the channel, and we do not know its id: not another beside it."""
        shown = self._shown[at] if at < len(self._shown) else None
        if at == 0 and self._reply_to is not None and ticket_of(self._reply_to) is not None:
            shown = Shown(id=self._reply_to)  # Discord keeps a place for the answer to a command
        try:
            if shown is not None:
                await self._wire.edit_piece(self._address, shown, piece)
                shown = replace(shown, piece=piece)
            else:
                shown = await self._wire.send_piece(
                    self._address, piece, at, reply_to=self._reply_to, persona=self._persona
                )
        except NotDelivered as error:
            log.info("a preview did not arrive: %s", error.detail)
            return shown is not None
        self._shown[at:] = [shown]
        return True
