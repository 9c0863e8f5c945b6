"""`python -m bot backup` while the bot runs, and `restore`: an avatar speaks as it was taught."""

import asyncio
import os
import sys
from pathlib import Path

from tests.dialogs.stage import play, terminal_stage

ROOT = Path(__file__).parent.parent.parent


async def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The command, with the database in a folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"DATABASE_URL": f"sqlite+aiosqlite:///{folder}/avatar.db"},
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_fine_tuned_avatar_comes_back(tmp_path: Path) -> None:
    here, there, archive = tmp_path / "here", tmp_path / "there", str(tmp_path / "a.zip")
    async with terminal_stage(here) as stage:
        await play(
            stage,
            [
                ("/prompt You are X.", "Version 1"),
                ("(train)", "44 examples"),
                ("[Start training]", "is in training"),
                ("(wait)", "Deep Training completed"),
                ("/activate 2", "Active Now"),
                ("Hello", "lah"),
            ],
        )
        code, said = await run(here, "backup", archive)
        assert (code, "read again and compared" in said) == (0, True), said
        code, said = await run(here, "backup", archive)
        assert (code, "exists already" in said) == (2, True)
        # Not under the feet of a bot that runs.
        code, said = await run(here, "restore", archive, "--force")
        assert (code, "stop it, then restore" in said) == (2, True)
        await play(stage, [("Hello", "lah")])
    code, said = await run(here, "restore", archive)
    assert (code, "not empty" in said) == (2, True)
    code, said = await run(there, "restore", archive)
    assert (code, "are back and compared" in said) == (0, True), said
    async with terminal_stage(there) as stage:
        await play(
            stage,
            [
                ("/history", "2 · ft:imitator-1 & Active Now"),
                ("/prompt", "You are X."),
                ("Hello", "lah"),
            ],
        )
    (tmp_path / "cut.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-100])
    code, said = await run(tmp_path / "third", "restore", str(tmp_path / "cut.zip"))
    assert (code, "only a part of one" in said) == (2, True)
