"""A whole installation in one file, and back."""

import asyncio
import errno
import json
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.backup import (
    MANIFEST,
    BackupFailed,
    BadArchive,
    backup,
    restore,
    verify,
)
from storage.columns import metadata
from storage.database import Database, DatabaseRefused
from storage.store import SqlStore, open_store
from storage.tables import (
    messages,
)
from tests.avatar.make import NOW
from tests.storage.steps import a_prompt
from tests.storage.test_copying import MARKED, filled, other
from tests.storage.test_odd_words import odd_exchange

__all__ = ["other"]  # a fixture

KEEP = frozenset({"modelserver"})


def no_files() -> Mapping[str, Path]:
    return {}


async def put_back(url: str, path: Path, *, force: bool = False, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    await restore(url, path, force=force, folder=folder, keep=KEEP)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_from_one_database_to_another_kind(tmp_path: Path, url: str, other: str) -> None:
    await filled(url)
    archive, model = tmp_path / "a.zip", tmp_path / "model.json"
    model.write_bytes(b"a model" * 1000)
    kept = await backup(
        url, archive, files=lambda: {"modelserver/models/m/model.json": model}, now=NOW
    )
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert verify(archive) == kept
    assert {each.name for each in kept} == {
        *(f"tables/{name}.jsonl" for name in metadata.tables),
        "files/modelserver/models/m/model.json",
    }
    await put_back(other, archive, folder=tmp_path / "data")
    assert files_in(tmp_path / "data") == {"modelserver/models/m/model.json": b"a model" * 1000}
    # What is back gives the same archive again: rows, numbers and files.
    again = await backup(
        other,
        tmp_path / "b.zip",
        files=lambda: {
            "modelserver/models/m/model.json": tmp_path / "data/modelserver/models/m/model.json"
        },
        now=NOW,
    )
    assert again == kept
    async with open_store(other) as store:
        avatar = await store.avatar_by_slug("ani")
        ann = await store.find_person("telegram", "1")
        assert avatar is not None
        assert ann is not None
        about = await store.import_(1)
        assert about is not None
        assert about.marked == MARKED
        assert (await a_prompt(store, avatar, ann, "Be Z.")).number == 4  # none is given twice


async def test_a_backup_under_load_is_one_moment(tmp_path: Path, url: str) -> None:
    """A reply and its question are one transaction: no backup has the one without the other."""
    archive = tmp_path / "a.zip"
    async with open_store(url) as store:
        await filled(url)
        ann = await store.find_person("telegram", "1")
        assert ann is not None
        done = asyncio.Event()

        async def talk() -> int:
            count = 0
            while not done.is_set():
                await odd_exchange(store, ann, 100 + count)
                count += 1
            return count

        talking = asyncio.create_task(talk())
        for number in range(3):
            await asyncio.sleep(0.05)
            taken = await backup(url, tmp_path / f"{number}.zip", files=no_files, now=NOW)
            by_name = {each.name: each for each in taken}
            assert (by_name["tables/messages.jsonl"].rows or 1) % 2 == 0
        done.set()
        assert await talking > 3
        await backup(url, archive, files=no_files, now=NOW)
    with zipfile.ZipFile(tmp_path / "1.zip") as opened:
        rows = [json.loads(line) for line in opened.open("tables/messages.jsonl")]
    answered = {row["answers"] for row in rows if row["role"] == "assistant"}
    assert answered == {row["id"] for row in rows if row["role"] == "user"}


async def test_what_is_there_stays_unless_it_is_forced(tmp_path: Path, url: str) -> None:
    await filled(url)
    archive, data = tmp_path / "a.zip", tmp_path / "data"
    await backup(url, archive, files=no_files, now=NOW)
    (data / "modelserver").mkdir(parents=True)
    (data / "modelserver" / "mine").write_bytes(b"mine")
    async with open_store(url) as store:
        await one_more(store)
    with pytest.raises(DatabaseRefused, match="not empty"):
        await put_back(url, archive, folder=data)
    assert await count(url) == 8
    await put_back(url, archive, folder=data, force=True)
    assert await count(url) == 6
    assert files_in(data) == {}  # the archive holds none
    assert sorted(path.name for path in data.iterdir()) == []


async def test_a_database_that_does_not_follow_takes_the_files_back(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(url)
    archive, data, model = tmp_path / "a.zip", tmp_path / "data", tmp_path / "m"
    model.write_bytes(b"new")
    await backup(url, archive, files=lambda: {"modelserver/m": model}, now=NOW)
    (data / "modelserver").mkdir(parents=True)
    (data / "modelserver" / "m").write_bytes(b"old")
    rename = Path.rename

    def broken(path: Path, target: Path) -> Path:
        if path.suffix == ".new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(BadArchive, match="No space left"):
        await put_back(url, archive, folder=data, force=True)
    assert files_in(data) == {"modelserver/m": b"old"}
    assert await count(url) == 6


async def one_more(store: SqlStore) -> None:
    ann = await store.find_person("telegram", "1")
    assert ann is not None
    await odd_exchange(store, ann, 77)


async def count(url: str) -> int:
    import sqlalchemy as sa

    database = Database(url)
    try:
        async with database.reading() as read:
            found = await read.execute(sa.select(messages.c.id).where(messages.c.id > 0))
            return len(found.all())
    finally:
        await database.close()


async def test_no_file_is_overwritten_and_none_is_left_behind(tmp_path: Path, url: str) -> None:
    await filled(url)
    (tmp_path / "a.zip").write_bytes(b"of yesterday")
    with pytest.raises(BackupFailed, match="exists already"):
        await backup(url, tmp_path / "a.zip", files=no_files, now=NOW)
    with pytest.raises(BackupFailed):
        await backup(url, tmp_path / "no" / "a.zip", files=no_files, now=NOW)

    def gone() -> Mapping[str, Path]:
        return {"modelserver/gone": tmp_path / "gone"}

    with pytest.raises(BackupFailed, match="gone"):
        await backup(url, tmp_path / "b.zip", files=gone, now=NOW)
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["a.zip"]
    assert (tmp_path / "a.zip").read_bytes() == b"of yesterday"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    url = f"sqlite+aiosqlite:///{folder}/avatar.db"

    async def make() -> None:
        await filled(url)
        (folder / "m").write_bytes(b"m")
        await backup(url, folder / "a.zip", files=lambda: {"modelserver/m": folder / "m"}, now=NOW)

    asyncio.run(make())
    return folder / "a.zip"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_or_damaged_archive_is_refused(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = archive.read_bytes()
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged[at] ^= data.draw(st.integers(1, 255))
    copy = tmp_path / "damaged.zip"
    copy.write_bytes(damaged)
    try:
        kept = verify(copy)
    except BadArchive as refused:
        assert "Nothing was changed." in str(refused)
    else:  # a bit that means nothing, such as a time: then what it holds is the same
        assert kept == verify(archive)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "newer avatar-bot"),
        ({"schema": "0001"}, "another version"),
        ({"parts": []}, "does not hold the tables"),
    ],
)
def test_what_another_version_wrote_is_refused(
    archive: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    changed = rewritten(archive, tmp_path, lambda about: about | change)
    with pytest.raises(BadArchive, match=said):
        verify(changed)


@pytest.mark.parametrize("name", ["../evil", "files/../evil", "files//etc/evil", "evil", "files/"])
def test_a_path_that_leads_outside_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    def lead_out(about: dict[str, Any]) -> dict[str, Any]:
        parts = [dict(each) for each in about["parts"]]
        parts[-1]["name"] = name
        return about | {"parts": parts}

    with pytest.raises(BadArchive, match="outside"):
        verify(rewritten(archive, tmp_path, lead_out))


async def test_files_that_belong_nowhere_are_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="belongs nowhere"):
        await restore(
            f"sqlite:///{tmp_path}/x.db", archive, force=False, folder=tmp_path, keep=frozenset()
        )
    assert not (tmp_path / "x.db").exists()


def rewritten(
    archive: Path, folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Path:
    changed = folder / "changed.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == MANIFEST:
                content = json.dumps(change(json.loads(content))).encode()
            new.writestr(name, content)
    return changed
