"""Who may write where in the stand-in for Discord, how messages are written, and its webhooks."""

import re

from tests.standins import discord_rules as rules
from tests.standins.discord_gateway import DiscordGateway
from tests.standins.discord_rules import CARD, Json, Refusal, Sent, invalid, texts
from tests.standins.discord_world import APP, BOT, DIRECT, SERVER, Document, snowflake

UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
ARCHIVED = (400, 50083, "Thread is archived")


class DiscordChannels(DiscordGateway):
    """What the bot does in channels. `tests.standins.discord_api` adds the server."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[int] = set()  # channels that the bot may not write to
        self.unread: set[int] = set()  # channels whose history the bot may not read
        self.typed: list[int] = []
        self._nonces: dict[str, tuple[int, int]] = {}

    def _place(self, channel: str) -> int:
        id_ = int(channel)
        if id_ not in self.channels:
            raise Refusal(*UNKNOWN_CHANNEL)
        if id_ in self.closed:
            raise Refusal(403, 50013, "Missing Permissions")
        for person, direct in DIRECT.items():
            if direct == id_ and person in self.closed_direct:
                raise Refusal(403, 50007, "Cannot send messages to this user")
        return id_

    def _written(self, message: Json, sent: Sent) -> None:
        body = sent.body
        message["thinking"] = False
        message["flags"] |= body.get("flags", 0) & CARD
        if message["flags"] & CARD and (body.get("content") or message["content"]):
            raise invalid("content: cannot be used with MessageFlags.IS_COMPONENTS_V2")
        if "content" in body:
            message["content"] = body["content"] or ""
        if "components" in body:
            message["components"] = body["components"]
        if sum(len(content) for _, content in sent.files) > 10_485_760:
            raise Refusal(413, 40005, "Request entity too large")
        for name, content in sent.files:
            message["attachments"] = [self._stored(Document(name=name, content=content))]
        allowed = body.get("allowed_mentions", {})
        for person in re.findall(r"<@(\d+)>", "\n".join(texts(message))):
            if person in allowed.get("users", ()):
                message["told_of"].append(int(person))

    def _get_channel(self, sent: Sent, channel: str) -> Json:
        return self._channel(self._place(channel))

    def _open_direct(self, sent: Sent) -> Json:
        person = int(sent.body["recipient_id"])
        if person not in DIRECT:
            raise Refusal(400, 50033, "Invalid Recipient(s)")
        return self._channel(DIRECT[person])

    def _history(self, sent: Sent, channel: str) -> list[Json]:
        after = int(sent.query.get("after", 0))
        found = [
            self._told(message)
            for id_, message in self.channels[self._place(channel)].items()
            if id_ > after and message["hidden_for"] is None
        ]
        return list(reversed(found[: int(sent.query.get("limit", 50))]))

    def _send(self, sent: Sent, channel: str) -> Json:
        id_ = self._place(channel)
        rules.check_message(sent.body, files=bool(sent.files))
        nonce = sent.body.get("nonce")
        if nonce is not None and sent.body.get("enforce_nonce"):
            there, known = self._nonces.get(str(nonce), (0, 0))  # by author, in all channels
            if known in self.channels.get(there, {}):
                return self._wire(self.channels[there][known])
        if self._is_archived(id_):  # that ends with a new message
            self.archive(id_, over=True)
        message = self._message(id_, BOT, "")
        reference = sent.body.get("message_reference")
        if reference is not None:
            answered = int(reference["message_id"])
            if id_ in self.unread:
                del self.channels[id_][int(message["id"])]
                raise Refusal(403, 160002, "Cannot reply without permission to read history")
            if answered in self.channels[id_]:
                message["type"] = 19
                message["message_reference"] = {"message_id": str(answered), "channel_id": channel}
            elif reference.get("fail_if_not_exists", True):
                del self.channels[id_][int(message["id"])]
                raise rules.invalid("message_reference: Unknown message")
        self._written(message, sent)
        if nonce is not None:
            self._nonces[str(nonce)] = (id_, int(message["id"]))
        told = self._wire(message)
        self.event("MESSAGE_CREATE", told)
        return told

    def _edit(self, sent: Sent, channel: str, message: str) -> Json:
        found = self.channels[self._place(channel)].get(int(message))
        if found is None or found["hidden_for"] is not None:
            raise Refusal(*UNKNOWN_MESSAGE)
        if self._is_archived(int(channel)):
            raise Refusal(*ARCHIVED)
        if found["author"]["id"] != str(BOT):
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        rules.check_message(sent.body, files=bool(sent.files), edit=True)
        self._written(found, sent)
        return self._wire(found)

    def _delete(self, sent: Sent, channel: str, message: str) -> None:
        if self.channels[self._place(channel)].pop(int(message), None) is None:
            raise Refusal(*UNKNOWN_MESSAGE)

    def _type(self, sent: Sent, channel: str) -> None:
        self.typed.append(self._place(channel))

    def _open_thread(self, sent: Sent, channel: str) -> Json:
        parent = self._place(channel)
        if self.is_direct(parent) or parent in self.threads:
            raise Refusal(400, 50024, "Cannot execute action on this channel type")
        id_ = snowflake()
        thread = {
            "id": str(id_),
            "guild_id": str(SERVER),
            "parent_id": str(parent),
            "owner_id": str(BOT),
            "name": sent.body["name"],
            "type": 11,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": sent.body["auto_archive_duration"],
                "archive_timestamp": "2026-11-27T12:00:00+00:00",
                "locked": False,
            },
            "message_count": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "flags": 0,
            "last_message_id": None,
        }
        self.threads[id_] = thread
        self.channels[id_] = {}
        self.event("THREAD_CREATE", thread)
        return thread

    def archive(self, thread: int, *, over: bool = False) -> None:
        """As Discord does when nothing is said there for a while; `over`: it is none any more."""
        self.threads[thread]["thread_metadata"]["archived"] = not over
        self.event("THREAD_UPDATE", self.threads[thread])

    def _is_archived(self, channel: int) -> bool:
        thread = self.threads.get(channel)
        return thread is not None and bool(thread["thread_metadata"]["archived"])

    # Webhooks

    def _webhook_json(self, id_: int) -> Json:
        return {
            "id": str(id_),
            "type": 1,
            "channel_id": str(self.webhooks[id_]),
            "token": f"hook-{id_}",
            "application_id": str(APP),
            "name": self.webhook_bodies[id_]["name"],
        }

    def _may_manage(self, channel: str) -> int:
        if not self.webhooks_granted:
            raise Refusal(403, 50013, "Missing Permissions")
        return self._place(channel)

    def _get_webhooks(self, sent: Sent, channel: str) -> list[Json]:
        place = self._may_manage(channel)
        theirs = {"id": "1", "type": 1, "channel_id": channel, "application_id": None, "name": "x"}
        ours = [self._webhook_json(id_) for id_, there in self.webhooks.items() if there == place]
        return [theirs, *ours]

    def _make_webhook(self, sent: Sent, channel: str) -> Json:
        place = self._may_manage(channel)
        if place in self.threads:
            raise Refusal(400, 50024, "Cannot execute action on this channel type")
        if len([there for there in self.webhooks.values() if there == place]) == 15:
            raise Refusal(400, 30007, "Maximum number of webhooks reached (15)")
        id_ = snowflake()
        self.webhooks[id_] = place
        self.webhook_bodies[id_] = sent.body
        return self._webhook_json(id_)

    def _change_webhook(self, sent: Sent, webhook: str) -> Json:
        if int(webhook) not in self.webhooks:
            raise Refusal(404, 10015, "Unknown Webhook")
        self.webhook_bodies[int(webhook)] |= sent.body
        return self._webhook_json(int(webhook))

    def _spoken_in(self, sent: Sent, webhook: str, token: str) -> int:
        thread = sent.query.get("thread_id")
        channel = self.webhooks.get(int(webhook))
        if channel is None or token != f"hook-{webhook}":
            raise Refusal(404, 10015, "Unknown Webhook")
        if thread is None:
            return channel
        if self.threads[int(thread)]["parent_id"] != str(channel):
            raise Refusal(*UNKNOWN_CHANNEL)
        return int(thread)

    def _say_by_webhook(self, sent: Sent, webhook: str, token: str) -> Json:
        place = self._spoken_in(sent, webhook, token)
        body = sent.body
        rules.check_message(body, files=bool(sent.files))
        if not 1 <= len(body["username"]) <= 80 or "message_reference" in body or "nonce" in body:
            raise rules.invalid("webhook message")
        message = self._message(place, BOT, "")
        author = {**self._user(BOT), "id": webhook, "global_name": body["username"]}
        message |= {"author": author, "webhook_id": webhook, "application_id": str(APP)}
        del message["member"]
        self._written(message, sent)
        told = self._wire(message)
        self.event("MESSAGE_CREATE", told)
        return told

    def _by_webhook(self, sent: Sent, webhook: str, token: str, message: str) -> Json:
        found = self.channels[self._spoken_in(sent, webhook, token)].get(int(message))
        if found is None or found.get("webhook_id") != webhook:
            raise Refusal(*UNKNOWN_MESSAGE)
        return found

    def _edit_by_webhook(self, sent: Sent, webhook: str, token: str, message: str) -> Json:
        found = self._by_webhook(sent, webhook, token, message)
        rules.check_message(sent.body, files=bool(sent.files), edit=True)
        self._written(found, sent)
        return self._wire(found)

    def _delete_by_webhook(self, sent: Sent, webhook: str, token: str, message: str) -> None:
        found = self._by_webhook(sent, webhook, token, message)
        del self.channels[int(found["channel_id"])][int(message)]
