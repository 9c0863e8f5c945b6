"""Real processes that answer for one installation, killed with SIGKILL while many people write."""

import pytest

from benchmarks.workers import KILL_EVERY, measure
from tests.standins.postgres import Cluster

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(600)]


async def test_nothing_lost_nothing_doubled_and_in_order(cluster: Cluster | None) -> None:
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    found = await measure(cluster, workers=2, chats=12, messages=10, kill_every=KILL_EVERY)
    assert found.killed >= 5
    assert (found.lost, found.doubled, found.disordered) == (0, 0, 0)
