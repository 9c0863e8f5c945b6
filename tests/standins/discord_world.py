"""The server, channels and people of the stand-in for Discord, and what they do."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.standins.discord_rules import CARD, Json, parts, seen, texts

ANN = 2001
BEN = 2002
BOT = 9001
APP = 9000
ROLE = 9002  # the one that Discord made for the bot
HOSTS = 77  # a role that people can have
SERVER = 5000
CHANNEL = 5001
_NAMES = {ANN: "Ann", BEN: "Ben", BOT: "Avatar"}
DIRECT = {ANN: 3001, BEN: 3002}  # channels of direct messages
_BASICS = 1 << 10 | 1 << 11  # permissions: to see channels, and to write there
_MANAGE_SERVER = 1 << 5
_MANAGE_WEBHOOKS = 1 << 29
_EPOCH = 1_420_070_400_000
_count = itertools.count()


def snowflake() -> int:
    """A new id."""
    ms = int(time.time() * 1000) - _EPOCH
    return (ms << 22) + next(_count) % (1 << 22)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file that a person sends."""

    name: str
    content: bytes
    content_type: str = "application/json"
    claims: int | None = None  # the size that Discord tells the bot


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A message of the bot as it stands in a channel."""

    id: int
    author: str
    text: str  # as people read it
    content: str  # as it was sent
    card: bool  # it is laid out by components alone
    buttons: tuple[tuple[str, ...], ...]
    reply_to: int | None
    hidden_for: int | None  # an ephemeral message: who sees it
    file: bytes | None
    mentions: tuple[int, ...]  # who was told of it

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for row in self.buttons for label in row)


@dataclass(kw_only=True, slots=True)
class Asked:
    """An interaction, and how it was answered."""

    id: int
    token: str
    kind: int
    channel: int
    user: int
    message: int | None = None  # whose button was pressed
    callback: Json | None = None
    original: int | None = None  # the message that stands for its answer
    data: Json = field(default_factory=dict)

    @property
    def form_text(self) -> str:
        """What a form that was opened says."""
        if self.callback is None or self.callback["type"] != 9:
            return ""
        form = self.callback["data"]
        lines = [form["title"]]
        for label in form["components"]:
            inner = label["component"]
            lines += [label["label"], inner.get("placeholder", ""), inner.get("value", "")]
        return "\n".join(lines)

    @property
    def choices(self) -> list[str]:
        """What a completion offered."""
        assert self.callback is not None and self.callback["type"] == 8, self.callback
        return [choice["name"] for choice in self.callback["data"]["choices"]]


class DiscordWorld:
    """What people do and see. `tests.standins.discord_api` adds the server."""

    def __init__(self) -> None:
        self.channels: dict[int, dict[int, Json]] = {
            CHANNEL: {},
            **{channel: {} for channel in DIRECT.values()},
        }
        self.threads: dict[int, Json] = {}
        self.asked: dict[str, Asked] = {}  # by token
        self.files: dict[str, bytes] = {}
        self.closed_direct: set[int] = set()  # people who take no direct messages
        self.content_granted = True
        self.managers = {ANN}  # who may manage the server
        self.roles: dict[int, list[int]] = {}  # of people
        self.webhooks_granted = False  # the permission to manage them
        self.webhooks: dict[int, int] = {}  # by id: the channel
        self.webhook_bodies: dict[int, Json] = {}
        self.base = ""  # of addresses of files

    # What a person does

    def say(
        self,
        text: str = "",
        *,
        channel: int = DIRECT[ANN],
        user: int = ANN,
        reply_to: int | None = None,
        document: Document | None = None,
        bot: bool = False,
        **more: object,
    ) -> int:
        """Write a message; its id."""
        message = self._message(channel, user, text)
        message["author"]["bot"] = bot
        if document is not None:
            message["attachments"] = [self._stored(document)]
        if reply_to is not None:
            message["type"] = 19
            message["message_reference"] = {"message_id": str(reply_to), "channel_id": str(channel)}
            answered = self.channels[channel].get(reply_to)
            message["referenced_message"] = None if answered is None else self._told(answered)
        message |= more
        self.event("MESSAGE_CREATE", self._told(message))
        return int(message["id"])

    def edit(self, message_id: int, text: str, *, channel: int = DIRECT[ANN]) -> None:
        """Change what a message of a person says."""
        message = self.channels[channel][message_id]
        moment = datetime.now(UTC).isoformat()
        message |= {"content": text, "edited_timestamp": moment}
        self.event("MESSAGE_UPDATE", self._told(message))

    def react(
        self,
        message_id: int,
        emoji: str,
        *,
        gone: bool = False,
        channel: int = DIRECT[ANN],
        user: int = ANN,
    ) -> None:
        """Put a reaction under a message, or take it away."""
        told: Json = {
            "user_id": str(user),
            "channel_id": str(channel),
            "message_id": str(message_id),
            "emoji": {"id": None, "name": emoji},
            "type": 0,
            "burst": False,
        }
        if not self.is_direct(channel):
            told["guild_id"] = str(SERVER)
        self.event("MESSAGE_REACTION_REMOVE" if gone else "MESSAGE_REACTION_ADD", told)

    def slash(
        self,
        name: str,
        values: Mapping[str, str | int] | None = None,
        *,
        channel: int = DIRECT[ANN],
        user: int = ANN,
        document: Document | None = None,
    ) -> Asked:
        """Use a slash command."""
        options: list[Json] = [
            {"name": key, "value": value} for key, value in (values or {}).items()
        ]
        data: Json = {"id": "1", "name": name, "type": 1, "options": options}
        if document is not None:
            stored = self._stored(document)
            data["options"].append({"name": "file", "type": 11, "value": stored["id"]})
            data["resolved"] = {"attachments": {stored["id"]: stored}}
        return self.ask(2, data, channel=channel, user=user)

    def complete(
        self, name: str, option: str, typed: str, *, channel: int = DIRECT[ANN], user: int = ANN
    ) -> Asked:
        """Type something into an option that is completed."""
        options = [{"name": option, "type": 3, "value": typed, "focused": True}]
        data = {"id": "1", "name": name, "type": 1, "options": options}
        return self.ask(4, data, channel=channel, user=user)

    def menu(
        self, label: str, message: int, *, channel: int = DIRECT[ANN], user: int = ANN
    ) -> Asked:
        """Use a message's menu."""
        found = self.channels[channel][message]
        data = {
            "id": "1",
            "name": label,
            "type": 3,
            "target_id": str(message),
            "resolved": {"messages": {str(message): found}},
        }
        return self.ask(2, data, channel=channel, user=user)

    def fill(self, form: Asked, text: str) -> Asked:
        """Send a form that the bot opened."""
        assert form.callback is not None and form.callback["type"] == 9, form.callback
        opened = form.callback["data"]
        field_ = opened["components"][0]["component"]
        data = {
            "custom_id": opened["custom_id"],
            "components": [
                {
                    "type": 18,
                    "id": 1,
                    "component": {
                        "type": 4,
                        "id": 2,
                        "custom_id": field_["custom_id"],
                        "value": text,
                    },
                }
            ],
        }
        return self.ask(5, data, channel=form.channel, user=form.user)

    def press(self, label: str, *, channel: int = DIRECT[ANN], user: int = ANN) -> Asked:
        """Press the newest button of that label."""
        for message in reversed(self.channels[channel].values()):
            for button in parts(message["components"]):
                if button.get("label") == label and message["hidden_for"] in {None, user}:
                    return self.press_forged(
                        button["custom_id"], int(message["id"]), channel=channel, user=user
                    )
        labels = [shown.labels for shown in self.shown(channel) if shown.buttons]
        raise AssertionError(f"no button {label!r}, only {labels}")

    def press_forged(
        self,
        code: str,
        message: int,
        *,
        channel: int = DIRECT[ANN],
        user: int = ANN,
    ) -> Asked:
        """Press a button with any code."""
        data = {"component_type": 2, "custom_id": code}
        return self.ask(3, data, channel=channel, user=user, message=message)

    def ask(
        self,
        kind: int,
        data: Json,
        *,
        channel: int,
        user: int,
        message: int | None = None,
    ) -> Asked:
        """Any interaction."""
        id_ = snowflake()
        asked = Asked(
            id=id_,
            token=f"token-{id_}",
            kind=kind,
            channel=channel,
            user=user,
            message=message,
            data=data,
        )
        self.asked[asked.token] = asked
        payload: Json = {
            "id": str(id_),
            "application_id": str(APP),
            "type": kind,
            "data": data,
            "token": asked.token,
            "version": 1,
            "channel_id": str(channel),
            "channel": self._channel(channel),
            "attachment_size_limit": 10_000_000,
            "entitlements": [],
            "authorizing_integration_owners": {},
            "locale": "en-US",
            "app_permissions": "0",
        }
        if self.is_direct(channel):
            payload |= {"user": self._user(user), "context": 1}
        else:
            may = _MANAGE_SERVER if user in self.managers else 0
            member = {
                **self._member(),
                "user": self._user(user),
                "permissions": str(may),
                "roles": [str(role) for role in self.roles.get(user, ())],
            }
            payload |= {"guild_id": str(SERVER), "member": member, "context": 0}
        if message is not None:
            payload["message"] = self._wire(self.channels[channel][message])
        self.event("INTERACTION_CREATE", payload)
        return asked

    def delete(self, message: int, *, channel: int = DIRECT[ANN]) -> None:
        """Delete a message."""
        del self.channels[channel][message]

    # What is seen

    def messages(self, channel: int = DIRECT[ANN]) -> dict[int, Shown]:
        """The bot's messages in a channel by id, edits applied; without those "thinking"."""
        found = self.channels[channel].values()
        return {
            int(m["id"]): self._seen(m)
            for m in found
            if (m["author"]["id"] == str(BOT) or "webhook_id" in m) and not m["thinking"]
        }

    def shown(self, channel: int = DIRECT[ANN]) -> list[Shown]:
        """The same in order."""
        return list(self.messages(channel).values())

    def thinking(self, channel: int = DIRECT[ANN]) -> int:
        """How many answers are still waited for."""
        return sum(bool(m["thinking"]) for m in self.channels[channel].values())

    # What it consists of

    def event(self, name: str, data: Json) -> None:
        """Something that the gateway tells."""
        raise NotImplementedError

    def is_direct(self, channel: int) -> bool:
        return channel in DIRECT.values()

    async def until(self, condition: Callable[[], bool], *, within: float = 10.0) -> None:
        """Wait until a condition on what is seen holds; AssertionError if it does not in time."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    await asyncio.sleep(0.003)
        except TimeoutError:
            raise AssertionError(f"it did not happen in {within} s") from None

    def _user(self, id_: int) -> Json:
        name = _NAMES.get(id_, f"Person {id_}")
        return {
            "id": str(id_),
            "username": name.lower(),
            "global_name": name,
            "discriminator": "0",
            "avatar": None,
            "bot": id_ == BOT,
        }

    @staticmethod
    def _member() -> Json:
        return {
            "roles": [],
            "joined_at": "2026-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    def _channel(self, channel: int) -> Json:
        if self.is_direct(channel):
            person = next(user for user, direct in DIRECT.items() if direct == channel)
            return {
                "id": str(channel),
                "type": 1,
                "recipients": [self._user(person)],
                "last_message_id": None,
                "flags": 0,
            }
        if channel in self.threads:
            return self.threads[channel]
        return {
            "id": str(channel),
            "type": 0,
            "guild_id": str(SERVER),
            "name": "general",
            "position": 0,
            "permission_overwrites": [],
            "parent_id": None,
            "topic": None,
            "nsfw": False,
            "last_message_id": None,
            "flags": 0,
        }

    def role(self, id_: int) -> Json:
        """One of the server's."""
        return next(role for role in self._roles() if role["id"] == str(id_))

    def _roles(self) -> list[Json]:
        roles: list[Json] = [
            {"id": str(SERVER), "name": "@everyone"},
            {"id": str(ROLE), "name": "Avatar", "managed": True, "tags": {"bot_id": str(BOT)}},
            {"id": str(HOSTS), "name": "Hosts"},
        ]
        for role in roles:
            role |= {
                "color": 0,
                "colors": {"primary_color": 0},
                "hoist": False,
                "position": 0,
                "permissions": str(_BASICS),
                "mentionable": False,
                "flags": 0,
            }
            role.setdefault("managed", False)
        if self.webhooks_granted:
            roles[1]["permissions"] = str(_BASICS | _MANAGE_WEBHOOKS)
        return roles

    def _guild(self) -> Json:
        bot = {**self._member(), "user": self._user(BOT), "roles": [str(ROLE)]}
        return {
            "id": str(SERVER),
            "name": "Server",
            "owner_id": str(ANN),
            "roles": self._roles(),
            "emojis": [],
            "features": [],
            "members": [bot],
            "member_count": 3,
            "channels": [self._channel(CHANNEL)],
            "threads": [
                thread
                for thread in self.threads.values()
                if not thread["thread_metadata"]["archived"]
            ],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "stickers": [],
            "unavailable": False,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "premium_tier": 0,
            "nsfw_level": 0,
            "system_channel_flags": 0,
            "preferred_locale": "en-US",
            "afk_timeout": 300,
            "premium_progress_bar_enabled": False,
            "soundboard_sounds": [],
        }

    def _message(self, channel: int, user: int, text: str) -> Json:
        message: Json = {
            "id": str(snowflake()),
            "channel_id": str(channel),
            "author": self._user(user),
            "content": text,
            "timestamp": "2026-11-27T12:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [str(ROLE)] if f"<@&{ROLE}>" in text else [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "components": [],
            "flags": 0,
            "hidden_for": None,
            "thinking": False,
            "told_of": [],
        }
        if f"<@{BOT}>" in text or f"<@!{BOT}>" in text:
            message["mentions"] = [self._user(BOT)]
        if not self.is_direct(channel):
            roles = [str(role) for role in ([ROLE] if user == BOT else self.roles.get(user, ()))]
            message |= {"guild_id": str(SERVER), "member": {**self._member(), "roles": roles}}
        self.channels.setdefault(channel, {})[int(message["id"])] = message
        return message

    @staticmethod
    def _wire(message: Json) -> Json:
        kept = ("hidden_for", "thinking", "told_of")
        wire = {key: value for key, value in message.items() if key not in kept}
        if message["hidden_for"] is not None:
            wire["flags"] = wire["flags"] | 64
        return wire

    def _told(self, message: Json) -> Json:
        """A message as the bot may see it: without the intent, texts that do not concern it are
        empty.
        """
        wire = self._wire(message)
        concerned = (
            self.is_direct(int(wire["channel_id"]))
            or wire["mentions"]
            or wire["author"]["id"] == str(BOT)
        )
        if not (concerned or self.content_granted):
            wire |= {"content": "", "attachments": [], "components": []}
        return wire

    def _stored(self, document: Document) -> Json:
        id_ = str(snowflake())
        self.files[id_] = document.content
        size = len(document.content) if document.claims is None else document.claims
        return {
            "id": id_,
            "filename": document.name,
            "size": size,
            "url": f"{self.base}/files/{id_}?ex=fresh",
            "proxy_url": "",
            "content_type": document.content_type,
        }

    def _seen(self, message: Json) -> Shown:
        answered = message.get("message_reference", {}).get("message_id")
        file = message["attachments"][0]["id"] if message["attachments"] else None
        return Shown(
            id=int(message["id"]),
            author=message["author"]["global_name"],
            text=seen("\n\n".join(texts(message))),
            content="\n\n".join(texts(message)),
            card=bool(message["flags"] & CARD),
            buttons=tuple(
                tuple(button["label"] for button in row["components"])
                for row in parts(message["components"])
                if row["type"] == 1
            ),
            reply_to=None if answered is None else int(answered),
            hidden_for=message["hidden_for"],
            file=None if file is None else self.files[file],
            mentions=tuple(message["told_of"]),
        )
