"""A process that stands in for Telegram's Bot API and for a provider, as fast as it can.

`python -m benchmarks.standin [TIMES]` prints its port; the model is so many times as fast. `POST
/people N FIRST` lets N people write at once, numbered from FIRST on; `GET /report` says when each
saw something first and last, and how many calls there were. `POST /talk N M S` lets N people write
M numbered messages each, to which the model answers in S seconds; `GET /talk` says what became of
them.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

from aiohttp import web

TOKENS = 60
FIRST_SECONDS = 0.3
TOKEN_SECONDS = 0.02
SHOWING = {"sendMessageDraft", "sendMessage", "editMessageText"}
WORDS = [f"word{i} " for i in range(TOKENS)]
SENT_APART = 10  # seconds between the numbered messages of a chat: quick ones would be one turn
NUMBERED = re.compile(r"#(\d+)/(\d+)")
AGAIN = "for the second time"


class Standin:
    """What was asked, by chat."""

    def __init__(self, times: float) -> None:
        self.times = times
        self.updates: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.next_update = 1
        self.next_message = 1
        self.began = 0.0
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.calls = 0
        self.by_method: dict[str, int] = {}
        self.talk_seconds = 1.0  # that the answer to a numbered message takes
        self.talk_began = self.talk_ended = 0.0
        self.awaited: set[tuple[int, int]] = set()
        self.replies: list[tuple[int, int, bool]] = []  # chat, number, said to be a repetition

    def reset(self) -> None:
        self.first, self.last, self.calls, self.began = {}, {}, 0, 0.0
        self.by_method = {}

    def write(self, chat: int, text: str, *, ago: int = 0) -> None:
        """A person writes, or did so some seconds ago."""
        who = {"id": chat, "is_bot": False, "first_name": f"P{chat}"}
        message = {
            "message_id": self.next_update,
            "date": int(time.time()) - ago,
            "chat": {"id": chat, "type": "private", "first_name": "P"},
            "from": who,
            "text": text,
        }
        self.updates.append({"update_id": self.next_update, "message": message})
        self.next_update += 1
        self.news.set()

    async def people(self, request: web.Request) -> web.Response:
        self.reset()
        count, first = map(int, (await request.text()).split())
        for chat in range(first, first + count):
            self.write(1_000_000 + chat, "Tell me something")
        return web.Response()

    async def talk(self, request: web.Request) -> web.Response:
        """Numbered messages, handed over all at once, as after a while without a network."""
        *numbers, self.talk_seconds = map(float, (await request.text()).split())
        chats, messages = map(int, numbers)
        self.replies, self.talk_began, self.talk_ended = [], time.monotonic(), 0.0
        self.awaited = {(chat, n) for chat in range(1, chats + 1) for n in range(messages)}
        for n in range(messages):
            for chat in range(1, chats + 1):
                self.write(2_000_000 + chat, f"#{chat}/{n}", ago=(messages - n) * SENT_APART)
        return web.Response()

    async def talked(self, _: web.Request) -> web.Response:
        """What was answered, how often and in which order."""
        first: dict[tuple[int, int], int] = {}
        doubled = marked = 0
        disordered = set()
        newest: dict[int, int] = {}
        for place, (chat, n, again) in enumerate(self.replies):
            if (chat, n) in first:
                doubled += not again
                marked += again
                continue
            first[chat, n] = place
            if n < newest.get(chat, -1):
                disordered.add(chat)
            newest[chat] = n
        return web.json_response(
            {
                "left": len(self.awaited - first.keys()),
                "doubled": doubled,
                "marked": marked,
                "disordered": len(disordered),
                "seconds": (self.talk_ended or time.monotonic()) - self.talk_began,
            }
        )

    def answered(self, text: str) -> None:
        """A message that stays in a chat."""
        if (found := NUMBERED.search(text)) is not None:
            self.replies.append((int(found[1]), int(found[2]), AGAIN in text))
            if {(chat, n) for chat, n, _ in self.replies} >= self.awaited and not self.talk_ended:
                self.talk_ended = time.monotonic()

    async def operator(self, request: web.Request) -> web.Response:
        self.reset()
        self.write(1, await request.text())
        return web.Response()

    async def report(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "done": len(self.last),
                "first": [at - self.began for at in self.first.values()],
                "last": [at - self.began for at in self.last.values()],
                "calls": self.calls,
                "by_method": self.by_method,
            }
        )

    async def method(self, request: web.Request) -> web.Response:
        """Any method of the Bot API."""
        name, now = request.match_info["method"], time.monotonic()
        if name == "getUpdates":
            return await self._get_updates(request)
        given = await request.post()
        chat = str(given.get("chat_id", ""))
        result: Any = True
        if name == "getMe":
            result = {"id": 1, "is_bot": True, "first_name": "B", "username": "bench_bot"}
        elif name == "getMyCommands":
            result = []
        if chat:
            self.calls += 1
            self.by_method[name] = self.by_method.get(name, 0) + 1
            if name in SHOWING:
                self.first.setdefault(chat, now)
        if name in {"sendMessage", "editMessageText"}:
            self.last[chat] = now
            self.answered(str(given.get("text", "")))
            result = {
                "message_id": self.next_message,
                "date": int(time.time()),
                "chat": {"id": int(chat), "type": "private", "first_name": "P"},
                "text": str(given.get("text", ""))[:100],
            }
            self.next_message += 1
        return web.json_response({"ok": True, "result": result})

    async def _get_updates(self, request: web.Request) -> web.Response:
        given = await request.post()
        offset = int(str(given.get("offset", 0)))
        self.updates = [each for each in self.updates if each["update_id"] >= offset]
        if not self.updates:
            self.news.clear()
            try:
                async with asyncio.timeout(float(str(given.get("timeout", 0)))):
                    await self.news.wait()
            except TimeoutError:
                pass
        if self.updates and not self.began:
            self.began = time.monotonic()
        return web.json_response({"ok": True, "result": self.updates[:100]})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """A reply of 60 tokens, one each 20 ms, after 0.3 s; a short one to a numbered message."""
        said = (await request.json())["messages"][-1]["content"]
        numbered = NUMBERED.search(said) if isinstance(said, str) else None
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        at = time.monotonic() + FIRST_SECONDS / self.times
        words, every = WORDS, TOKEN_SECONDS / self.times
        if numbered is not None:
            words, every = [numbered[0], " is", " the", " answer"], (self.talk_seconds - 0.3) / 3
        try:
            for i, word in enumerate(words):
                await asyncio.sleep(at + i * every - time.monotonic())
                chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": word}}]}
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        except ConnectionResetError:
            return response  # whoever asked was killed
        end: dict[str, Any] = {
            "id": "c",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        }
        usage = {"prompt_tokens": 10, "completion_tokens": TOKENS, "total_tokens": 70}
        last: dict[str, Any] = {"id": "c", "choices": [], "usage": usage}
        for chunk in (end, last):
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


async def main(times: float) -> None:
    standin = Standin(times)
    app = web.Application()
    app.add_routes(
        [
            web.post("/people", standin.people),
            web.post("/operator", standin.operator),
            web.get("/report", standin.report),
            web.post("/talk", standin.talk),
            web.get("/talk", standin.talked),
            web.post("/v1/chat/completions", standin.complete),
            web.get("/v1/models", lambda _: _models()),
            web.get("/v1/models/{name}", lambda _: _models()),
            web.post("/bot{token}/{method}", standin.method),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _models() -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
