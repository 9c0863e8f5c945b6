"""A server that stands in for Discord's API and gateway, and the people who write to the bot.

    async with DiscordStandIn() as discord:
        # start the bot with discord.token, discord.api_url and discord.gateway_url
        discord.say("hello")                       # a person writes a direct message
        discord.slash("prompt", text="Be kind.")   # uses a slash command
        discord.press("Activate This Version")     # presses the newest button of that label
        await discord.settled()                    # until the bot took everything and is quiet
        assert discord.shown()[-1].text == "…"     # what stands in the channel, edits applied

Calls are kept in `calls`. `fail` scripts failures; what Discord would refuse is refused. With
`limits` the routes for messages are limited as Discord limits them.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.standins import discord_rules as rules
from tests.standins import discord_spec
from tests.standins.discord_interactions import DiscordInteractions
from tests.standins.discord_rules import Json, Refusal, Sent
from tests.standins.discord_world import (
    ANN,
    APP,
    BEN,
    BOT,
    CHANNEL,
    DIRECT,
    ROLE,
    SERVER,
    Asked,
    Document,
    Shown,
    snowflake,
)

__all__ = [
    "ANN",
    "BEN",
    "BOT",
    "CHANNEL",
    "DIRECT",
    "ROLE",
    "SERVER",
    "Asked",
    "Call",
    "DiscordStandIn",
    "Document",
    "Shown",
]

PREFIX = "/api/v10"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What the bot asked for."""

    method: str
    path: str
    body: Json
    query: dict[str, str]
    at: float  # time.monotonic()
    status: int  # 0: the connection was reset


@dataclass(kw_only=True, slots=True)
class _Scripted:
    method: str
    path: re.Pattern[str]
    times: int
    status: int  # 0: the connection is reset
    code: int
    after: bool  # it is carried out first, and only its answer gets lost
    retry_after: float
    everywhere: bool  # the limit is for all calls


@dataclass(kw_only=True, slots=True)
class _Bucket:
    began: float
    used: int = 0


class DiscordStandIn(DiscordInteractions):
    """See the module's docstring."""

    def __init__(self, *, limits: tuple[int, float] | None = None) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.commands: list[Json] = []
        self.limits = limits  # so many calls in so many seconds, by route and channel
        self.faults: list[str] = []  # what Discord's own description has against what was sent
        self._buckets: dict[str, _Bucket] = {}
        self._scripted: list[_Scripted] = []
        self._slow: list[tuple[str, re.Pattern[str], float]] = []
        self._in_flight = 0
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            (method, re.compile(path), serve)
            for method, path, serve in (
                ("GET", r"/users/@me", self._me),
                ("GET", r"/oauth2/applications/@me", self._application),
                ("GET", rf"/applications/{APP}/commands", self._get_commands),
                ("PUT", rf"/applications/{APP}/commands", self._put_commands),
                ("POST", r"/users/@me/channels", self._open_direct),
                ("GET", r"/channels/(\d+)", self._get_channel),
                ("GET", r"/channels/(\d+)/messages", self._history),
                ("POST", r"/channels/(\d+)/messages", self._send),
                ("PATCH", r"/channels/(\d+)/messages/(\d+)", self._edit),
                ("DELETE", r"/channels/(\d+)/messages/(\d+)", self._delete),
                ("POST", r"/channels/(\d+)/typing", self._type),
                ("POST", r"/channels/(\d+)/threads", self._open_thread),
                ("GET", r"/channels/(\d+)/webhooks", self._get_webhooks),
                ("POST", r"/channels/(\d+)/webhooks", self._make_webhook),
                ("PATCH", r"/webhooks/(\d+)", self._change_webhook),
                ("POST", r"/webhooks/(\d+)/(hook-\d+)", self._say_by_webhook),
                ("PATCH", r"/webhooks/(\d+)/(hook-\d+)/messages/(\d+)", self._edit_by_webhook),
                ("DELETE", r"/webhooks/(\d+)/(hook-\d+)/messages/(\d+)", self._delete_by_webhook),
                ("PUT", r"/channels/(\d+)/thread-members/(\d+)", self._nothing),
                ("POST", r"/interactions/(\d+)/([^/]+)/callback", self._callback),
                ("PATCH", rf"/webhooks/{APP}/([^/]+)/messages/@original", self._edit_original),
                ("POST", rf"/webhooks/{APP}/([^/]+)", self._follow_up),
                ("POST", r"/attachments/refresh-urls", self._refresh),
            )
        ]

    @property
    def api_url(self) -> str:
        """What `DISCORD_API_URL` is set to."""
        return self.base + PREFIX

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/gateway", self.serve_gateway)
        app.router.add_get("/files/{id}", self._file)
        app.router.add_route("*", PREFIX + "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        self.gateway_url = f"ws://{host}:{port}/gateway"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in self.connections:
            connection.cut()
            await connection.end()
        await self._runner.cleanup()
        assert not self.faults, self.faults  # also where the bot took the refusal in its stride

    def called(self, method: str, path: str) -> list[Call]:
        """The calls of a route, which is a regular expression."""
        return [c for c in self.calls if c.method == method and re.fullmatch(path, c.path)]

    def fail(
        self,
        method: str,
        path: str,
        *,
        status: int = 0,
        code: int = 0,
        times: int = 1,
        after: bool = False,
        retry_after: float = 0.0,
        everywhere: bool = False,
    ) -> None:
        """Let the next `times` calls of a route fail; status 0 resets the connection."""
        self._scripted.append(
            _Scripted(
                method=method,
                path=re.compile(path),
                times=times,
                status=status,
                code=code,
                after=after,
                retry_after=retry_after,
                everywhere=everywhere,
            )
        )

    def slow(self, method: str, path: str, *, seconds: float, times: int = 1) -> None:
        """Let the next `times` calls of a route take that long."""
        self._slow += [(method, re.compile(path), seconds)] * times

    async def settled(self, *, quiet: float = 0.03) -> None:
        """Wait until the bot has heard everything, answered every interaction in time, and made no
        call for `quiet` seconds.
        """
        while True:
            await self.heard()
            await self.until(lambda: all(asked.callback for asked in self.asked.values()))
            before = len(self.calls)
            await asyncio.sleep(quiet)
            if not self._in_flight and len(self.calls) == before:
                return

    # The server

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        self._in_flight += 1
        sent = Sent(body={})
        status = 0
        try:
            sent = await _read(request)
            for each in self._slow:
                if each[0] == request.method and each[1].fullmatch(path):
                    self._slow.remove(each)
                    await asyncio.sleep(each[2])
                    break
            status, answer, headers = self._answered(request, path, sent)
        finally:
            self._in_flight -= 1
            self.calls.append(
                Call(
                    method=request.method,
                    path=path,
                    body=sent.body,
                    query=dict(request.query),
                    at=time.monotonic(),
                    status=status,
                )
            )
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        text = "" if answer is None else json.dumps(answer)
        if text:
            headers |= {"Content-Type": "application/json"}
        return web.Response(status=status or 500, body=text.encode(), headers=headers)

    def _answered(
        self, request: web.Request, path: str, sent: Sent
    ) -> tuple[int, Any, dict[str, str]]:
        headers: dict[str, str] = {}
        try:
            if request.headers.get("Authorization") != f"Bot {self.token}":
                raise Refusal(401, 0, "401: Unauthorized")
            script = self._script(request.method, path)
            if script is not None and not script.after:
                raise _scripted(script)
            headers = self._limited(request.method, path)
            fault = discord_spec.fault(request.method, path, sent.body)
            if fault is not None:
                self.faults.append(f"{request.method} {path}: {fault}")
                raise rules.invalid(fault)
            answer = self._carried_out(request.method, path, sent)
            if script is not None:
                raise _scripted(script)
        except Refusal as refusal:
            return refusal.status, refusal.body, {**headers, **refusal.headers}
        return (204 if answer is None else 200), answer, headers

    def _carried_out(self, method: str, path: str, sent: Sent) -> Any:
        for wanted, pattern, serve in self._routes:
            found = pattern.fullmatch(path)
            if method == wanted and found is not None:
                return serve(sent, *found.groups())
        raise Refusal(404, 0, "404: Not Found")

    def _script(self, method: str, path: str) -> _Scripted | None:
        for script in self._scripted:
            if script.method == method and script.path.fullmatch(path):
                script.times -= 1
                if script.times == 0:
                    self._scripted.remove(script)
                return script
        return None

    def _limited(self, method: str, path: str) -> dict[str, str]:
        if self.limits is None or "/messages" not in path:
            return {}
        most, seconds = self.limits
        route = f"{method} {re.sub(r'/messages/.*', '/messages/x', path)}"
        now = time.monotonic()
        bucket = self._buckets.get(route)
        if bucket is None or now - bucket.began >= seconds:
            bucket = self._buckets[route] = _Bucket(began=now)
        bucket.used += 1
        left = bucket.began + seconds - now
        headers = {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(0, most - bucket.used)),
            "X-RateLimit-Reset": str(time.time() + left),
            "X-RateLimit-Reset-After": str(left),
            "X-RateLimit-Bucket": re.sub(r"\W", "", re.sub(r"\d+", "", route)),
        }
        if bucket.used > most:
            raise _too_many(left, headers)
        return headers

    # What is asked for

    def _me(self, sent: Sent) -> Json:
        return self._user(BOT)

    def _application(self, sent: Sent) -> Json:
        return {
            "id": str(APP),
            "name": "Avatar",
            "description": "",
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": self._user(ANN),
            "verify_key": "",
            "flags": self.application_flags,
        }

    def _get_commands(self, sent: Sent) -> list[Json]:
        return self.commands

    def _put_commands(self, sent: Sent) -> list[Json]:
        rules.check_commands(sent.body)
        # Discord adds to what it was told, and leaves out what is the default.
        self.commands = []
        for given in sent.body:
            options = [
                {k: v for k, v in option.items() if v is not False}
                for option in given.get("options", [])
            ]
            told = {
                "description": "",
                **given,
                "id": str(snowflake()),
                "version": "1",
                "nsfw": False,
            }
            self.commands.append(
                {**told, "options": options}
                if options
                else {k: v for k, v in told.items() if k != "options"}
            )
        return self.commands

    def _nothing(self, sent: Sent, *_: str) -> None:
        return None

    # Files

    def _refresh(self, sent: Sent) -> Json:
        urls = [
            {"original": url, "refreshed": url.split("?")[0] + "?ex=fresh"}
            for url in sent.body["attachment_urls"]
        ]
        return {"refreshed_urls": urls}

    async def _file(self, request: web.Request) -> web.Response:
        script = self._script("GET", request.path)
        content = self.files.get(request.match_info["id"])
        if script is not None:
            return web.Response(status=script.status)
        if content is None or request.query.get("ex") != "fresh":
            return web.Response(status=404)
        return web.Response(body=content)


async def _read(request: web.Request) -> Sent:
    query = dict(request.query)
    if not request.can_read_body:
        return Sent(body={}, query=query)
    if request.content_type == "application/json":
        return Sent(body=await request.json(), query=query)
    form = await request.post()
    files = []
    for name, value in form.items():
        if name.startswith("files["):
            assert isinstance(value, web.FileField)
            files.append((value.filename, value.file.read()))
    payload = form["payload_json"]
    assert isinstance(payload, str)
    return Sent(body=json.loads(payload), files=files, query=query)


def _scripted(script: _Scripted) -> Refusal:
    if script.status == 429:
        refusal = _too_many(script.retry_after, {})
        refusal.body["global"] = script.everywhere
        return refusal
    return Refusal(script.status, script.code, "scripted")


def _too_many(seconds: float, headers: dict[str, str]) -> Refusal:
    refusal = Refusal(
        429, 0, "You are being rate limited.", headers={**headers, "Via": "1.1 google"}
    )
    refusal.body |= {"retry_after": seconds, "global": False}
    return refusal
