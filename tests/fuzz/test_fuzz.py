"""Every target takes its seeds; and, for the long run, what atheris makes of them."""

from pathlib import Path

import pytest

from tests.fuzz.running import fuzzed, installed
from tests.fuzz.targets import Target, targets

TARGETS = {target.name: target for target in targets()}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_seeds_are_taken(target: Target) -> None:
    assert target.seeds
    target.take(b"")
    for seed in target.seeds:
        target.take(seed)
        target.take(seed[: len(seed) // 2])


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_some_thousand_mutations(target: Target, tmp_path: Path) -> None:
    if not installed():
        pytest.skip("atheris is not installed here")
    done = fuzzed(target, tmp_path / "found", "-runs=2000", "-seed=1")
    assert not done.broke, done.words
