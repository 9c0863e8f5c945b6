"""Interactions in the stand-in for Discord: the first answer, and those that follow."""

from tests.standins import discord_rules as rules
from tests.standins.discord_channels import UNKNOWN_MESSAGE, DiscordChannels
from tests.standins.discord_rules import Json, Refusal, Sent
from tests.standins.discord_world import BOT, Asked


class DiscordInteractions(DiscordChannels):
    """How what people asked for is answered. `tests.standins.discord_api` adds the server."""

    def __init__(self) -> None:
        super().__init__()
        self.expired: set[str] = set()  # tokens of interactions that are too old

    def _callback(self, sent: Sent, id_: str, token: str) -> None:
        body = sent.body
        asked = self.asked.get(token)
        if asked is None or asked.id != int(id_):
            raise Refusal(404, 10062, "Unknown interaction")
        if asked.callback is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        data = body.get("data", {})
        allowed = {2: {4, 5, 9}, 3: {4, 5, 6, 7, 9}, 4: {8}, 5: {4, 5}}[asked.kind]
        if body["type"] not in allowed:
            raise rules.invalid(f"type {body['type']} for an interaction of type {asked.kind}")
        match body["type"]:
            case 4 | 5:
                message = self._message(asked.channel, BOT, data.get("content", ""))
                message["thinking"] = body["type"] == 5
                message["hidden_for"] = asked.user if data.get("flags", 0) & 64 else None
                asked.original = int(message["id"])
            case 6:
                asked.original = asked.message
            case 8:
                rules.check_choices(data["choices"])
            case 9:
                rules.check_form(data)
        asked.callback = body

    def _open(self, token: str) -> Asked:
        asked = self.asked.get(token)
        if asked is None or asked.callback is None:
            raise Refusal(404, 10015, "Unknown Webhook")
        if token in self.expired:
            raise Refusal(401, 50027, "Invalid Webhook Token")
        return asked

    def _edit_original(self, sent: Sent, token: str) -> Json:
        asked = self._open(token)
        found = self.channels[asked.channel].get(asked.original or 0)
        if found is None:
            raise Refusal(*UNKNOWN_MESSAGE)
        rules.check_message(sent.body, files=bool(sent.files), edit=True)
        self._written(found, sent)
        return self._wire(found)

    def _follow_up(self, sent: Sent, token: str) -> Json:
        asked = self._open(token)
        rules.check_message(sent.body, files=bool(sent.files))
        message = self._message(asked.channel, BOT, "")
        message["hidden_for"] = asked.user if sent.body.get("flags", 0) & 64 else None
        self._written(message, sent)
        return self._wire(message)
