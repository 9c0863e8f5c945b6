"""The server's side of the process that trains, with small programs in its place."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from modelserver.engine import Metrics, Note
from modelserver.errors import TrainingError
from modelserver.lora import process
from modelserver.lora.task import Work

SPEAKS = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
def say(kind, **line):
    print(json.dumps({"kind": kind, **line}), flush=True)
say("note", level="warn", message="3 were cut")
for step in range(1, 4):
    say("metrics", step=step, total_steps=3, train_loss=1.0, train_mean_token_accuracy=0.5)
    say("note", level="info", message=f"Checkpoint created at step {step}", step=step)
if not (folder / "tried").exists():
    (folder / "tried").touch()
    say("again", level="warn", message="Out of memory")
"""
WAITS = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, {handler})
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(60)
"""


async def told(tmp_path: Path, program: str, first_step: int = 0) -> list[str]:
    said: list[str] = []

    async def report(one: Metrics | Note) -> None:
        said.append(one.message if isinstance(one, Note) else f"step {one.step}")

    command = (sys.executable, "-c", program)
    await process.train(
        Work(tmp_path), report, first_step=first_step, environment={}, command=command
    )
    return said


async def test_what_is_said_twice_is_told_once(tmp_path: Path) -> None:
    assert await told(tmp_path, SPEAKS) == [
        "3 were cut",
        *("step 1", "Checkpoint created at step 1"),
        *("step 2", "Checkpoint created at step 2"),
        *("step 3", "Checkpoint created at step 3"),
        "Out of memory",
    ]
    assert await told(tmp_path, SPEAKS, first_step=2) == [
        *("step 3", "Checkpoint created at step 3")
    ]


@pytest.mark.parametrize("handler", ["lambda *_: sys.exit()", "signal.SIG_IGN"])
async def test_the_process_ends_with_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    """It is asked to, and made to when it does not."""
    monkeypatch.setattr(process, "SAVE_SECONDS", 0.5)
    training = asyncio.create_task(told(tmp_path, WAITS.format(handler=handler)))
    while not (tmp_path / "ready").exists():
        await asyncio.sleep(0.02)
    began = time.monotonic()
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await training
    assert (time.monotonic() - began > 0.4) == ("IGN" in handler)


async def test_the_last_line_of_a_broken_process_is_the_reason(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        await told(tmp_path, "import sys\nsys.exit('no more disk\\n\\n')")
    assert caught.value.message == "The training ended unexpectedly: no more disk"
    silent = "import os; os._exit(7)"
    (tmp_path / "log.txt").unlink()
    with pytest.raises(TrainingError, match="code 7"):
        await told(tmp_path, silent)
