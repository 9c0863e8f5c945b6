"""What is put into channels, as calls of Discord's API."""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from discord.http import Route

from avatar.errors import Unreachable
from avatar.records import Address
from bot.discord.calls import Calls, Gone, Stale
from bot.discord.client import Client
from bot.discord.pace import Pace
from bot.discord.pieces import FILE_NAME, Json, Piece, addressed, pieces_of
from bot.discord.places import Place, aside, message_at, place_of
from bot.discord.ticket import Ticket, ticket_of
from bot.screen import Content

log = logging.getLogger(__name__)

# The addresses that a model writes are no reason for a picture under every reply.
_NO_PREVIEW = 1 << 2
_EPHEMERAL = 1 << 6
_NOBODY: Json = {"parse": [], "replied_user": False}
_THREAD = 11  # a public thread
_ARCHIVED_AFTER = 1440  # minutes without a message
_THREAD_NAME = 100  # characters


class Wire:
    """The bot's hand. Everything raises Unreachable and NotDelivered."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._calls = Calls(client, pace)
        self._direct: dict[int, int] = {}  # person → the channel of direct messages with them

    async def send_content(
        self, address: Address, content: Content, *, reply_to: str | None
    ) -> tuple[str, ...]:
        """Send all pieces. `reply_to` is a message of the channel, or a ticket: then the pieces
        answer that interaction, as long as that is possible.
        """
        return await self._send_pieces(address, await pieces_of(content), reply_to)

    async def replace(
        self, address: Address, message_id: str, content: Content, *, reply_to: str | None = None
    ) -> tuple[str, ...]:
        """Put the content in place of a message (or of the one whose button was pressed: then the
        id is a ticket); what does not fit is sent behind it. Raises Gone.
        """
        first, *rest = await pieces_of(content)
        id_ = await self.edit_piece(address, message_id, first)
        behind = reply_to if ticket_of(message_id) is None else message_id
        return (id_, *await self._send_pieces(address, rest, behind, first=1))

    async def edit_piece(self, address: Address, message_id: str, piece: Piece) -> str:
        """One message, in place; its id. Raises Gone."""
        ticket, place = ticket_of(message_id), place_of(address)
        if ticket is None:
            channel, message = message_at(place, message_id)
            await self._edit(channel, message, piece)
            return message_id
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
        *,
        reply_to: str | None,
        nonce: str | None = None,
    ) -> str:
        """One message, as an ordinary one; its id."""
        place = place_of(address)
        if place.person is not None:
            return await self._send_aside(place, piece, nonce)
        mark = None if place.private or ticket_of(reply_to) is not None else reply_to
        return str(await self._post(place.channel, piece, reply_to=mark, nonce=nonce))

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

    # Pieces

    async def _send_pieces(
        self, address: Address, pieces: Sequence[Piece], reply_to: str | None, *, first: int = 0
    ) -> tuple[str, ...]:
        ticket = ticket_of(reply_to)
        ids: list[str] = []
        for i, piece in enumerate(pieces, start=first):
            if ticket is not None:
                try:
                    ids.append(await self._answer(ticket, piece, first=i == 0))
                    continue
                except Stale:
                    # What only this person should see is told to them, where they read it alone.
                    address = aside(address, str(ticket.user)) if ticket.hidden else address
                    ticket = None
            nonce = None if reply_to is None else _nonce(reply_to, i, piece.text)
            mark = reply_to if i == 0 else None
            ids.append(await self.send_piece(address, piece, reply_to=mark, nonce=nonce))
        return tuple(ids)

    async def _answer(self, ticket: Ticket, piece: Piece, *, first: bool) -> str:
        """Answer an interaction. A command waits for its first piece; the rest comes behind it.
        Raises Stale.
        """
        if not ticket.is_good(datetime.now(UTC)):
            raise Stale
        if first and not ticket.pressed:
            return str((await self._edit_original(ticket, piece))["id"])
        route = Route(
            "POST",
            "/webhooks/{webhook_id}/{webhook_token}",
            webhook_id=ticket.application,
            webhook_token=ticket.token,
        )
        body = _body(piece)
        body["flags"] |= _EPHEMERAL if ticket.hidden else 0
        sent = await self._calls.call(route, body, file=_file(piece), repeatable=False)
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

    async def _edit(self, channel: int, message: int, piece: Piece) -> None:
        route = Route(
            "PATCH",
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel,
            message_id=message,
        )
        await self._calls.call(route, _body(piece), file=_file(piece))

    async def _post(
        self,
        channel: int,
        piece: Piece,
        *,
        reply_to: str | None = None,
        nonce: str | None = None,
        names: int | None = None,
    ) -> int:
        """Discord makes one message of two with the same nonce, so that a call whose answer was
        lost can be made again.
        """
        body = _body(piece)
        body |= {"nonce": nonce or secrets.token_hex(12), "enforce_nonce": True}
        if reply_to is not None:
            body["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
        if names is not None:
            body["allowed_mentions"] = {**_NOBODY, "users": [str(names)]}
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        try:
            sent = await self._calls.call(route, body, file=_file(piece))
        except (Gone, Stale) as error:
            raise Unreachable(detail=str(error)) from error
        return int(sent["id"])

    async def _send_aside(self, place: Place, piece: Piece, nonce: str | None) -> str:
        """By direct message, or, if the person takes none, with their name in the channel."""
        person = place.person or 0
        try:
            channel = await self._direct_channel(person)
            return f"{channel}/{await self._post(channel, piece, nonce=nonce)}"
        except Unreachable as error:
            log.info("no direct message to %s: %s", person, error.detail)
        sent = 0
        for named in addressed([piece], person):
            sent = await self._post(place.channel, named, names=person)
        return f"{place.channel}/{sent}"

    async def _direct_channel(self, person: int) -> int:
        found = self._direct.get(person)
        if found is None:
            body = {"recipient_id": str(person)}
            made = await self._calls.call(Route("POST", "/users/@me/channels"), body)
            found = self._direct[person] = int(made["id"])
        return found


def _body(piece: Piece) -> Json:
    return {
        "content": piece.text,
        "components": piece.components,
        "allowed_mentions": _NOBODY,
        "flags": _NO_PREVIEW,
    }


def _file(piece: Piece) -> tuple[str, bytes] | None:
    return None if piece.file is None else (FILE_NAME, piece.file)


def _nonce(*what: object) -> str:
    return hashlib.sha256(":".join(map(str, what)).encode()).hexdigest()[:24]
