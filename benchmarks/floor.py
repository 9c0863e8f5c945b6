"""The floor: the same calls as the bot makes, by bare aiohttp on the same event loop, without SDKs
and database.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp

from bot.loops import fast_loop

DRAFT_SECONDS = 0.8


async def reply(session: aiohttp.ClientSession, base: str, update: dict[str, Any]) -> None:
    """One person's message: ask, show drafts, send."""
    chat = str(update["message"]["chat"]["id"])
    api = f"{base}/bot1:x"
    text, shown, drafts = "", 0.0, 0
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": update["message"]["text"]}],
        "stream": True,
    }
    drawing: asyncio.Task[None] | None = None

    async def draft(so_far: str) -> None:
        form = {"chat_id": chat, "draft_id": "1", "text": so_far}
        async with session.post(f"{api}/sendMessageDraft", data=form) as answer:
            await answer.read()

    async with session.post(f"{base}/v1/chat/completions", json=body) as response:
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            for choice in chunk["choices"]:
                text += choice["delta"].get("content", "")
            now = time.monotonic()
            if text and now - shown >= DRAFT_SECONDS and (drawing is None or drawing.done()):
                shown, drafts = now, drafts + 1
                drawing = asyncio.create_task(draft(text))
    if drawing is not None:
        await drawing
    async with session.post(f"{api}/sendMessage", data={"chat_id": chat, "text": text}) as answer:
        await answer.read()


async def main(base: str) -> None:
    """Poll for updates and answer all at once, until killed."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        offset = 0
        while True:
            form = {"timeout": "50", "offset": str(offset)}
            async with session.post(f"{base}/bot1:x/getUpdates", data=form) as answer:
                updates = (await answer.json())["result"]
            for update in updates:
                offset = update["update_id"] + 1
                group.create_task(reply(session, base, update))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fast_loop) as runner:
        runner.run(main(sys.argv[1]))
