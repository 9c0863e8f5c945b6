"""Real processes that answer for one installation, killed with SIGKILL while many people write."""

import pytest

from benchmarks.workers import measure
from tests.standins.postgres import Cluster

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(400)]


async def test_nothing_lost_nothing_doubled_and_in_order(cluster: Cluster | None) -> None:
    if cluster is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl were not found)")
    found = await measure(cluster, workers=2, chats=10, messages=5, kill_every=5.0)
    assert found.killed >= 2
    assert (found.lost, found.doubled, found.disordered) == (0, 0, 0)
