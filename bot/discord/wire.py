"""What is put into channels, as calls of Discord's API."""

import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from discord.http import Route
from discord.utils import DEFAULT_FILE_SIZE_LIMIT_BYTES

from avatar.errors import DeliveryError, Unreachable
from avatar.language import noted, tr
from avatar.records import Address
from bot.discord.calls import Calls, Gone, Stale
from bot.discord.client import Client
from bot.discord.pace import Pace
from bot.discord.personas import Persona, Personas, PictureOf
from bot.discord.pieces import Json, Piece, addressed, pieces_of
from bot.discord.places import Place, aside, message_at, place_of
from bot.discord.ticket import Ticket, ticket_of
from bot.kept import keep
from bot.screen import Content

log = logging.getLogger(__name__)

# The addresses that a model writes are no reason for a picture under every reply.
_NO_PREVIEW = 1 << 2
_EPHEMERAL = 1 << 6
_CARD = 1 << 15  # Discord: IS_COMPONENTS_V2
_NOBODY: Json = {"parse": [], "replied_user": False}
_THREAD = 11  # a public thread
_ARCHIVED_AFTER = 1440  # minutes without a message
_THREAD_NAME = 100  # characters
_FORM = 10_000  # bytes of a call with a file, beside it
_PEOPLE = 10_000  # whose channel of direct messages is remembered
_REFUSED = noted("Discord did not take the answer, so that it cannot be shown. Please try again.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A message that stands in a channel."""

    id: str  # or a ticket
    piece: Piece | None = None  # what it says, where that is known
    persona: Persona | None = None  # who said it, if not the bot itself


class Wire:
    """The bot's hand. Everything raises Unreachable and NotDelivered."""

    def __init__(self, client: Client, pace: Pace, picture_of: PictureOf | None = None) -> None:
        self._client = client
        self._calls = Calls(client, pace)
        self.personas = Personas(client, self._calls, picture_of)
        # By person: the channel of direct messages with them.
        self._direct: OrderedDict[int, int] = OrderedDict()

    async def send_content(
        self,
        address: Address,
        content: Content,
        *,
        reply_to: str | None,
        persona: Persona | None = None,
    ) -> tuple[str, ...]:
        """Send all pieces. `reply_to` is a message of the channel, or a ticket: then the pieces
        answer that interaction, as long as that is possible. `persona` says them, where there is
        one.
        """
        ids = []
        for i, piece in enumerate(await pieces_of(self._fitting(address, content))):
            sent = await self.send_piece(
                address, piece, i, reply_to=reply_to, persona=persona, known_by=reply_to
            )
            ids.append(sent.id)
        return tuple(ids)

    async def replace(
        self,
        address: Address,
        shown: Sequence[Shown],
        content: Content,
        *,
        reply_to: str | None = None,
        persona: Persona | None = None,
    ) -> tuple[str, ...]:
        """Put the content in place of messages; what does not fit is sent behind them, and those
        that are not needed go. Raises Gone when there is nothing left of the first.
        """
        pieces = await pieces_of(self._fitting(address, content))
        ids: list[str] = []
        for i, piece in enumerate(pieces):
            if i < len(shown):
                try:
                    ids.append(await self._replaced(address, shown[i], piece))
                    continue
                except Gone:
                    if i == 0:
                        raise
            sent = await self.send_piece(
                address,
                piece,
                max(i, 1),
                reply_to=reply_to,
                persona=persona,
                known_by=shown[0].id,
            )
            ids.append(sent.id)
        for extra in shown[len(pieces) :]:
            await self._delete(address, extra)
        return tuple(ids)

    def _fitting(self, address: Address, content: Content) -> Content:
        """With a word in place of a file that is larger than Discord takes there."""
        file = content.file
        server = self._client.get_guild(int(address.chat)) if address.thread else None
        most = DEFAULT_FILE_SIZE_LIMIT_BYTES if server is None else server.filesize_limit
        if file is None or len(file.content) <= most - _FORM:
            return content
        told = tr(
            "{file} has {size:.1f} MB, and Discord takes no more than {most:.1f} MB here.",
            file=file.name,
            size=len(file.content) / 1_000_000,
            most=most / 1_000_000,
        )
        return replace(content, file=None, text=f"{content.text}\n\n{told}")

    async def _replaced(self, address: Address, shown: Shown, piece: Piece) -> str:
        if piece == shown.piece and ticket_of(shown.id) is None:
            return shown.id
        return await self.edit_piece(address, shown, piece)

    async def edit_piece(self, address: Address, shown: Shown, piece: Piece) -> str:
        """One message in place (with a ticket: the answer to a command, or the message whose
        button was pressed); its id. Raises Gone.
        """
        ticket, place = ticket_of(shown.id), place_of(address)
        if ticket is not None and ticket.card:
            piece = piece.as_card
        if ticket is None:
            channel, message = message_at(place, shown.id)
            await self._edit(channel, message, piece, shown.persona)
            return shown.id
        if ticket.is_good(datetime.now(UTC)):
            try:
                return str((await self._edit_original(ticket, piece))["id"])
            except Stale:
                pass
        if not ticket.pressed:
            raise Gone
        await self._edit(place.channel, ticket.pressed, piece)
        return str(ticket.pressed)

    async def send_piece(
        self,
        address: Address,
        piece: Piece,
        index: int,
        *,
        reply_to: str | None,
        persona: Persona | None = None,
        known_by: str | None = None,
    ) -> Shown:
        """One message, the `index`-th of an answer. With `known_by`, the same piece that is sent
        again within some minutes is not shown again (but for personas: their messages cannot be
        known again).
        """
        ticket = ticket_of(reply_to)
        if ticket is not None:
            try:
                return Shown(id=await self._answer(ticket, piece, first=index == 0), piece=piece)
            except Stale:
                # What only this person should see is told to them, where they read it alone.
                address = aside(address, str(ticket.user)) if ticket.hidden else address
        elif persona is not None:
            try:
                said = await self._said_by(persona, piece)
                return Shown(id=said, piece=piece, persona=persona)
            except (Stale, Gone, Unreachable) as error:
                log.info("%s has no webhook any more: %s", persona.name, error)
                self.personas.forget(persona)
        nonce = secrets.token_hex(12) if known_by is None else _nonce(known_by, index, piece.said)
        place = place_of(address)
        if place.person is not None:
            return Shown(id=await self._send_aside(place, piece, nonce), piece=piece)
        mark = None if place.private or ticket is not None or index else reply_to
        id_ = await self._post(place.channel, piece, nonce, reply_to=mark)
        return Shown(id=str(id_), piece=piece)

    async def typing(self, address: Address) -> None:
        """Show that something is being written."""
        channel = place_of(address).channel
        await self._calls.call(Route("POST", "/channels/{channel_id}/typing", channel_id=channel))

    async def open_thread(self, address: Address, *, name: str) -> int:
        """A new public thread in a channel; its id."""
        body = {
            "name": name[:_THREAD_NAME],
            "type": _THREAD,
            "auto_archive_duration": _ARCHIVED_AFTER,
        }
        channel = place_of(address).channel
        route = Route("POST", "/channels/{channel_id}/threads", channel_id=channel)
        made = await self._calls.call(route, body, repeatable=False)
        return int(made["id"])

    async def add_to_thread(self, thread: int, person: str) -> None:
        """Bring somebody into a thread."""
        await self._calls.call(
            Route(
                "PUT",
                "/channels/{channel_id}/thread-members/{user_id}",
                channel_id=thread,
                user_id=person,
            )
        )

    # Single calls

    async def _answer(self, ticket: Ticket, piece: Piece, *, first: bool) -> str:
        """Answer an interaction. A command waits for its first piece; the rest comes behind it.
        Raises Stale.
        """
        if not ticket.is_good(datetime.now(UTC)):
            raise Stale
        if first and not ticket.pressed:
            try:
                return str((await self._edit_original(ticket, piece))["id"])
            except Unreachable:  # else they would read for ever that it is being thought about
                with suppress(DeliveryError, Stale):
                    await self._edit_original(ticket, Piece(text=tr(_REFUSED)))
                raise
        route = Route(
            "POST",
            "/webhooks/{webhook_id}/{webhook_token}",
            webhook_id=ticket.application,
            webhook_token=ticket.token,
        )
        body = _body(piece)
        body["flags"] |= _EPHEMERAL if ticket.hidden else 0
        try:
            sent = await self._calls.call(route, body, file=_file(piece), repeatable=False)
        except Gone as error:  # not here, then
            raise Stale from error
        return str(sent["id"])

    async def _edit_original(self, ticket: Ticket, piece: Piece) -> Any:
        route = Route(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=ticket.application,
            webhook_token=ticket.token,
        )
        try:
            return await self._calls.call(route, _body(piece), file=_file(piece))
        except Gone as error:  # the person dismissed it
            raise Stale from error

    async def _said_by(self, persona: Persona, piece: Piece) -> str:
        body = {**_body(piece), "username": persona.name}
        sent = await self._calls.call(
            persona.route("POST"),
            body,
            file=_file(piece),
            query={"wait": "true", **persona.query},
            repeatable=False,
        )
        return str(sent["id"])

    async def _edit(
        self, channel: int, message: int, piece: Piece, persona: Persona | None = None
    ) -> None:
        route, query = _standing("PATCH", channel, message, persona)
        try:
            await self._calls.call(route, _body(piece), file=_file(piece), query=query)
        except Stale as error:
            if persona is None:
                raise
            self.personas.forget(persona)
            raise Gone from error

    async def _delete(self, address: Address, shown: Shown) -> None:
        """What is gone already, or may not be deleted, stays as it is."""
        channel, message = message_at(place_of(address), shown.id)
        route, query = _standing("DELETE", channel, message, shown.persona)
        with suppress(DeliveryError, Gone, Stale):
            await self._calls.call(route, query=query)

    async def _post(
        self,
        channel: int,
        piece: Piece,
        nonce: str,
        *,
        reply_to: str | None = None,
        names: int | None = None,
    ) -> int:
        """Discord makes one message of two with the same nonce, so that a call whose answer was
        lost can be made again. Where the bot may not read what was said before, it may write, but
        not mark what it answers.
        """
        body = {**_body(piece), "nonce": nonce, "enforce_nonce": True}
        if reply_to is not None:
            body["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
        if names is not None:
            body["allowed_mentions"] = {**_NOBODY, "users": [str(names)]}
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        try:
            sent = await self._calls.call(route, body, file=_file(piece))
        except (Gone, Stale) as error:
            raise Unreachable(detail=str(error)) from error
        except Unreachable:
            if reply_to is None:
                raise
            return await self._post(channel, piece, nonce, names=names)
        return int(sent["id"])

    async def _send_aside(self, place: Place, piece: Piece, nonce: str) -> str:
        """By direct message, or, if the person takes none, with their name in the channel."""
        person = place.person or 0
        try:
            channel = await self._direct_channel(person)
            return f"{channel}/{await self._post(channel, piece, nonce)}"
        except Unreachable as error:
            log.info("no direct message to %s: %s", person, error.detail)
        sent = 0
        for i, named in enumerate(addressed(piece, person)):
            sent = await self._post(place.channel, named, _nonce(nonce, i), names=person)
        return f"{place.channel}/{sent}"

    async def _direct_channel(self, person: int) -> int:
        found = self._direct.get(person)
        if found is None:
            body = {"recipient_id": str(person)}
            made = await self._calls.call(Route("POST", "/users/@me/channels"), body)
            found = int(made["id"])
        keep(self._direct, person, found, most=_PEOPLE)
        return found


def _standing(
    method: str, channel: int, message: int, persona: Persona | None
) -> tuple[Route, dict[str, str]]:
    """How a message that stands in a channel is reached, by whoever said it; and the query."""
    if persona is not None:
        return persona.route(method, message), persona.query
    path = "/channels/{channel_id}/messages/{message_id}"
    return Route(method, path, channel_id=channel, message_id=message), {}


def _body(piece: Piece) -> Json:
    return {
        "content": None if piece.card else piece.text,
        "components": piece.components,
        "allowed_mentions": _NOBODY,
        "flags": _NO_PREVIEW | (_CARD if piece.card else 0),
    }


def _file(piece: Piece) -> tuple[str, bytes] | None:
    return None if piece.file is None else (piece.file_name, piece.file)


def _nonce(*what: object) -> str:
    return hashlib.sha256(":".join(map(str, what)).encode()).hexdigest()[:24]
