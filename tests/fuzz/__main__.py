"""`python -m tests.fuzz [SECONDS] [TARGET…]`: fuzz every target, some seconds each.

What breaks one is kept in `.fuzz/`, and belongs into the fixtures once it is mended.
"""

import sys
from pathlib import Path

from tests.fuzz.running import FOUND, fuzzed, installed
from tests.fuzz.targets import targets


def main() -> int:
    words = sys.argv[1:]
    seconds = int(words.pop(0)) if words and words[0].isdigit() else 20
    if not installed():
        sys.stdout.write("atheris is not installed here (Linux on x86-64): nothing was fuzzed.\n")
        return 0
    broken = 0
    for target in targets():
        if words and target.name not in words:
            continue
        done = fuzzed(target, Path(FOUND), f"-max_total_time={seconds}")
        broken += done.broke
        sys.stdout.write(f"{target.name}: {done.words}\n")
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
