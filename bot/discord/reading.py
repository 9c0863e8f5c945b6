"""From an event of Discord's to `Incoming`: pure, and None for what is not meant for the bot."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import discord

from avatar.incoming import Incoming, Reaction, RepliedTo
from avatar.records import Address, Attachment, Author
from bot.actions import Verb
from bot.discord.files import attachment, described
from bot.discord.slash import IN_MENUS, typed
from bot.discord.ticket import Ticket, moment_of

PLATFORM = "discord"
# Commands whose answers concern the whole channel: all of it sees them.
_PUBLIC = frozenset({"start", "new", "retry", "talk", "avatar"})
_SAID = frozenset({discord.MessageType.default, discord.MessageType.reply})


def message(said: discord.Message, *, me: discord.abc.User, app: int) -> Incoming | None:
    """What somebody wrote to the bot: privately, in a thread that it opened, with its name, or in
    reply to it; or to nobody in particular, where we may read that. None for other bots.
    """
    if said.author.bot or said.webhook_id is not None or said.type not in _SAID:
        return None
    server = server_of(said)
    private = server is None
    answered = _answered(said, me, app)
    text, mentioned = _without_mention(said, me)
    attachments = _files(said)
    forwarded = None
    if said.message_snapshots:  # Discord does not tell whose words they were
        passed_on = said.message_snapshots[0]
        text, attachments, forwarded = passed_on.content, _files(passed_on), ""
    addressed = private or mentioned or (answered is not None and answered.from_us)
    if not addressed:
        addressed = isinstance(said.channel, discord.Thread) and said.channel.owner_id == me.id
    if not text and not attachments and not mentioned:
        return None
    return Incoming(
        update_id=str(said.id),
        address=address_of(server, said.channel.id, me),
        author=author(said.author),
        message_id=str(said.id),
        sent_at=said.created_at,
        text=text,
        attachments=attachments,
        reply_to=answered,
        private=private,
        addressed=addressed,
        roles=roles_of(said.author),
        forwarded=forwarded,
    )


def _files(said: discord.Message | discord.MessageSnapshot) -> tuple[Attachment, ...]:
    stickers = (
        Attachment(ref="", name=sticker.name, size=None, kind="sticker")
        for sticker in said.stickers
    )
    return (*(attachment(each) for each in said.attachments), *stickers)


def edit(said: discord.Message, *, me: discord.abc.User, app: int) -> Incoming | None:
    """A message of a person that says something else now. None also for what Discord itself adds
    to one (a preview of a link): nothing was edited then.
    """
    found = message(said, me=me, app=app)
    if found is None or said.edited_at is None or not found.text:
        return None
    moment = int(said.edited_at.timestamp() * 1000)
    return replace(found, update_id=f"{said.id}:{moment}", edited=True)


def reaction(
    reacted: discord.RawReactionActionEvent, *, me: discord.abc.User, now: datetime
) -> Incoming | None:
    """A thumb that came or went; None: another reaction, or our own. Discord gives reactions no
    number; one that is told twice does the same twice, which changes nothing.
    """
    came = reacted.event_type == "REACTION_ADD"
    match (reacted.emoji.name or "")[:1]:  # without its colour
        case "👍":
            thumb = Reaction.UP if came else Reaction.UP_GONE
        case "👎":
            thumb = Reaction.DOWN if came else Reaction.DOWN_GONE
        case _:
            return None
    if reacted.user_id == me.id or reacted.emoji.id is not None:
        return None
    user = str(reacted.user_id)
    return Incoming(
        update_id=f"reaction:{secrets.token_hex(12)}",
        address=address_of(reacted.guild_id, reacted.channel_id, me),
        author=Author(platform=PLATFORM, external_id=user, name=user),
        message_id=str(reacted.message_id),
        sent_at=now,
        private=reacted.guild_id is None,
        reaction=thumb,
    )


def interaction(asked: discord.Interaction, *, me: discord.abc.User) -> Incoming | None:
    """A command, a press, a form that was sent, or a message's menu; None for what is none."""
    data: Mapping[str, Any] = asked.data or {}
    if asked.channel_id is None:
        return None
    address = address_of(asked.guild_id, asked.channel_id, me)
    match asked.type:
        case discord.InteractionType.application_command:
            in_menu = IN_MENUS.get(str(data.get("name", "")))
            if in_menu is not None:
                target = _target(data, me, asked.application_id)
                return _asked(asked, address, f"/{in_menu}", reply_to=target)
            text, files = typed(data)
            return _asked(asked, address, text, files=files)
        case discord.InteractionType.modal_submit:
            return _asked(asked, address, f"/{command_of(asked)} {_field(data)}")
        case discord.InteractionType.component if asked.message is not None:
            code = str(data.get("custom_id", ""))
            # Who speaks in a channel concerns all of it; the other buttons are for managing.
            hidden = asked.guild_id is not None and code.partition(":")[0] != Verb.TALK
            card = asked.message.flags.components_v2
            ticket = _ticket(asked, pressed=asked.message.id, hidden=hidden, card=card)
            return Incoming(
                update_id=str(asked.id),
                address=address,
                author=author(asked.user),
                message_id=str(ticket),
                sent_at=moment_of(asked.id),
                action=code,
                private=asked.guild_id is None,
                administers=_administers(asked),
                roles=roles_of(asked.user),
            )
        case _:
            return None


def server_of(said: discord.Message) -> int | None:
    """The server's id; None: a direct message."""
    if said.guild is not None:
        return said.guild.id
    channel = said.channel
    return channel.guild_id if isinstance(channel, discord.PartialMessageable) else None


def command_of(asked: discord.Interaction) -> str:
    """The command that a slash, a menu or a form stands for."""
    data: Mapping[str, Any] = asked.data or {}
    name = str(data.get("name") or data.get("custom_id") or "")
    return IN_MENUS.get(name, name)


def is_hidden(asked: discord.Interaction) -> bool:
    """Whether the answer is for the person alone, where others could see it."""
    return asked.guild_id is not None and command_of(asked) not in _PUBLIC


def _asked(
    asked: discord.Interaction,
    address: Address,
    text: str,
    *,
    files: tuple[Attachment, ...] = (),
    reply_to: RepliedTo | None = None,
) -> Incoming:
    ticket = _ticket(asked, pressed=0, hidden=is_hidden(asked))
    return Incoming(
        update_id=str(asked.id),
        address=address,
        author=author(asked.user),
        message_id=str(ticket),
        sent_at=moment_of(asked.id),
        text=text,
        attachments=files,
        reply_to=reply_to,
        private=asked.guild_id is None,
        language=asked.locale.value,
        administers=_administers(asked),
        roles=roles_of(asked.user),
    )


def _administers(asked: discord.Interaction) -> bool:
    """Whether the person may manage the server; Discord says it with every interaction."""
    return asked.guild_id is not None and asked.permissions.manage_guild


def roles_of(user: discord.abc.User) -> tuple[str, ...]:
    """The ids of a member's roles; the one that everybody has is named like the server."""
    if not isinstance(user, discord.Member):
        return ()
    return tuple(str(id_) for id_ in user._roles)


def _ticket(
    asked: discord.Interaction, *, pressed: int, hidden: bool, card: bool = False
) -> Ticket:
    return Ticket(
        application=asked.application_id,
        id=asked.id,
        token=asked.token,
        user=asked.user.id,
        pressed=pressed,
        hidden=hidden,
        card=card,
    )


def address_of(server: int | None, channel: int, me: discord.abc.User) -> Address:
    """Channels, and threads, which are channels of their own, are inside of a server; a direct
    message's channel is a chat by itself.
    """
    chat, thread = (channel, "") if server is None else (server, str(channel))
    return Address(platform=PLATFORM, chat=str(chat), thread=thread, bot=str(me.id))


def author(user: discord.abc.User) -> Author:
    """Somebody, by the name that is the same in all servers."""
    name = user.global_name or user.name
    return Author(platform=PLATFORM, external_id=str(user.id), name=name)


def _answered(said: discord.Message, me: discord.abc.User, app: int) -> RepliedTo | None:
    reference = said.reference
    if said.type is not discord.MessageType.reply or reference is None:
        return None
    if reference.message_id is None:
        return None
    answered = reference.resolved
    if not isinstance(answered, discord.Message):  # deleted, or not told
        return RepliedTo(message_id=str(reference.message_id))
    return RepliedTo(
        message_id=str(answered.id),
        text=answered.content,
        attachments=tuple(attachment(each) for each in answered.attachments),
        author=author(answered.author),
        from_us=_ours(answered.author.id, answered.webhook_id, answered.application_id, me, app),
    )


def _ours(
    author: int, webhook: int | None, application: int | None, me: discord.abc.User, app: int
) -> bool:
    """Whether we said it: avatars with names of their own speak by our webhooks."""
    return author == me.id or (webhook is not None and application == app)


def _without_mention(said: discord.Message, me: discord.abc.User) -> tuple[str, bool]:
    """The text without the bot's name, and whether that was in it. A bot can also be named by
    the role that Discord made for it.
    """
    names = [rf"<@!?{me.id}>"]
    role = None if said.guild is None else said.guild.self_role
    if role is not None:
        names.append(f"<@&{role.id}>")
    name = re.compile("|".join(names))
    text = said.content
    if name.search(text) is None:
        return text, False
    text = re.sub(rf"\A\s*(?:{name.pattern})[\s,:]*", "", text)
    return re.sub(rf"(?:{name.pattern})[^\S\n]?", "", text).strip(), True


def _field(data: Mapping[str, Any]) -> str:
    """The text of a form's first field, however its rows are nested."""
    found = _values(data.get("components", ()))
    return found[0] if found else ""


def _values(components: Sequence[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for component in components:
        if isinstance(component.get("value"), str):
            found.append(component["value"])
        inner = component.get("components") or [component.get("component") or {}]
        found += _values([each for each in inner if each])
    return found


def _target(data: Mapping[str, Any], me: discord.abc.User, app: int) -> RepliedTo | None:
    """The message whose menu was opened."""
    id_ = str(data.get("target_id", ""))
    found = data.get("resolved", {}).get("messages", {}).get(id_)
    if found is None:
        return None
    user = found["author"]
    return RepliedTo(
        message_id=id_,
        text=found.get("content", ""),
        attachments=tuple(described(each) for each in found.get("attachments", ())),
        author=Author(
            platform=PLATFORM,
            external_id=str(user["id"]),
            name=user.get("global_name") or user["username"],
        ),
        from_us=_ours(
            int(user["id"]),
            _number(found.get("webhook_id")),
            _number(found.get("application_id")),
            me,
            app,
        ),
    )


def _number(id_: str | None) -> int | None:
    return None if id_ is None else int(id_)
