"""Running a target under atheris, in a process of its own."""

import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import Target

FOUND = ".fuzz"  # what broke a target is put here
LIMITS = (
    "-timeout=10",  # seconds for one input: a square of its length takes longer
    "-rss_limit_mb=1024",
    "-max_len=20000",
    "-print_final_stats=1",
    "-verbosity=1",
)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of it."""

    broke: bool
    words: str


def installed() -> bool:
    """Whether there is atheris."""
    return importlib.util.find_spec("atheris") is not None


def fuzzed(target: Target, found: Path, *flags: str) -> Fuzzed:
    """Fuzz a target from its seeds."""
    found.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.one", target.name),
                *(*LIMITS, *flags, f"-artifact_prefix={found.resolve()}/", folder),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr + done.stdout)
    count = f"{int(runs[1]):,} runs" if runs else "no runs"
    if done.returncode == 0 and runs:
        return Fuzzed(False, count)
    return Fuzzed(True, f"broken after {count}:\n{(done.stdout + done.stderr)[-3000:]}")
