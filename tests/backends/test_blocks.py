"""Streams rest between their blocks where there are many: nothing of them is lost, and those that
are few are read at once.
"""

import asyncio
import time
from pathlib import Path

import pytest

from avatar.errors import ProviderUnavailable
from backends import blocks as module
from backends.blocks import Beat
from backends.client import Client
from tests.backends.standin import DONE, Standin, streamed, text
from tests.standins.tls import Authority, Tls

PIECES = [text(f"{n} ") for n in range(40)]


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were 250 streams for each."""
    monkeypatch.setattr(module, "_EACH", 0.05)


async def read(client: Client) -> list[bytes]:
    async with client.streamed("/chat/completions", b"{}", model="m") as blocks:
        return [block async for block in blocks]


async def test_what_comes_during_a_rest_is_one_block(host: Standin, resting: None) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    host.will(streamed(*PIECES, DONE, pause=0.005))
    found = await read(client)
    assert b"".join(found) == b"".join([*PIECES, DONE])
    assert len(found) < 20  # of 41 that were sent
    host.will(streamed(DONE))
    assert await read(client) == [DONE]
    assert {each.connection for each in host.requests} == {0}  # it was read to its end
    await client.aclose()


async def test_one_stream_is_read_as_it_comes(host: Standin) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    host.will(streamed(*PIECES, DONE, pause=0.005))
    assert len(await read(client)) > 30
    await client.aclose()


async def test_more_than_a_buffer_holds(host: Standin, resting: None) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    pieces = [text("x" * 100_000)] * 20
    host.will(streamed(*pieces, DONE))
    assert b"".join(await read(client)) == b"".join([*pieces, DONE])
    await client.aclose()


async def test_behind_tls(host: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # other tests read no certificates
    monkeypatch.setattr(module, "_EACH", 0.05)
    authority = Authority(tmp_path)
    pieces = [*PIECES, text("x" * 600_000)]
    with authority.trusted():
        async with Tls(host.base_url, authority.issued()) as tls:
            client = Client(api_key="k", base_url=tls.url)
            for _ in range(2):
                host.will(streamed(*pieces, DONE, pause=0.005))
                found = await read(client)
                assert b"".join(found) == b"".join([*pieces, DONE])
            await client.aclose()


async def test_a_connection_that_breaks_during_a_rest(host: Standin, resting: None) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    host.will(streamed(*PIECES, pause=0.005, end="cut"))
    came = b""
    with pytest.raises(ProviderUnavailable):
        async with client.streamed("/chat/completions", b"{}", model="m") as blocks:
            async for block in blocks:
                came += block
    assert came == b"".join(PIECES)
    await client.aclose()


async def test_who_goes_away_during_a_rest_disturbs_nobody(host: Standin, resting: None) -> None:
    client = Client(api_key="k", base_url=host.base_url)
    host.will(*[streamed(*PIECES, DONE, pause=0.005)] * 2)
    going, staying = asyncio.create_task(read(client)), asyncio.create_task(read(client))
    await asyncio.sleep(0.1)
    going.cancel()
    assert b"".join(await staying) == b"".join([*PIECES, DONE])
    with pytest.raises(asyncio.CancelledError):
        await going
    await client.aclose()


async def test_all_that_rest_are_woken_together() -> None:
    beat = Beat()
    beat.streams = 100
    assert beat.seconds == pytest.approx(0.02)
    began = time.monotonic()
    first = asyncio.create_task(beat.rest())
    await asyncio.sleep(0.01)
    await beat.rest()
    assert first.done()
    assert time.monotonic() - began >= 0.02
    beat.streams = 20
    assert not beat.seconds  # it would cost more than it saves
    beat.streams = 1_000_000
    assert beat.seconds < 0.5  # previews come every 0.8 s
