"""The gateway of the stand-in for Discord: sessions that are dropped, resumed, invalidated."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.standins.discord_rules import Json
from tests.standins.discord_world import APP, BOT, SERVER, DiscordWorld

_HEARTBEAT = 41_250  # ms
_CONTENT = 1 << 15  # the intent
_FLAG_CONTENT = 1 << 19  # of the application
_DISPATCH, _BEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 0, 1, 2, 6, 7, 9, 10, 11


@dataclass(kw_only=True, slots=True, eq=False)
class Session:
    """What the gateway knows of a session; it outlives its connection."""

    id: str
    told: list[tuple[int, str, Json]] = field(default_factory=list)
    connection: "Connection | None" = None


class Connection:
    """One WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.beats = 0
        self._queue: asyncio.Queue[Json | int | None] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    def send(self, payload: Json) -> None:
        self._queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close behind what was sent."""
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """The connection breaks without a word."""
        transport = self.socket._req.transport if self.socket._req is not None else None
        if transport is not None:
            transport.abort()

    async def _write(self) -> None:
        while (payload := await self._queue.get()) is not None:
            try:
                if isinstance(payload, int):
                    await self.socket.close(code=payload)
                    return
                await self.socket.send_str(json.dumps(payload))
            except (ConnectionError, RuntimeError):
                return

    async def end(self) -> None:
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)


class DiscordGateway(DiscordWorld):
    """A world that is told to one bot."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "OTAwMDkwMDA5MDAwOTAwMA.standin.standinstandinstandinstandin"
        self.gateway_url = ""
        self.sessions: list[Session] = []
        self.connections: list[Connection] = []
        self.handshakes: list[str] = []  # "identify" and "resume", in their order
        self.flags_told = True  # False: the application's flags do not show what is granted
        self.refuse: int | None = None  # a code with which every IDENTIFY is answered
        self._names = itertools.count(1)

    @property
    def session(self) -> Session | None:
        """The one that events go to."""
        return self.sessions[-1] if self.sessions else None

    @property
    def connected(self) -> bool:
        return self.session is not None and self.session.connection is not None

    def event(self, name: str, data: Json) -> None:
        """Tell the session, now or when it is resumed. Without a session nobody is told."""
        session = self.session
        if session is None:
            return
        number = len(session.told) + 1
        session.told.append((number, name, data))
        if session.connection is not None:
            session.connection.send({"op": _DISPATCH, "s": number, "t": name, "d": data})

    # What goes wrong

    def drop(self, code: int | None = None) -> None:
        """The connection ends: broken, or closed with a code. The session can be resumed."""
        session = self.session
        assert session is not None and session.connection is not None
        connection, session.connection = session.connection, None
        if code is None:
            connection.cut()
        else:
            connection.close(code)

    def ask_to_reconnect(self) -> None:
        """As before a restart of Discord's server."""
        session = self.session
        assert session is not None and session.connection is not None
        connection, session.connection = session.connection, None
        connection.send({"op": _RECONNECT, "d": None})

    def ask_to_resume(self) -> None:
        """The gateway lost its thread: "invalid session", which can be resumed."""
        session = self.session
        assert session is not None and session.connection is not None
        connection, session.connection = session.connection, None
        connection.send({"op": _INVALID, "d": True})

    def invalidate(self) -> None:
        """The connection breaks, and the session is forgotten."""
        self.drop()
        self.sessions.clear()

    def repeat_last(self) -> None:
        """Tell the newest event once more."""
        session = self.session
        assert session is not None and session.connection is not None
        _, name, data = session.told[-1]
        self.event(name, data)

    # The server

    async def heard(self) -> None:
        """Wait until the bot has read everything that it was told."""
        await self.until(lambda: self.connected)
        session = self.session
        assert session is not None and session.connection is not None
        connection = session.connection
        before = connection.beats
        connection.send({"op": _BEAT, "d": None})
        await self.until(lambda: connection.beats > before or connection is not session.connection)

    async def serve_gateway(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket)
        self.connections.append(connection)
        connection.send({"op": _HELLO, "d": {"heartbeat_interval": _HEARTBEAT}})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take(connection, json.loads(message.data))
        finally:
            for session in self.sessions:
                if session.connection is connection:
                    session.connection = None
            await connection.end()
        return socket

    def _take(self, connection: Connection, payload: Json) -> None:
        match payload["op"]:
            case 1:
                connection.beats += 1
                connection.send({"op": _ACK})
            case 2:
                self.handshakes.append("identify")
                self._identify(connection, payload["d"])
            case 6:
                self.handshakes.append("resume")
                self._resume(connection, payload["d"])

    def _identify(self, connection: Connection, data: Json) -> None:
        if data["token"] != self.token:
            connection.close(4004)
            return
        if self.refuse is not None:
            connection.close(self.refuse)
            return
        if data["intents"] & _CONTENT and not self.content_granted:
            connection.close(4014)
            return
        session = Session(id=f"session-{next(self._names)}", connection=connection)
        self.sessions.append(session)
        self.event(
            "READY",
            {
                "v": 10,
                "user": self._user(BOT),
                "guilds": [{"id": str(SERVER), "unavailable": True}],
                "session_id": session.id,
                "resume_gateway_url": self.gateway_url,
                "application": {"id": str(APP), "flags": self.application_flags},
            },
        )
        self.event("GUILD_CREATE", self._guild())

    def _resume(self, connection: Connection, data: Json) -> None:
        session = next((s for s in self.sessions if s.id == data["session_id"]), None)
        if session is None or data["token"] != self.token:
            connection.send({"op": _INVALID, "d": False})
            return
        session.connection = connection
        for number, name, told in session.told[data["seq"] :]:
            connection.send({"op": _DISPATCH, "s": number, "t": name, "d": told})
        self.event("RESUMED", {})

    @property
    def application_flags(self) -> int:
        return _FLAG_CONTENT if self.content_granted or not self.flags_told else 0
