"""A server that stands in for Telegram's Bot API, and the people who write to the bot.

    async with TelegramStandIn() as telegram:
        # start the bot with telegram.token and telegram.url
        telegram.say("hello")                       # a person writes in their private chat
        reply = await telegram.next_message()       # what the bot sends there next
        telegram.press("Activate This Version")     # presses the newest button of that label
        await telegram.settled()                    # until the bot took everything and is quiet
        assert telegram.shown()[-1].text == "…"     # what stands in the chat, edits applied

`chat` is the person's private chat unless another is named: a positive number is the private chat
of the person with that number, a negative one a group. Calls are kept in `calls`, in the order in
which they came. `fail` scripts failures. What Telegram would refuse is refused with 400; `rates`
lets it keep its flood limits, and `have_a_bad_day` lets calls fail at random.
"""

import asyncio
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.standins.loopback import Answered, Asked, Loopback
from tests.standins.telegram_chats import (
    ANN,
    BEN,
    GROUP,
    Chat,
    Document,
    Draft,
    Shown,
)
from tests.standins.telegram_models import models
from tests.standins.telegram_more import TelegramMore
from tests.standins.telegram_rates import BadDay, Rates
from tests.standins.telegram_rules import (
    CAPTION_LIMIT,
    DOWNLOAD_LIMIT,
    Json,
    Refusal,
    check_commands,
    check_keyboard,
    check_text,
    parameters,
    refuse,
)

_PATH = re.compile(r"/(file/)?bot([^/]+)/([^?]+)")


__all__ = ["ANN", "BEN", "GROUP", "Document", "Draft", "Shown", "TelegramStandIn"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What the bot asked for."""

    method: str
    params: Json
    at: float  # time.monotonic()
    status: int  # 200, or what it was refused with; 0: the connection was reset


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """How a call fails. `after`: it is carried out first, and only its answer gets lost."""

    status: int = 0  # 0: the connection is reset
    description: str = ""
    retry_after: float | None = None
    moved_to: int | None = None  # the group's id since it became a supergroup
    after: bool = False


def flood(retry_after: float) -> Failure:
    """429: too many calls; come back after so many seconds."""
    text = f"Too Many Requests: retry after {retry_after}"
    return Failure(status=429, description=text, retry_after=retry_after)


FORBIDDEN = Failure(status=403, description="Forbidden: bot was blocked by the user")
BAD_GATEWAY = Failure(status=502, description="Bad Gateway")
NOT_FOUND = Failure(status=404, description="Not Found")
CONFLICT = Failure(
    status=409,
    description="Conflict: terminated by other getUpdates request; make sure that only one bot "
    "instance is running",
)
RESET = Failure()
RESET_AFTER = Failure(after=True)


@dataclass(kw_only=True, slots=True)
class _Scripted:
    method: str
    failure: Failure
    times: int
    chat: int | None


class TelegramStandIn(TelegramMore):
    """See the module's docstring."""

    def __init__(
        self,
        *,
        username: str = "avatar_bot",
        bot_id: int = 123456789,
        people: Sequence[int] = (ANN, BEN, GROUP),
    ) -> None:
        super().__init__(username=username, chats=people)
        self.bot_id = bot_id
        self.token = f"{bot_id}:" + "standin" * 5
        self.calls: list[Call] = []
        self.answered: list[str] = []  # ids of the presses that the bot answered
        self._stack = AsyncExitStack()
        self._server = Loopback(self._answer)
        self._scripted: list[_Scripted] = []
        self._menus: dict[tuple[str, str], list[Json]] = {}  # by scope and language
        self._allowed: list[str] = []
        self._in_flight = 0
        self.rates: Rates | None = None  # no limits
        self._bad_day: BadDay | None = None
        self._chance = random.Random(0)

    @property
    def url(self) -> str:
        """What `TELEGRAM_API_URL` is set to."""
        return self._server.url

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop_pushing()
        await self._stack.aclose()

    def make_bot(
        self, *, user: int = ANN, username: str, name: str = "", bot_id: int | None = None
    ) -> "TelegramStandIn":
        """Somebody taps the button that makes a bot, which this bot manages."""
        id_ = bot_id or 700_000_000 + len(self.bots)
        made = self.bots[id_] = TelegramStandIn(username=username, bot_id=id_)
        made.profile["name"] = name or username
        self.tell_of(made, user=user, name=name)
        return made

    def tell_of(self, bot: "TelegramStandIn", *, user: int = ANN, name: str = "") -> None:
        """The update that a bot was made, or that its token or its owner is another."""
        bot_user = {**bot._bot(), "first_name": name or bot.username}
        self.push({"managed_bot": {"user": self._user(user), "bot": bot_user}})

    def menu(
        self, chat: int | None = None, *, scope: str = "default", language: str = "en"
    ) -> dict[str, str]:
        """What a private chat offers, without one everybody, to whom has the app in a language:
        commands and what they do.
        """
        given = {"type": scope} if chat is None else {"type": "chat", "chat_id": chat}
        for code in (language, ""):
            if found := self._menus.get((_scope(given), code)):
                return {command["command"]: command["description"] for command in found}
        return {}

    def called(self, method: str, *, chat: int | None = None) -> list[Call]:
        """The calls of a method, of one chat if named."""
        return [
            call
            for call in self.calls
            if call.method == method and chat in {None, call.params.get("chat_id")}
        ]

    async def next_message(self, chat: int = ANN, *, within: float = 10.0) -> Shown:
        """The bot's next message in a chat, in the order in which they were sent. A reply that is
        streamed into a group may still be edited after this.
        """
        place = self._chats[chat]

        def newer() -> list[Shown]:
            return [shown for shown in self.shown(chat) if shown.id > place.taken]

        await self.until(lambda: bool(newer()), within=within)
        found = newer()[0]
        place.taken = found.id
        return found

    async def until(self, condition: Callable[[], bool], *, within: float = 10.0) -> None:
        """Wait until a condition on what is seen holds; AssertionError if it does not in time."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    with suppress(TimeoutError):  # it may be something that no call tells of
                        async with asyncio.timeout(0.02):
                            await self._changed.wait()
        except TimeoutError:
            last = [(call.method, call.params, call.status) for call in self.calls[-5:]]
            raise AssertionError(f"it did not happen in {within} s; last calls: {last}") from None

    async def taken(self) -> None:
        """Wait until the bot confirmed every update."""
        await self.until(lambda: not self._updates)

    async def settled(self, *, quiet: float = 0.05, within: float = 10.0) -> None:
        """Wait until the bot confirmed every update and made no call for `quiet` seconds."""
        async with asyncio.timeout(within):
            while True:
                before = len(self.calls)
                await self.until(lambda: not self._updates and not self._in_flight)
                await asyncio.sleep(quiet)
                busy = self._updates or self._in_flight
                if not busy and all(c.method == "getUpdates" for c in self.calls[before:]):
                    return

    # How it fails

    def fail(
        self, method: str, failure: Failure, *, times: int = 1, chat: int | None = None
    ) -> None:
        """Let the next `times` calls of a method fail, in one chat if named. Several scripts for
        a method are used up in order. "file" stands for the download of a file.
        """
        self._scripted.append(_Scripted(method=method, failure=failure, times=times, chat=chat))

    def mend(self) -> None:
        """Forget all scripts, and the bad day."""
        self._scripted.clear()
        self._bad_day = None

    def have_a_bad_day(self, day: BadDay) -> None:
        """Let calls that write fail at random."""
        self._bad_day, self._chance = day, day.draws()

    def _bad_luck(self, method: str, params: Json) -> Failure | None:
        day = self._bad_day
        if day is None or "chat_id" not in params:
            return None
        at = self._chance.random()
        if (at := at - day.flood) < 0 and self.rates is not None:
            wait = self._chance.choice((1, 2)) * self.rates.second
            self.rates.hold(params["chat_id"], wait, time.monotonic())
            return flood(wait)
        if (at := at - day.gateway) < 0:
            return BAD_GATEWAY
        if (at := at - day.reset_before) < 0:
            return RESET
        return RESET_AFTER if at < day.reset_after else None

    def _failure(self, method: str, params: Json) -> Failure | None:
        for script in self._scripted:
            if script.method == method and script.chat in {None, params.get("chat_id")}:
                script.times -= 1
                if script.times == 0:
                    self._scripted.remove(script)
                return script.failure
        return None

    # The server

    async def _answer(self, asked: Asked) -> Answered:
        match = _PATH.match(asked.target)
        if match is not None:
            for bot in self.bots.values():
                if match[2] == bot.token:
                    answered: Answered = await bot._answer(asked)
                    return answered
        if match is None or match[2] != self.token or self.token in self._revoked:
            return _json(401, Refusal(401, "Unauthorized"))
        if match[1]:
            return self._file(match[3])
        method = match[3]
        if method not in models():
            return _json(404, Refusal(404, "Not Found"))
        self._in_flight += method != "getUpdates"
        try:
            answered, params = await self._call(method, asked)
        finally:
            self._in_flight -= method != "getUpdates"
        status = 0 if answered.reset else answered.status
        self.calls.append(Call(method=method, params=params, at=time.monotonic(), status=status))
        self._wake()
        return answered

    async def _call(self, method: str, asked: Asked) -> tuple[Answered, Json]:
        params: Json = {}
        try:
            params, files = parameters(method, asked)
            self._count(method, params)
            failure = self._failure(method, params) or self._bad_luck(method, params)
            if failure is None or failure.after:
                result = await self._carried_out(method, params, files)
                if failure is None:
                    return _json(200, result), params
            if failure.status == 0:
                return Answered(reset=True), params
            raise Refusal(
                failure.status,
                failure.description,
                retry_after=failure.retry_after,
                migrate_to_chat_id=failure.moved_to,
            )
        except Refusal as refusal:
            return _json(refusal.status, refusal), params

    def _count(self, method: str, params: Json) -> None:
        if self.rates is None:
            return
        wait = self.rates.check(method, params.get("chat_id"), time.monotonic())
        if wait is not None:
            refused = flood(wait)
            raise Refusal(429, refused.description, retry_after=wait)

    async def _carried_out(self, method: str, params: Json, files: dict[str, bytes]) -> object:
        if (result := self.more(method, params, files)) is not None:
            return result
        match method:
            case "getMe":
                return self._bot()
            case "getUpdates":
                return await self._get_updates(params)
            case "sendMessage":
                return self._send(params)
            case "sendMessageDraft":
                return self._send_draft(params)
            case "editMessageText":
                return self._edit(params)
            case "sendDocument":
                return self._send_document(params, files)
            case "sendVoice":
                return self._send_voice(params, files)
            case "deleteMessage":
                if self._place(params).messages.pop(params["message_id"], None) is None:
                    raise refuse("message to delete not found")
            case "sendChatAction":
                self._place(params)
            case "answerCallbackQuery":
                self.answered.append(params["callback_query_id"])
            case "setMyCommands":
                check_commands(params["commands"])
                self._menus[_menu_key(params)] = params["commands"]
            case "getMyCommands":
                return self._menus.get(_menu_key(params), [])
            case "deleteMyCommands":
                self._menus.pop(_menu_key(params), None)
            case "getFile":
                return self._get_file(params["file_id"])
            case "getChatMember":
                return self._member(params["user_id"])
            case "deleteWebhook":
                pass
            case _:
                raise Refusal(404, "Not Found")
        return True

    async def _get_updates(self, params: Json) -> list[Json]:
        if self.webhook:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = params.get("offset", 0)
        self._allowed = params.get("allowed_updates", self._allowed)
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        self._wake()

        def waiting() -> list[Json]:
            return [u for u in self._updates if not self._allowed or set(u) & set(self._allowed)]

        with suppress(TimeoutError):
            async with asyncio.timeout(params.get("timeout", 0)):
                await self._waited(lambda: bool(waiting()))
        return waiting()[: params.get("limit", 100)]

    def _place(self, params: Json) -> Chat:
        if "business_connection_id" in params:
            return self.own_place(params)
        place = self._chats.get(params["chat_id"])
        if place is None:
            raise refuse("chat not found")
        if place.blocked:
            raise Refusal(403, FORBIDDEN.description)
        return place

    def _send(self, params: Json) -> Json:
        place = self._place(params)
        entities = params.get("entities", [])
        check_text(params["text"], entities)
        message = self._sent(place, params)
        message |= {"text": params["text"], "entities": entities}
        return message

    def _sent(self, place: Chat, params: Json) -> Json:
        markup, reply = params.get("reply_markup"), params.get("reply_parameters")
        if markup is not None:
            check_keyboard(markup)
        answered = None if reply is None else place.messages.get(reply["message_id"])
        if reply and answered is None and not reply.get("allow_sending_without_reply"):
            raise refuse("message to be replied not found")
        if "business_connection_id" in params:
            if markup is not None:
                raise refuse("there are no buttons in somebody's own chats")
            message = self.said_for_owner(place, params)
        else:
            message = self._message(params["chat_id"], sender=self._bot())
        if "message_thread_id" in params:
            message |= {"message_thread_id": params["message_thread_id"], "is_topic_message": True}
        if markup is not None and markup.get("inline_keyboard"):
            message["reply_markup"] = markup
        if markup is not None and markup.get("keyboard"):
            self.keyboard(params["chat_id"], markup["keyboard"])
        if answered is not None:
            message["reply_to_message"] = answered
        place.draft = None
        return message

    def _send_document(self, params: Json, files: dict[str, bytes]) -> Json:
        place = self._place(params)
        caption, entities = params.get("caption", ""), params.get("caption_entities", [])
        if caption:
            check_text(caption, entities, limit=CAPTION_LIMIT)
        if not files:
            raise refuse("there is no document in the request")
        content = next(iter(files.values()))
        message = self._sent(place, params)
        message["document"] = self._stored(Document(name="document", content=content))
        message |= {"caption": caption, "caption_entities": entities}
        self._uploads[message["message_id"]] = content
        return message

    def _send_voice(self, params: Json, files: dict[str, bytes]) -> Json:
        message = self._sent(self._place(params), params)
        content = next(iter(files.values()))
        message["voice"] = {**self._stored(Document(name="v", content=content)), "duration": 1}
        self._sounds[message["message_id"]] = content
        return message

    def _send_draft(self, params: Json) -> bool:
        place = self._place(params)
        if params["chat_id"] < 0:
            raise refuse("TEXTDRAFT_PEER_INVALID")
        if params["draft_id"] == 0:
            raise refuse("TEXTDRAFT_ID_INVALID")
        text = params.get("text", "")
        if text:
            check_text(text, params.get("entities", []))
        place.draft = Draft(
            id=params["draft_id"], text=text, can_stop=params.get("can_stop", False)
        )
        return True

    def _edit(self, params: Json) -> Json | bool:
        if "inline_message_id" in params:
            return self.edit_inline(params)
        message = self._place(params).messages.get(params["message_id"])
        if message is None:
            raise refuse("message to edit not found")
        if self.bot_id not in {message["from"]["id"], *_sender(message)}:
            raise refuse("message can't be edited")
        if "text" not in message:
            raise refuse("there is no text in the message to edit")
        text, entities = params["text"], params.get("entities", [])
        markup = params.get("reply_markup", {})
        check_text(text, entities)
        check_keyboard(markup)
        now = (message["text"], message["entities"], message.get("reply_markup", {}))
        if now == (text, entities, markup):
            raise refuse(
                "message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message"
            )
        message |= {"text": text, "entities": entities}
        message.pop("reply_markup", None)
        if markup.get("inline_keyboard"):
            message["reply_markup"] = markup
        return message

    def _get_file(self, file_id: str) -> Json:
        document = self._files.get(file_id)
        if document is None:
            raise refuse("wrong file_id or the file is temporarily unavailable")
        size = len(document.content) if document.claims is None else document.claims
        if self.local is not None:  # a server of one's own: it says where on its disk the file is
            kept = self.local / self.token / "documents" / file_id
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(document.content)
            return {"file_id": file_id, "file_size": size, "file_path": self.lies or str(kept)}
        if size > DOWNLOAD_LIMIT:
            raise refuse("file is too big")
        path = f"documents/{file_id}"
        return {"file_id": file_id, "file_unique_id": file_id, "file_size": size, "file_path": path}

    def _file(self, path: str) -> Answered:
        failure = self._failure("file", {})
        if failure is not None:
            refusal = Refusal(failure.status, failure.description)
            return _json(failure.status, refusal) if failure.status else Answered(reset=True)
        document = self._files.get(path.removeprefix("documents/"))
        if document is None:
            return _json(404, Refusal(404, "Not Found"))
        return Answered(body=document.content, content_type="application/octet-stream")


def _sender(message: Json) -> list[int]:
    """The bot that sent a message in somebody else's name."""
    sender = message.get("sender_business_bot")
    return [] if sender is None else [sender["id"]]


def _menu_key(params: Json) -> tuple[str, str]:
    language = params.get("language_code") or ""
    if language and not re.fullmatch("[a-z]{2}", language):
        raise Refusal(400, "Bad Request: invalid language code specified")
    return _scope(params.get("scope")), language


def _scope(scope: Json | None) -> str:
    return json.dumps(scope or {"type": "default"}, sort_keys=True)


def _json(status: int, result: object) -> Answered:
    if isinstance(result, Refusal):
        said: Json = {"ok": False, "error_code": status, "description": result.description}
        if result.parameters:
            said["parameters"] = result.parameters
    else:
        said = {"ok": True, "result": result}
    return Answered(status=status, body=json.dumps(said).encode())
