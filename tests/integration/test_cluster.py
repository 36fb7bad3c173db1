"""Three brokers, acks=all, two in sync at least: leaders are killed, and every row counts once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Needs, cache_folder
from tests.support import apache_kafka
from tests.support.counted import fit_reference
from tests.support.fleet import Fleet
from tests.support.kafka_cluster import N_BROKERS, Cluster
from tests.support.long import LONG
from tests.support.waiting import wait_for

pytestmark = [*LONG, pytest.mark.xdist_group("apache-kafka")]


@pytest.fixture
def cluster(needs: Needs, tmp_path: Path) -> Iterator[Cluster]:
    jars = apache_kafka.libraries(needs("mvn"), cache_folder())
    with Cluster(needs("java"), jars, tmp_path) as cluster:
        yield cluster


def test_leaders_that_are_killed_cost_no_row_and_double_none(
    cluster: Cluster, tmp_path: Path
) -> None:
    broker = cluster.broker()
    topic = broker.topics.predictions
    with Fleet(broker, fit_reference(), tmp_path) as fleet:
        for _ in range(2):
            fleet.start()
        for _ in range(5):
            fleet.send(100)
            leader = cluster.leader(topic, 0)
            assert leader is not None
            cluster.kill(leader)
            fleet.send(100)
            cluster.start(leader)
            wait_for(lambda: cluster.n_in_sync(topic, 0) == N_BROKERS, 90.0)
        fleet.send(100)
        assert fleet.counted(timeout_s=120.0) == fleet.expected()
