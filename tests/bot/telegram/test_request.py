"""The SDK's requests over aiohttp: what is sent, and what errors become."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from telegram.error import BadRequest, NetworkError, TimedOut

from bot.telegram import request as requests
from bot.telegram.request import Connection, not_carried_out
from tests.standins.loopback import Answered, Asked, Loopback, deaf

TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
SENT = b'{"ok": true, "result": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}}}'


@asynccontextmanager
async def connected(*answers: Answered) -> AsyncIterator[tuple[Connection, list[Asked]]]:
    asked: list[Asked] = []
    waiting = list(answers)

    async def answer(request: Asked) -> Answered:
        asked.append(request)
        return waiting.pop(0) if waiting else Answered(body=SENT)

    async with Loopback(answer) as server:
        connection = Connection(TOKEN, server.url)
        try:
            yield connection, asked
        finally:
            await connection.aclose()


async def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []

    async def answer(request: Asked) -> Answered:
        asked.append(request)
        return Answered(body=SENT)

    async with Loopback(answer) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        connection = Connection(TOKEN, "http://telegram.invalid")
        await connection.bot.send_message(5, "wah")
        await connection.aclose()
    assert len(asked) == 1


async def test_text_and_files_are_sent() -> None:
    async with connected() as (connection, asked):
        await connection.bot.send_message(5, "wah 😀 & = +")
        await connection.bot.send_document(5, io.BytesIO(b"\x00bytes"), filename="ä.bin")
    text, file = asked
    assert text.content_type == "application/x-www-form-urlencoded"
    assert b"text=wah+%F0%9F%98%80+%26+%3D+%2B" in text.body
    assert text.target == f"/bot{TOKEN}/sendMessage"
    assert file.content_type.startswith("multipart/form-data")
    assert b"\x00bytes" in file.body
    assert b'name="chat_id"' in file.body


async def test_what_errors_mean() -> None:
    async with connected(Answered(reset=True), Answered(status=502)) as (connection, _):
        with pytest.raises(NetworkError) as broken:
            await connection.bot.send_message(5, "x")
        assert not not_carried_out(broken.value)
        assert TOKEN not in str(broken.value)
        with pytest.raises(NetworkError) as refused:
            await connection.bot.send_message(5, "x")
        assert not_carried_out(refused.value)
    nobody = Connection(TOKEN, "http://127.0.0.1:1")
    with pytest.raises(NetworkError) as unsent:
        await nobody.bot.send_message(5, "x")
    assert not_carried_out(unsent.value)
    assert TOKEN not in str(unsent.value)
    await nobody.aclose()


async def test_what_is_too_large_is_refused_for_good() -> None:
    async with connected(Answered(status=413, body=b"<html>")) as (connection, _):
        with pytest.raises(BadRequest):
            await connection.bot.send_document(5, b"x", filename="a.zip")


async def test_a_gateway_that_waited_in_vain_passed_the_call_on() -> None:
    async with connected(Answered(status=504, body=b"<html>")) as (connection, _):
        with pytest.raises(TimedOut) as late:
            await connection.bot.send_message(5, "x")
    assert not not_carried_out(late.value)


async def test_a_server_that_does_not_answer_times_out() -> None:
    never = asyncio.Event()

    async def answer(_: Asked) -> Answered:
        await never.wait()
        return Answered()

    async with Loopback(answer) as server:
        connection = Connection(TOKEN, server.url)
        with pytest.raises(TimedOut) as late:
            await connection.bot.send_message(5, "x", read_timeout=0.05)
        assert not not_carried_out(late.value)
        never.set()
        await connection.aclose()


async def test_an_upload_that_a_server_does_not_take_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp itself would wait for ever, and the chat with it."""
    monkeypatch.setattr(requests, "_CONNECT", 0.05)
    monkeypatch.setattr(requests, "_ANSWER", 0.05)
    monkeypatch.setattr(requests, "_SLOWEST", 1e9)
    async with deaf() as url:
        connection = Connection(TOKEN, url)
        with pytest.raises(TimedOut) as late:
            async with asyncio.timeout(5):
                await connection.bot.send_document(5, bytes(20_000_000), filename="a.zip")
        assert not not_carried_out(late.value)
        await connection.aclose()


async def test_how_long_an_upload_may_take() -> None:
    """As long as its size needs on a slow line."""
    async with connected() as (connection, asked):
        async with asyncio.timeout(5):
            await connection.bot.send_document(5, bytes(3_000_000), filename="a.zip")
    assert len(asked[0].body) > 3_000_000


async def test_closed_it_says_nothing_more() -> None:
    """What a bot was saying when it was stopped is not said by a session that nobody closes."""
    async with connected() as (connection, asked):
        await connection.bot.send_message(5, "wah")
        await connection.aclose()
        with pytest.raises(NetworkError) as caught:
            await connection.bot.send_message(5, "wah again")
        assert not_carried_out(caught.value)
    assert len(asked) == 1
