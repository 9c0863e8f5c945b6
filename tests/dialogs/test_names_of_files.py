"""A file that somebody sends never touches a path made of its name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.dialogs.stage import EXAMPLES, discord_stage, telegram_stage
from tests.standins import discord_api, telegram_api

NAMES = (
    "../../../../../../tmp/evil.jsonl",
    "/tmp/evil.jsonl",
    "..\\..\\evil.jsonl",
    "C:\\evil.jsonl",
    "~/evil.jsonl",
    "evil.jsonl\n/evil",
    "$(evil).jsonl",
    "evil" * 200 + ".jsonl",
    "evil/../../file.zip",
)
_TOUCHING = ("open", "os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "shutil.")
_touched: list[str] | None = None


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _touched is not None and event.startswith(_TOUCHING):
        _touched.extend(str(each) for each in args)


sys.addaudithook(_audit)  # one cannot be taken away again


@contextmanager
def touched() -> Iterator[list[str]]:
    """Every path that the process opens, makes, moves or deletes meanwhile."""
    global _touched  # noqa: PLW0603
    found = _touched = []
    yield found
    _touched = None


def test_what_is_touched_is_seen(tmp_path: Path) -> None:
    with touched() as paths:
        (tmp_path / "evil").write_text("x", encoding="utf-8")
    assert any("evil" in path for path in paths)


async def test_on_telegram(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as stage:
        with touched() as paths:
            for name in NAMES:
                document = telegram_api.Document(name=name, content=EXAMPLES.read_bytes())
                assert "44 examples" in await stage.send("/train", document)
        _in_a_folder_of_ours(paths)


async def test_on_discord(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as stage:
        with touched() as paths:
            for name in NAMES:
                document = discord_api.Document(name=name, content=EXAMPLES.read_bytes())
                assert "44 examples" in await stage.send("train", document)
        _in_a_folder_of_ours(paths)


def _in_a_folder_of_ours(paths: list[str]) -> None:
    assert any("avatar-bot-" in path for path in paths), "the files were taken"
    assert not [path for path in paths if "evil" in path]
