"""The whole bot as a process, killed with SIGKILL in the middle of a training."""

import asyncio
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "malaysian.jsonl"
JOB = "SELECT count(*) FROM fine_tune_jobs WHERE "
# What stands in the database when the process is killed, in the order of the walk.
MOMENTS = {
    "written down": JOB + "id > 0",
    "file uploaded": JOB + "remote_file_id IS NOT NULL",
    "creation begun": JOB + "create_attempted_at IS NOT NULL",
    "job created": JOB + "remote_job_id IS NOT NULL",
    "step one": JOB + "step >= 1",
    "ended": JOB + "ended_at IS NOT NULL",
    "notice delivered": "SELECT count(*) FROM notices WHERE ended_at IS NOT NULL",
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[str]:
    """A model server that outlives the bot; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *["-m", "modelserver", "--port", "0", "--data", str(tmp_path / "models")],
        *["--training-seconds", "1"],
        cwd=ROOT,
        stdout=PIPE,
    )
    assert process.stdout is not None
    yield (await process.stdout.readline()).decode().split()[-1]
    process.terminate()
    await process.communicate()


async def bot_process(folder: Path, provider: str) -> asyncio.subprocess.Process:
    settings = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/avatar.db",
        "OPENAI_BASE_URL": provider,
        "OPENAI_API_KEY": "any",
        "BASE_MODEL": "imitator-1",
        "POLL_SECONDS": "0.2",
    }
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "bot"],
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, **settings},
    )


def holds(file: Path, query: str) -> bool:
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return bool(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return False


@pytest.mark.parametrize("moment", MOMENTS)
async def test_one_job_one_notice(tmp_path: Path, provider: str, moment: str) -> None:
    file = tmp_path / "avatar.db"
    first = await bot_process(tmp_path, provider)
    assert first.stdin is not None
    first.stdin.write(f"/train {EXAMPLES}\n1\n".encode())
    async with asyncio.timeout(60):
        while not holds(file, MOMENTS[moment]):
            await asyncio.sleep(0.002)
    first.send_signal(signal.SIGKILL)
    shown, _ = await first.communicate()

    second = await bot_process(tmp_path, provider)
    also, _ = await second.communicate(b"/activate 1\nGood morning\n")  # and ends when all is done
    assert second.returncode == 0

    async with AsyncOpenAI(api_key="any", base_url=provider) as client:
        jobs = [job async for job in client.fine_tuning.jobs.list()]
        files = [each for each in (await client.files.list()).data if each.purpose == "fine-tune"]
    assert [job.status for job in jobs] == ["succeeded"]
    assert len(files) == 1
    assert holds(file, "SELECT count(*) = 1 FROM notices")
    assert holds(file, "SELECT count(*) = 1 FROM avatar_training_data WHERE status = 'completed'")
    told = (shown + also).decode().count("Deep Training completed")
    # Killed between showing a notice and noting that it was shown, it comes a second time.
    assert told in ({1, 2} if moment == "ended" else {1})
