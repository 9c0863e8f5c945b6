"""The chats of the stand-in for Telegram: who writes there, and what stands there."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.standins.telegram_rules import TEXT_LIMIT, Json, seen_entities

ANN = 1001
BEN = 1002
GROUP = -1002000000001
_NAMES = {ANN: "Ann", BEN: "Ben"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file that a person sends. `claims` is the size that Telegram tells the bot, in bytes."""

    name: str
    content: bytes
    claims: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A message of the bot as it stands in a chat."""

    id: int
    text: str
    buttons: tuple[tuple[str, ...], ...]  # labels, by row
    entities: tuple[Json, ...]
    reply_to: int | None
    thread: int | None
    document: bytes | None = None
    voice: bytes | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for row in self.buttons for label in row)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The preview that a person sees while a reply is written."""

    id: int
    text: str
    can_stop: bool


@dataclass(kw_only=True, slots=True)
class Chat:
    """A place where the bot and people write."""

    messages: dict[int, Json] = field(default_factory=dict)
    taken: int = 0  # the newest message that next_message gave
    draft: Draft | None = None
    blocked: bool = False


class TelegramChats:
    """What people do, and what they see. `tests.standins.telegram_api` adds the server."""

    def __init__(self, *, username: str, chats: Sequence[int]) -> None:
        self.bot_id = 123456789
        self.username = username
        self.admins = {ANN}  # of the group
        self.hears_groups = True  # the bot's privacy mode is off
        self.can_manage_bots = False
        self._changed = asyncio.Event()  # set, and replaced, when anything happened
        self._chats: dict[int, Chat] = {chat: Chat() for chat in chats}
        self._updates: list[Json] = []  # not confirmed by the bot yet
        self._files: dict[str, Document] = {}
        self._uploads: dict[int, bytes] = {}
        self._sounds: dict[int, bytes] = {}
        self._reactions: dict[tuple[int, int, int], tuple[str, ...]] = {}
        self._last_id = 100
        # Private chats share their numbers, each supergroup has its own.
        self._numbers: defaultdict[int, int] = defaultdict(lambda: 100)
        self._last_update = 5000

    # What a person does

    def say(
        self,
        text: str = "",
        *,
        chat: int = ANN,
        user: int | None = None,
        reply_to: int | None = None,
        document: Document | None = None,
        thread: int | None = None,
        **more: object,
    ) -> int:
        """Write a message, or send a document with `text` as its caption; the message's id. In a
        group `user` says who (Ann, if nobody is named). A long text becomes several messages.
        """
        if document is None and len(text) > TEXT_LIMIT:
            last = 0
            for i in range(0, len(text), TEXT_LIMIT):
                last = self.say(text[i : i + TEXT_LIMIT], chat=chat, user=user, thread=thread)
            return last
        message = self._message(chat, sender=self._user(user or (chat if chat > 0 else ANN)))
        if document is None:
            message |= {"text": text, "entities": seen_entities(text)}
        else:
            message["document"] = self._stored(document)
            message |= {"caption": text, "caption_entities": seen_entities(text)} if text else {}
        if thread is not None:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply_to is not None:
            message["reply_to_message"] = self._chats[chat].messages[reply_to]
        message |= more
        self.push({"message": message})
        return int(message["message_id"])

    def edit(self, message_id: int, text: str, *, chat: int = ANN) -> None:
        """Change what a message of a person says."""
        message = self._chats[chat].messages[message_id]
        said = "caption" if "caption" in message else "text"
        message |= {said: text, "edit_date": int(time.time())}
        self.push({"edited_message": dict(message)})

    def react(self, message_id: int, *emoji: str, chat: int = ANN, user: int | None = None) -> None:
        """Have these reactions, and no others, under a message."""
        who = user or (chat if chat > 0 else ANN)
        old = self._reactions.get((chat, message_id, who), ())
        self._reactions[chat, message_id, who] = emoji
        told = {
            "chat": self._chat_json(chat),
            "message_id": message_id,
            "user": self._user(who),
            "date": int(time.time()),
            "old_reaction": [{"type": "emoji", "emoji": each} for each in old],
            "new_reaction": [{"type": "emoji", "emoji": each} for each in emoji],
        }
        self.push({"message_reaction": told})

    def press(self, label: str, *, chat: int = ANN, user: int | None = None) -> str:
        """Press the newest button of that label; the id of the press."""
        for message in reversed(self._chats[chat].messages.values()):
            for row in message.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        return self.press_forged(button["callback_data"], message, user=user)
        labels = [shown.labels for shown in self.shown(chat) if shown.buttons]
        raise AssertionError(f"no button {label!r} in chat {chat}, only {labels}")

    def press_forged(self, data: str, message: Json, *, user: int | None = None) -> str:
        """A press with any data, under a message as the Bot API describes it."""
        chat = message["chat"]["id"]
        id_ = f"press-{self._next_id()}"
        query = {
            "id": id_,
            "from": self._user(user or (chat if chat > 0 else ANN)),
            "message": message,
            "chat_instance": "1",
            "data": data,
        }
        self.push({"callback_query": query})
        return id_

    def press_stop(self, *, chat: int = ANN) -> None:
        """Press the stop button of the reply that is being written in a private chat."""
        draft = self._chats[chat].draft
        assert draft is not None and draft.can_stop, f"no reply that can be stopped in chat {chat}"
        pressed = {"chat": self._chat_json(chat), "draft_id": draft.id}
        self.push({"stopped_message_generation": pressed})

    def block(self, chat: int = ANN) -> None:
        """The person blocks the bot, or a group throws it out."""
        self._chats[chat].blocked = True

    def delete(self, message_id: int, *, chat: int = ANN) -> None:
        """Delete a message."""
        del self._chats[chat].messages[message_id]

    def push(self, update: Json) -> Json:
        """Any update; without an id it gets the next one. An update pushed with an id that was
        used before comes to the bot once more.
        """
        if "update_id" not in update:
            self._last_update += 1
            update = {"update_id": self._last_update, **update}
        self._updates.append(update)
        self._wake()
        return update

    # What is seen

    def messages(self, chat: int = ANN) -> dict[int, Shown]:
        """The bot's messages in a chat by id, edits applied."""
        found = self._chats[chat].messages
        return {id_: self._seen(m) for id_, m in found.items() if m["from"]["id"] == self.bot_id}

    def shown(self, chat: int = ANN) -> list[Shown]:
        """The same in order."""
        return list(self.messages(chat).values())

    def draft(self, chat: int = ANN) -> Draft | None:
        """The preview in a private chat, until a message takes its place."""
        return self._chats[chat].draft

    # What it consists of

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _waited(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _bot(self) -> Json:
        return {
            "id": self.bot_id,
            "is_bot": True,
            "first_name": "Avatar",
            "username": self.username,
            "can_read_all_group_messages": self.hears_groups,
            "can_manage_bots": self.can_manage_bots,
        }

    def _member(self, user: int) -> Json:
        who = self._bot() if user == self.bot_id else self._user(user)
        if user in self.admins:
            return {"status": "creator", "user": who, "is_anonymous": False}
        return {"status": "member", "user": who}

    def _user(self, id_: int) -> Json:
        return {"id": id_, "is_bot": False, "first_name": _NAMES.get(id_, f"Person {id_}")}

    def _chat_json(self, chat: int) -> Json:
        if chat > 0:
            return {"id": chat, "type": "private", "first_name": self._user(chat)["first_name"]}
        return {"id": chat, "type": "supergroup", "title": "Group"}

    def _message(self, chat: int, *, sender: Json) -> Json:
        self._numbers[min(chat, 0)] += 1
        message: Json = {
            "message_id": self._numbers[min(chat, 0)],
            "date": int(time.time()),
            "chat": self._chat_json(chat),
            "from": sender,
        }
        self._chats.setdefault(chat, Chat()).messages[message["message_id"]] = message
        return message

    def _stored(self, document: Document) -> Json:
        file_id = f"file-{self._next_id()}"
        self._files[file_id] = document
        size = len(document.content) if document.claims is None else document.claims
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_name": document.name,
            "file_size": size,
        }

    def _seen(self, message: Json) -> Shown:
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        return Shown(
            id=message["message_id"],
            text=str(message.get("text") or message.get("caption") or ""),
            buttons=tuple(tuple(button["text"] for button in row) for row in rows),
            entities=tuple(message.get("entities") or message.get("caption_entities") or ()),
            reply_to=message.get("reply_to_message", {}).get("message_id"),
            thread=message.get("message_thread_id"),
            document=self._uploads.get(message["message_id"]),
            voice=self._sounds.get(message["message_id"]),
        )
