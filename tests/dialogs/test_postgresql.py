"""The main job on PostgreSQL, and carried over to it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.dialogs.stage import EXAMPLES, play, terminal_stage
from tests.standins.postgres import Cluster

ROOT = EXAMPLES.parent.parent


async def test_an_installation_moves_to_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster | None
) -> None:
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    monkeypatch.chdir(tmp_path)  # beside SQLite's file is where the model server keeps its models
    (tmp_path / "data").mkdir()
    async with terminal_stage(tmp_path / "data") as stage:
        await play(
            stage,
            [
                (f"/train {EXAMPLES}", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/activate 1", "Active Now"),
                ("/prompt Be X.", "Version 2"),
                ("Hello", "X."),
            ],
        )
    source, target = f"sqlite+aiosqlite:///{tmp_path}/data/avatar.db", cluster.create()
    command = [sys.executable, "-m", "bot", "copy", source, target]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"training_examples: 44 rows" in said
    async with terminal_stage(tmp_path, database_url=target) as stage:
        await play(
            stage,
            [
                ("/status", "Fine-Tuned Active & Be X."),
                ("Hello", "lah & X."),
                ("/history", "2 · Prompt update & Active Now & 44 examples"),
                ("/deactivate", "back on the base model"),
                ("/undo", "version 1 again"),
                ("/delete 1", "44 examples"),
                ("[Delete version 1]", "is deleted & back on the base model"),
                (f"/train {EXAMPLES}", "Start it?"),
                ("[Start training]", "3 · Fine-tune of imitator-1 is in training"),
                ("(wait)", "completed"),
                ("/privacy", "4 messages"),
                ("/forgetme", "cannot be undone"),
                ("[Delete my messages]", "4 messages deleted"),
                ("/cost", "version 1 & training"),
            ],
        )
