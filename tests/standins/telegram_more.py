"""The stand-in for Telegram beyond one bot that asks for updates: webhooks, bots that a bot made,
the chats of people who let a bot answer for them, and calls from chats that a bot is not in.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.standins.telegram_chats import ANN, BEN, Chat, TelegramChats
from tests.standins.telegram_rules import Json, Refusal, check_text, refuse, seen_entities

_PROFILE = {
    "MyName": "name",
    "MyDescription": "description",
    "MyShortDescription": "short_description",
}
_PROFILE_LIMITS = {"name": 64, "description": 512, "short_description": 120}  # characters
_START = re.compile(r"[A-Za-z0-9_-]{1,64}")
AGAIN = 0.02  # seconds before an update that was not acknowledged is sent again


@dataclass(kw_only=True, slots=True)
class Account:
    """Somebody's account that a bot is connected with."""

    id: str
    user: int
    can_reply: bool
    enabled: bool = True
    can_delete: bool = True


def _worded(what: str, params: Json) -> str:
    """The key in the profile of what is said to those who have the app in a language."""
    code = params.get("language_code") or ""
    if code and not re.fullmatch("[a-z]{2}", code):
        raise refuse("invalid language code specified")
    return f"{what}_{code}" if code else what


class TelegramMore(TelegramChats):
    """What `tests.standins.telegram_api` serves beside the methods of a chat."""

    def __init__(self, *, username: str, chats: Sequence[int]) -> None:
        super().__init__(username=username, chats=chats)
        self.token = ""
        self.webhook: Json = {}
        self.pushed: list[int] = []  # what the webhook answered
        self.access: Json = {}
        self.profile: Json = {}  # name, description, short_description (and _ms, …), photo
        self.bots: dict[int, Any] = {}  # those that this one made, each a stand-in
        self.accounts: dict[str, Account] = {}
        self.own_chats: dict[tuple[str, int], Chat] = {}  # by connection and chat
        self.guest_answers: dict[str, list[str]] = {}  # by query: the text as it was, edits last
        self.inline_answers: dict[str, list[Json]] = {}
        self.ahead = 0.0  # seconds that it is later for what is written to owners
        self.inline_buttons: dict[str, Json] = {}  # by query: what stands above the answers
        self.local: Path | None = None  # where a server of one's own keeps files
        self.lies = ""  # what it says instead of a file's path
        self.keyboards: dict[int, list[list[Json]]] = {}  # by private chat
        self._revoked: set[str] = set()  # tokens
        self._pushing: asyncio.Task[None] | None = None

    # Webhooks

    def _set_webhook(self, params: Json) -> None:
        if not params.get("url", "").startswith(("https://", "http://127.0.0.1")):
            raise refuse("bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = params
        if self._pushing is None:
            self._pushing = asyncio.create_task(self._push())

    async def _push(self) -> None:
        """As Telegram does: what is not acknowledged is sent again."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self._waited(lambda: bool(self._updates))
                update = self._updates[0]
                status = await self.post(session, update)
                self.pushed.append(status)
                if status == 200:
                    self._updates = [each for each in self._updates if each is not update]
                    self._wake()
                else:
                    await asyncio.sleep(AGAIN)

    async def post(
        self, session: aiohttp.ClientSession, update: object, *, secret: str | None = None
    ) -> int:
        """One request to the webhook; the status of its answer, 0 when nobody listens."""
        known: str = self.webhook["secret_token"] if secret is None else secret
        headers = {"X-Telegram-Bot-Api-Secret-Token": known}
        try:
            async with session.post(self.webhook["url"], json=update, headers=headers) as response:
                return response.status
        except aiohttp.ClientError:
            return 0

    async def stop_pushing(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pushing
        for bot in self.bots.values():
            await bot.stop_pushing()

    # Bots that a bot made

    def keyboard(self, chat: int, rows: list[list[Json]]) -> None:
        """Buttons that take the place of somebody's keyboard."""
        if any("request_managed_bot" in button for row in rows for button in row):
            if chat < 0:
                raise refuse("a bot can be requested in private chats only")
            if not self.can_manage_bots:
                raise refuse("BOT_CANNOT_MANAGE_BOTS")
        self.keyboards[chat] = rows

    def revoke(self) -> None:
        """The token of this bot is good no more; its maker can get another."""
        self._revoked.add(self.token)

    def _token_of(self, user_id: int, *, new: bool) -> str:
        bot = self.bots.get(user_id)
        if bot is None:
            raise refuse("bot is not managed by this one")
        if new:
            bot.token = f"{user_id}:" + f"n{len(bot.token)}w" * 12
        return str(bot.token)

    # Somebody's own chats

    def connect(
        self, *, user: int = ANN, can_reply: bool = True, enabled: bool = True, id_: str = "conn-1"
    ) -> str:
        """Somebody connects the bot with their account, or takes it away; the connection's id."""
        self.accounts[id_] = Account(id=id_, user=user, can_reply=can_reply, enabled=enabled)
        self.push({"business_connection": self._connection(id_)})
        return id_

    def _connection(self, id_: str) -> Json:
        account = self.accounts[id_]
        return {
            "id": id_,
            "user": self._user(account.user),
            "user_chat_id": account.user,
            "date": int(time.time()),
            "is_enabled": account.enabled,
            "rights": {"can_reply": True} if account.can_reply else {},
        }

    def say_to_owner(
        self, text: str, *, connection: str = "conn-1", user: int = BEN, by: int | None = None
    ) -> int:
        """Somebody writes to the person whose account it is; `by` that person: they write."""
        place = self.own_chats.setdefault((connection, user), Chat())
        message: Json = {
            "message_id": self._next_id(),
            "date": int(time.time() + self.ahead),
            "chat": self._chat_json(user),
            "from": self._user(by or user),
            "business_connection_id": connection,
            "text": text,
            "entities": seen_entities(text),
        }
        place.messages[message["message_id"]] = message
        self.push({"business_message": message})
        return int(message["message_id"])

    def edit_to_owner(
        self, message_id: int, text: str, *, connection: str = "conn-1", user: int = BEN
    ) -> None:
        """A message of such a chat is changed by who wrote it."""
        message = self.own_chats[connection, user].messages[message_id]
        message |= {"text": text, "edit_date": int(time.time() + self.ahead)}
        self.push({"edited_business_message": dict(message)})

    def delete_to_owner(
        self, *message_ids: int, connection: str = "conn-1", user: int = BEN
    ) -> None:
        """Messages of such a chat are deleted by one of the two."""
        place = self.own_chats.setdefault((connection, user), Chat())
        for message_id in message_ids:
            place.messages.pop(message_id, None)
        deleted: Json = {"business_connection_id": connection, "chat": self._chat_json(user)}
        self.push({"deleted_business_messages": deleted | {"message_ids": list(message_ids)}})

    def _delete_for_owner(self, params: Json) -> None:
        connection = params["business_connection_id"]
        if not self.accounts[connection].can_delete:
            raise refuse("BUSINESS_RIGHT_MISSING")
        for (id_, _), place in self.own_chats.items():
            if id_ == connection:
                for message_id in params["message_ids"]:
                    place.messages.pop(message_id, None)

    def answers_for_owner(self, *, connection: str = "conn-1", chat: int = BEN) -> list[Json]:
        """What the bot said there, edits applied, as the Bot API describes it."""
        place = self.own_chats.get((connection, chat), Chat())
        return [m for m in place.messages.values() if "sender_business_bot" in m]

    def own_place(self, params: Json) -> Chat:
        """The chat of a call with a business_connection_id."""
        account = self.accounts.get(params["business_connection_id"])
        if account is None or not account.enabled:
            raise refuse("BUSINESS_CONNECTION_INVALID")
        if not account.can_reply:
            raise Refusal(403, "Forbidden: bot has no rights to reply")
        place = self.own_chats.get((account.id, params["chat_id"]))
        if place is None:
            raise refuse("BUSINESS_PEER_INVALID")
        return place

    def said_for_owner(self, place: Chat, params: Json) -> Json:
        """A message of the bot in somebody's name; its text is still to come."""
        account = self.accounts[params["business_connection_id"]]
        message: Json = {
            "message_id": self._next_id(),
            "date": int(time.time()),
            "chat": self._chat_json(params["chat_id"]),
            "from": self._user(account.user),
            "sender_business_bot": self._bot(),
            "business_connection_id": account.id,
        }
        place.messages[message["message_id"]] = message
        return message

    # Calls from elsewhere

    def summon(
        self, text: str, *, chat: int = -1002000000777, user: int = BEN, query: str | None = None
    ) -> str:
        """Somebody calls the bot by its name in a chat that it is not in; the query's id."""
        id_ = query or f"guest-{self._next_id()}"
        message: Json = {
            "message_id": self._next_id(),
            "date": int(time.time()),
            "chat": self._chat_json(chat),
            "from": self._user(user),
            "text": text,
            "entities": seen_entities(text),
            "guest_query_id": id_,
        }
        self.push({"guest_message": message})
        return id_

    def type_inline(self, text: str, *, user: int = ANN) -> str:
        """Somebody types behind the bot's name in any chat; the query's id."""
        id_ = f"inline-{self._next_id()}"
        query = {"id": id_, "from": self._user(user), "query": text, "offset": ""}
        self.push({"inline_query": query})
        return id_

    def _answer_guest(self, params: Json) -> Json:
        id_ = params["guest_query_id"]
        if id_ in self.guest_answers:
            raise refuse("query is already answered")
        content = params["result"]["input_message_content"]
        check_text(content["message_text"], content.get("entities", []))
        self.guest_answers[id_] = [content["message_text"]]
        return {"inline_message_id": f"inline-of-{id_}"}

    def _answer_inline(self, params: Json) -> None:
        if (button := params.get("button")) is not None:
            if not 1 <= len(button["text"]) <= 64:
                raise refuse("BUTTON_TEXT_INVALID")
            if not _START.fullmatch(button["start_parameter"]):
                raise refuse("START_PARAM_INVALID")
            self.inline_buttons[params["inline_query_id"]] = button
        self.inline_answers[params["inline_query_id"]] = params["results"]

    def edit_inline(self, params: Json) -> bool:
        """An edit of a message that stands in a chat the bot is not in."""
        id_ = params["inline_message_id"].removeprefix("inline-of-")
        if id_ not in self.guest_answers:
            raise refuse("MESSAGE_ID_INVALID")
        check_text(params["text"], params.get("entities", []))
        if self.guest_answers[id_][-1] == params["text"]:
            raise refuse("message is not modified")
        self.guest_answers[id_].append(params["text"])
        return True

    def _present(self, params: Json) -> None:
        for what, limit in _PROFILE_LIMITS.items():
            if (text := params.get(what)) is not None:
                if len(text) > limit:
                    raise refuse("text is too long")
                self.profile[_worded(what, params)] = text

    def more(self, method: str, params: Json, files: dict[str, bytes]) -> object:
        """The result of a method of this module; None: it is another's."""
        match method:
            case "setWebhook":
                self._set_webhook(params)
            case "deleteWebhook":
                self.webhook = {}
            case "setMyName" | "setMyDescription" | "setMyShortDescription":
                self._present(params)
            case "getMyName" | "getMyDescription" | "getMyShortDescription":
                what = _PROFILE[method.removeprefix("get")]
                return {what: self.profile.get(_worded(what, params), "")}
            case "setMyProfilePhoto":
                if not files:
                    raise refuse("there is no photo in the request")
                self.profile["photo"] = next(iter(files.values()))
            case "removeMyProfilePhoto":
                self.profile.pop("photo", None)
            case "setManagedBotAccessSettings":
                self.bots[params["user_id"]].access = params
            case "getManagedBotToken":
                return self._token_of(params["user_id"], new=False)
            case "replaceManagedBotToken":
                return self._token_of(params["user_id"], new=True)
            case "getBusinessConnection":
                if params["business_connection_id"] not in self.accounts:
                    raise refuse("business connection not found")
                return self._connection(params["business_connection_id"])
            case "deleteBusinessMessages":
                self._delete_for_owner(params)
            case "answerGuestQuery":
                return self._answer_guest(params)
            case "answerInlineQuery":
                self._answer_inline(params)
            case _:
                return None
        return True
