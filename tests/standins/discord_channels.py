"""Who may write where in the stand-in for Discord, how messages are written, and its webhooks."""

import re

from tests.standins import discord_rules as rules
from tests.standins.discord_gateway import DiscordGateway
from tests.standins.discord_rules import CARD, Json, Refusal, invalid, texts
from tests.standins.discord_world import APP, BOT, DIRECT, Document, snowflake

UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")


class DiscordChannels(DiscordGateway):
    """What the bot does in channels. `tests.standins.discord_api` adds the server."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[int] = set()  # channels that the bot may not write to

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

    def _written(self, message: Json, body: Json, files: list[tuple[str, bytes]]) -> None:
        message["thinking"] = False
        message["flags"] |= body.get("flags", 0) & CARD
        if message["flags"] & CARD and (body.get("content") or message["content"]):
            raise invalid("content: cannot be used with MessageFlags.IS_COMPONENTS_V2")
        if "content" in body:
            message["content"] = body["content"] or ""
        if "components" in body:
            message["components"] = body["components"]
        for name, content in files:
            message["attachments"] = [self._stored(Document(name=name, content=content))]
        allowed = body.get("allowed_mentions", {})
        for person in re.findall(r"<@(\d+)>", "\n".join(texts(message))):
            if person in allowed.get("users", ()):
                message["told_of"].append(int(person))

    def _get_channel(self, channel: str, *, body: Json) -> Json:
        return self._channel(self._place(channel))

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

    def _get_webhooks(self, channel: str, *, body: Json) -> list[Json]:
        place = self._may_manage(channel)
        theirs = {"id": "1", "type": 1, "channel_id": channel, "application_id": None, "name": "x"}
        ours = [self._webhook_json(id_) for id_, there in self.webhooks.items() if there == place]
        return [theirs, *ours]

    def _make_webhook(self, channel: str, *, body: Json) -> Json:
        place = self._may_manage(channel)
        if place in self.threads:
            raise Refusal(400, 50024, "Cannot execute action on this channel type")
        if len([there for there in self.webhooks.values() if there == place]) == 15:
            raise Refusal(400, 30007, "Maximum number of webhooks reached (15)")
        id_ = snowflake()
        self.webhooks[id_] = place
        self.webhook_bodies[id_] = body
        return self._webhook_json(id_)

    def _change_webhook(self, webhook: str, *, body: Json) -> Json:
        if int(webhook) not in self.webhooks:
            raise Refusal(404, 10015, "Unknown Webhook")
        self.webhook_bodies[int(webhook)] |= body
        return self._webhook_json(int(webhook))

    def _spoken_in(self, webhook: str, token: str, thread: str | None) -> int:
        channel = self.webhooks.get(int(webhook))
        if channel is None or token != f"hook-{webhook}":
            raise Refusal(404, 10015, "Unknown Webhook")
        if thread is None:
            return channel
        if self.threads[int(thread)]["parent_id"] != str(channel):
            raise Refusal(*UNKNOWN_CHANNEL)
        return int(thread)

    def _say_by_webhook(
        self,
        webhook: str,
        token: str,
        *,
        body: Json,
        files: list[tuple[str, bytes]],
        thread: str | None,
    ) -> Json:
        place = self._spoken_in(webhook, token, thread)
        rules.check_message(body, files=bool(files))
        if not 1 <= len(body["username"]) <= 80 or "message_reference" in body or "nonce" in body:
            raise rules.invalid("webhook message")
        message = self._message(place, BOT, "")
        author = {**self._user(BOT), "id": webhook, "global_name": body["username"]}
        message |= {"author": author, "webhook_id": webhook, "application_id": str(APP)}
        del message["member"]
        self._written(message, body, files)
        told = self._wire(message)
        self.event("MESSAGE_CREATE", told)
        return told

    def _by_webhook(self, webhook: str, token: str, message: str, thread: str | None) -> Json:
        found = self.channels[self._spoken_in(webhook, token, thread)].get(int(message))
        if found is None or found.get("webhook_id") != webhook:
            raise Refusal(*UNKNOWN_MESSAGE)
        return found

    def _edit_by_webhook(
        self,
        webhook: str,
        token: str,
        message: str,
        *,
        body: Json,
        files: list[tuple[str, bytes]],
        thread: str | None,
    ) -> Json:
        found = self._by_webhook(webhook, token, message, thread)
        rules.check_message(body, files=bool(files), edit=True)
        self._written(found, body, files)
        return self._wire(found)

    def _delete_by_webhook(
        self,
        webhook: str,
        token: str,
        message: str,
        *,
        body: Json,
        files: list[tuple[str, bytes]],
        thread: str | None,
    ) -> None:
        found = self._by_webhook(webhook, token, message, thread)
        del self.channels[int(found["channel_id"])][int(message)]
