"""The server's side of a training: a process, what it says, and its end."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from modelserver.engine import Metrics, Note, Report
from modelserver.errors import TrainingError
from modelserver.lora.task import Work

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "modelserver.lora.trainer")
SAVE_SECONDS = 10.0  # a process that is to end gets to save; without, the last checkpoint serves
_ROOT = Path(__file__).parent.parent.parent


async def train(
    work: Work,
    report: Report,
    *,
    first_step: int,
    environment: Mapping[str, str],
    command: Sequence[str] = COMMAND,
) -> None:
    """Run the task of a work folder to its end, in as many processes as the memory asks for.
    Raises TrainingError. Cancelled, it ends the process, which saves a checkpoint first.
    """
    reported = noted = first_step  # steps of which the server has the numbers, and the notes
    first = first_step == 0  # what a process says of its task, only the first one needs to say
    again = True
    while again:
        again = False
        async with aclosing(_lines(work, environment, command)) as lines:
            async for line in lines:
                match line.pop("kind"):
                    case "metrics":
                        metrics = Metrics(**line)
                        if metrics.step > reported:  # else it was, before a pause or a restart
                            reported = metrics.step
                            await report(metrics)
                    case "note":
                        step = line.get("step", noted)
                        if step > noted or (first and "step" not in line):
                            noted = step
                            await report(Note(message=line["message"], level=line["level"]))
                    case "again":
                        await report(Note(message=line["message"], level=line["level"]))
                        again = True
                    case "failed":
                        raise TrainingError(line["code"], line["message"], line["param"])
        first = False


async def _lines(
    work: Work, environment: Mapping[str, str], command: Sequence[str]
) -> AsyncGenerator[dict[str, Any], None]:
    """What the process says. Raises TrainingError when it ends badly."""
    file = await asyncio.to_thread(work.log.open, "ab")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            str(work.folder),
            stdin=asyncio.subprocess.PIPE,  # it ends when we do
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))
                ),
                "TOKENIZERS_PARALLELISM": "false",
                **environment,
            },
        )
    finally:
        await asyncio.to_thread(file.close)
    try:
        async for line in _output(process):
            yield json.loads(line)
        code = await process.wait()
    finally:
        await asyncio.shield(_end(process))
    if code:
        tail = await asyncio.to_thread(_tail, work.log)
        log.error("a training ended with the code %s:\n%s", code, tail)
        if code == -signal.SIGKILL:  # by nobody here: it is how a system frees memory
            raise TrainingError(
                "out_of_memory",
                "The system ended the training, most likely because this machine's memory is too "
                "small. Use a smaller model, shorter examples or a smaller batch.",
                None,
            )
        raise TrainingError(
            "server_error",
            f"The training ended unexpectedly: {_last_line(tail) or f'code {code}'}"[:300],
            None,
        )


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("the process was started without a pipe")
    return process.stdout


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(SAVE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4_000))
        return file.read().decode("utf-8", "replace")
