"""What Discord must hear within 3 seconds: acknowledgements, completions, forms."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

import discord
from discord.http import Route

from avatar.errors import DeliveryError, Unreachable
from avatar.language import noted, speaking, tr
from bot.commands import Command, Kind
from bot.completion import Completion, Form, Offer, fitting
from bot.discord import reading, slash
from bot.discord.calls import Acknowledged, Calls, Stale
from bot.discord.client import Client
from bot.discord.pace import Pace

log = logging.getLogger(__name__)

Json = dict[str, Any]
T = TypeVar("T")

# How an interaction is answered at once.
_MESSAGE, _LATER, _LATER_IN_PLACE, _CHOICES, _FORM = 4, 5, 6, 8, 9
_EPHEMERAL = 1 << 6
_OFFERED = 25  # choices
_NAME = 100  # characters of one
_TITLE, _FIELD, _HINT = 45, 4000, 100  # characters
_LABEL, _TEXT_INPUT, _PARAGRAPH = 18, 4, 2  # components of a form, and a style
# Commands that may be carried out without another word: this is their answer then.
_AT_ONCE = {"stop": noted("Stopping the reply.")}


class Answering:
    """First answers to interactions."""

    def __init__(self, client: Client, pace: Pace, completion: Completion | None) -> None:
        self._client = client
        self._pace = pace
        self._completion = completion
        self._calls = Calls(client, pace)

    async def at_once(self, asked: discord.Interaction) -> bool:
        """Answer what needs nothing but a look. False: it is to be handed over."""
        data: Any = asked.data or {}
        if asked.type is discord.InteractionType.autocomplete:
            await self._complete(asked, slash.focus(data))
            return True
        if asked.type is discord.InteractionType.application_command:
            command = slash.wants_form(data)
            form = None if command is None else await self._form(asked, command)
            if command is not None and form is not None:
                # A form that Discord refuses is no answer: the command itself says what it has.
                return await self._answered(asked, _FORM, _form(command, form), refused=False)
        return False

    async def acknowledged(self, asked: discord.Interaction) -> bool:
        """Tell Discord that the answer comes later. False: it is too late for this one."""
        if asked.type is discord.InteractionType.component:
            return await self._answered(asked, _LATER_IN_PLACE)
        name = reading.command_of(asked)
        flags = _EPHEMERAL if reading.is_hidden(asked) else 0
        if name in _AT_ONCE:
            with speaking(await self._language(asked)):
                said = tr(_AT_ONCE[name])
            return await self._answered(asked, _MESSAGE, {"content": said, "flags": flags})
        return await self._answered(asked, _LATER, {"flags": flags})

    async def _answered(
        self,
        asked: discord.Interaction,
        kind: int,
        data: Json | None = None,
        *,
        refused: bool = True,
    ) -> bool:
        """False: it is too late; and `refused` where Discord does not want this answer."""
        route = Route(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            webhook_id=asked.id,
            webhook_token=asked.token,
        )
        body: Json = {"type": kind} if data is None else {"type": kind, "data": data}
        try:
            async with asyncio.timeout(self._pace.first):
                await self._calls.call(route, body)
        except TimeoutError:
            log.warning("an interaction was perhaps not acknowledged: no answer in time")
        except Acknowledged:  # the answer to an earlier call got lost
            return True
        except Stale:
            log.warning("an interaction came too late to be answered")
            return False
        except Unreachable as error:
            log.warning("Discord refused the answer to an interaction: %s", error.detail)
            return refused
        except DeliveryError as error:
            log.warning("an interaction was perhaps not acknowledged: %s", error.detail)
        return True

    async def _complete(self, asked: discord.Interaction, focus: slash.Focus | None) -> None:
        choices: list[Json] = []
        if focus is not None:
            number = focus.parameter.kind in slash.NUMBERS
            choices = [
                {
                    "name": " · ".join(filter(None, (offer.value, offer.label)))[:_NAME],
                    "value": int(offer.value) if number else offer.value[:_NAME],
                }
                for offer in (await self._offers(asked, focus))[:_OFFERED]
            ]
        await self._answered(asked, _CHOICES, {"choices": choices})

    async def _offers(self, asked: discord.Interaction, focus: slash.Focus) -> tuple[Offer, ...]:
        if self._completion is None or asked.channel_id is None:
            return ()
        if focus.parameter.kind is Kind.ROLE:
            with speaking(await self._language(asked)):
                return fitting(_roles(asked), focus.text)
        looking = self._completion.offers(
            focus.parameter,
            focus.text,
            author=reading.author(asked.user),
            address=reading.address_of(asked.guild_id, asked.channel_id, self._client.me),
        )
        return await self._in_time(looking) or ()

    async def _form(self, asked: discord.Interaction, command: Command) -> Form | None:
        if self._completion is None or asked.channel_id is None:
            return None
        looking = self._completion.form(
            command,
            author=reading.author(asked.user),
            address=reading.address_of(asked.guild_id, asked.channel_id, self._client.me),
        )
        form = await self._in_time(looking)
        # What does not fit is shown by the command itself, whole.
        return None if form is None or len(form.text) > _FIELD else form

    async def _language(self, asked: discord.Interaction) -> str:
        """Which one is spoken where they asked; "": it is not known."""
        if self._completion is None or asked.channel_id is None:
            return ""
        address = reading.address_of(asked.guild_id, asked.channel_id, self._client.me)
        return await self._in_time(self._completion.language(address)) or ""

    async def _in_time(self, looking: Awaitable[T]) -> T | None:
        """None: it took too long or failed, and the person goes on without."""
        try:
            async with asyncio.timeout(self._pace.form):
                return await looking
        except Exception:
            log.exception("a completion or a form could not be made in time")
            return None


def _roles(asked: discord.Interaction) -> tuple[Offer, ...]:
    """The roles of the server; not that of everybody, and none that a bot or Discord manages."""
    roles = () if asked.guild is None else reversed(asked.guild.roles)  # the highest first
    named = (
        Offer(value=str(role.id), label=role.name)
        for role in roles
        if not role.is_default() and not role.managed
    )
    return (*named, Offer(value="off", label=tr("no role")))


def _form(command: Command, form: Form) -> Json:
    field: Json = {
        "type": _TEXT_INPUT,
        "custom_id": "text",
        "style": _PARAGRAPH,
        "max_length": _FIELD,
        "required": True,
    }
    if form.text:
        field["value"] = form.text
    if form.hint:
        field["placeholder"] = form.hint[:_HINT]
    label: Json = {"type": _LABEL, "label": command.parameters[-1].name.title(), "component": field}
    return {"custom_id": command.name, "title": form.title[:_TITLE], "components": [label]}
