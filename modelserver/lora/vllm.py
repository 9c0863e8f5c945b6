"""Replies by a vLLM server: it holds the base model, and takes adapters in and lets them go."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from modelserver.engine import Ended, Said, Wish
from modelserver.errors import ApiError, EngineFault, server_error

QUIET_SECONDS = 300.0  # without a token, after which a reply is given up
OURS = "ft_"  # what the folders of our models begin with
ALREADY = "already been loaded"  # what vLLM says of an adapter that it has


class Vllm:
    """`url` is the server's, with or without `/v1`; `name` is what the base model is called here,
    and may be called otherwise there.
    """

    def __init__(self, url: str, name: str, *, adapters: int) -> None:
        self._url = url.rstrip("/").removesuffix("/v1") + "/v1"
        self._base = name
        self._most = adapters
        self._loaded: dict[Path, asyncio.Task[None]] = {}  # the one used longest ago comes first
        self._speaking: dict[Path, int] = {}  # how many replies each is busy with
        self._session: aiohttp.ClientSession

    async def start(self) -> None:
        """Raises EngineFault when the server cannot be asked which model it has."""
        timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=QUIET_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._session.get(f"{self._url}/models") as answer:
                answer.raise_for_status()
                models = (await answer.json())["data"]
            served = [one["id"] for one in models if not one.get("parent")]
            if self._base not in served:
                self._base = served[0]
            # What an earlier run left there takes up room; others' adapters are none of ours.
            for one in models:
                if one.get("parent") and one["id"].startswith(OURS):
                    await self._post("/unload_lora_adapter", {"lora_name": one["id"]})
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError) as error:
            await self._session.close()
            raise EngineFault(f"there is no vLLM server at {self._url}: {error}") from error

    async def close(self) -> None:
        await self._session.close()

    async def reply(
        self, folder: Path | None, messages: Sequence[Said], wish: Wish
    ) -> AsyncGenerator[str | Ended, None]:
        """The reply in pieces, then its numbers. Raises ApiError."""
        body: dict[str, Any] = {
            "messages": [{"role": one.role, "content": one.text} for one in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "chat_template_kwargs": {"enable_thinking": False},
            "max_tokens": wish.longest,
            "temperature": wish.temperature,
            "top_p": wish.top_p,
            "seed": wish.seed,
        }
        finish, usage = "", {"prompt_tokens": 0, "completion_tokens": 0}
        async with self._adapter(folder) as model:
            asked = {name: value for name, value in body.items() if value is not None}
            try:
                async with self._session.post(
                    f"{self._url}/chat/completions", json={"model": model, **asked}
                ) as answer:
                    if answer.status != 200:
                        raise _error(answer.status, await answer.text())
                    async for line in answer.content:
                        data = line.removeprefix(b"data:").strip()
                        if data == line.strip() or data == b"[DONE]":
                            continue
                        chunk = json.loads(data)
                        if "error" in chunk:
                            raise _error(500, data.decode())
                        usage = chunk.get("usage") or usage
                        for choice in chunk["choices"]:
                            if text := choice["delta"].get("content"):
                                yield text
                            finish = choice.get("finish_reason") or finish
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                raise server_error("The vLLM server does not answer.", 503) from error
        if not finish:
            raise server_error("The vLLM server broke off the reply.", 503)
        yield Ended(
            finish="length" if finish == "length" else "stop",
            prompt_tokens=int(usage["prompt_tokens"]),
            completion_tokens=int(usage["completion_tokens"]),
        )

    async def forget(self, folder: Path) -> None:
        """Let an adapter go."""
        if self._loaded.pop(folder, None) is not None:
            await self._unload(folder)

    @asynccontextmanager
    async def _adapter(self, folder: Path | None) -> AsyncIterator[str]:
        """What vLLM calls a model, which stays there meanwhile."""
        if folder is None:
            yield self._base
            return
        self._speaking[folder] = self._speaking.get(folder, 0) + 1
        try:
            loading = self._loaded.pop(folder, None)
            if loading is None or (loading.done() and loading.exception() is not None):
                loading = asyncio.create_task(self._load(folder))
            self._loaded[folder] = loading  # the last one is the one used last
            # However many ask for it, it is loaded once; one who goes away takes it from nobody.
            await asyncio.shield(loading)
            yield folder.name
        finally:
            self._speaking[folder] -= 1
            if not self._speaking[folder]:
                del self._speaking[folder]

    async def _load(self, folder: Path) -> None:
        for other in [one for one in self._loaded if one not in self._speaking]:
            if len(self._loaded) <= self._most:
                break
            del self._loaded[other]
            await self._unload(other)
        body = {"lora_name": folder.name, "lora_path": str(folder)}
        status, said = await self._post("/load_lora_adapter", body)
        if status != 200 and ALREADY not in said:
            raise _error(status, said)

    async def _unload(self, folder: Path) -> None:
        # One that it does not have is as good as unloaded.
        await self._post("/unload_lora_adapter", {"lora_name": folder.name})

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        try:
            async with self._session.post(f"{self._url}{path}", json=body) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise server_error("The vLLM server does not answer.", 503) from error


def _error(status: int, said: str) -> ApiError:
    """vLLM's error as ours: what the caller did stays the caller's."""
    message, code = said[:300], None
    try:
        error = json.loads(said)
        error = error.get("error", error)
        message = str(error["message"])[:300]
        if "maximum context length" in message:
            code = "context_length_exceeded"
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    if status == 400:
        return ApiError(400, message, code=code)
    return server_error(f"The vLLM server refused: {message}", 502)
