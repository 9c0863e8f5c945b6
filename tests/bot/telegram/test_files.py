"""Files from a Bot API server of our own: read where it keeps them, and nowhere else."""

from pathlib import Path

import pytest

from avatar.errors import BadText
from avatar.records import Attachment
from bot.telegram.files import BOT_LIMIT, downloaded
from bot.telegram.request import Connection
from tests.standins.telegram_api import Document, TelegramStandIn

LARGE = BOT_LIMIT + 1


async def fetch(
    telegram: TelegramStandIn, document: Document, *, local: Path | None, limit: int = 10**9
) -> bytes:
    telegram.say("/train", document=document)
    (file_id,) = telegram._files
    connection = Connection(telegram.token, telegram.url)
    attachment = Attachment(ref=file_id, name=document.name, size=None, kind="document")
    try:
        async with downloaded(connection, attachment, limit=limit, local=local) as path:
            return path.read_bytes()
    finally:
        await connection.aclose()


async def test_a_large_file_is_read_from_the_disk_and_stays_there(
    telegram: TelegramStandIn, tmp_path: Path
) -> None:
    telegram.local = tmp_path
    content = b"x" * LARGE
    assert await fetch(telegram, Document(name="a", content=content), local=tmp_path) == content
    assert len(list(tmp_path.rglob("file-*"))) == 1


async def test_it_may_be_too_large_there_too(telegram: TelegramStandIn, tmp_path: Path) -> None:
    telegram.local = tmp_path
    small_claim = Document(name="a.txt", content=b"x" * 5000, claims=10)
    with pytest.raises(BadText, match=r"a.txt is larger than 4 kB"):
        await fetch(telegram, small_claim, local=tmp_path, limit=4000)


async def test_without_the_folder_it_is_said_what_is_missing(
    telegram: TelegramStandIn, tmp_path: Path
) -> None:
    telegram.local = tmp_path
    with pytest.raises(BadText, match="TELEGRAM_LOCAL_FILES"):
        await fetch(telegram, Document(name="a", content=b"x"), local=None)


@pytest.mark.parametrize(
    "lie",
    [
        "/etc/passwd",
        "{folder}/../secret",
        "{folder}/link",
        "{folder}/linked/secret",
        "{folder}-twin/secret",
        "{folder}",
        "{folder}/nothing",
        "{folder}/nul\0",
    ],
)
async def test_nothing_outside_of_the_folder_is_read(
    telegram: TelegramStandIn, tmp_path: Path, lie: str
) -> None:
    folder = tmp_path / "files"
    for place in (folder, tmp_path / "files-twin"):
        place.mkdir()
    for secret in (tmp_path / "secret", tmp_path / "files-twin" / "secret"):
        secret.write_text("not for you")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    telegram.local, telegram.lies = folder, lie.format(folder=folder)
    with pytest.raises(BadText, match="cannot be fetched"):
        await fetch(telegram, Document(name="a", content=b"x"), local=folder)
