"""Pictures as a model takes them."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avatar.errors import BadText
from avatar.records import Address, Attachment
from bot import pictures
from bot.downloads import too_large
from bot.pictures import data_urls
from bot.terminal.messenger import TerminalMessenger
from tests.standins.openai_host import PNG

HERE = Address(platform="terminal", chat="terminal")


class Album(TerminalMessenger):
    """Has files by their ref."""

    def __init__(self, folder: Path, files: dict[str, bytes]) -> None:
        self._folder = folder
        self._files = files

    @asynccontextmanager
    async def download(
        self, address: Address, attachment: Attachment, *, limit: int
    ) -> AsyncIterator[Path]:
        content = self._files[attachment.ref]
        if len(content) > limit:
            raise too_large(attachment, limit)
        path = self._folder / attachment.ref
        path.write_bytes(content)
        yield path


def sent(*refs: str) -> list[Attachment]:
    return [Attachment(ref=ref, name="a.jpg", size=None, kind="photo") for ref in refs]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\0\0\0\0WEBPrest", "image/webp"),
    ],
)
async def test_kinds(tmp_path: Path, content: bytes, kind: str) -> None:
    (url,) = await data_urls(Album(tmp_path, {"a": content}), HERE, sent("a"))
    head, _, data = url.partition(",")
    assert (head, base64.b64decode(data)) == (f"data:{kind};base64", content)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"RIFF\0\0\0\0WAVE", b"\x89PNG"])
async def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadText, match="no picture"):
        await data_urls(Album(tmp_path, {"a": content}), HERE, sent("a"))


async def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST", 50)
    monkeypatch.setattr(pictures, "ALTOGETHER", 60)
    album = Album(tmp_path, {"a": PNG, "b": PNG * 2})
    assert len(await data_urls(album, HERE, sent("a", "a"))) == 2
    with pytest.raises(BadText, match="too large together"):
        await data_urls(album, HERE, sent("a", "a", "a"))
    with pytest.raises(BadText, match="larger than"):
        await data_urls(album, HERE, sent("b"))
    with pytest.raises(BadText, match="up to 10"):
        await data_urls(album, HERE, sent(*"a" * 11))
