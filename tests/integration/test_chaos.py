"""Replicas are frozen, join, leave and die on a real Kafka; every row is counted once."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import kafka
import pytest
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from detectors.reference import Reference
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from tests.support.counted import fit_reference
from tests.support.fleet import N_ROWS, Fleet, freeze, thaw
from tests.support.long import LONG
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("apache-kafka"), pytest.mark.timeout(600)]

FROZEN_S = 2.0
"""Twice the session timeout: the group goes on without a member that is frozen so long."""


@pytest.fixture(scope="module")
def reference() -> Reference:
    return fit_reference()


@pytest.fixture
def apache(apache_address: str) -> Callable[[int], Broker]:
    """Topics of our own with so many partitions on the shared Apache Kafka."""

    def made(partitions: int) -> Broker:
        prefix = f"chaos-{os.urandom(4).hex()}."
        broker = Broker(
            servers=(apache_address,),
            topics=Topics(prefix),
            partitions=partitions,
            session_timeout_s=1.0,
        )
        broker.create_topics()
        return broker

    return made


@pytest.fixture
def fleet(
    apache: Callable[[int], Broker],
    reference: Reference,
    tmp_path: Path,
    n_partitions: int,
) -> Iterator[Fleet]:
    with Fleet(apache(n_partitions), reference, tmp_path) as fleet:
        yield fleet


def stay(seconds: float) -> None:
    """For so long a fault lasts, or traffic; not a wait for anything."""
    time.sleep(seconds)


@pytest.mark.parametrize(
    ("n_partitions", "n_replicas", "n_rounds"),
    [(4, 3, 2), pytest.param(24, 20, 20, marks=LONG)],
)
def test_replicas_that_were_frozen_past_their_session_write_nothing_stale(
    fleet: Fleet, n_replicas: int, n_rounds: int
) -> None:
    replicas = [fleet.start() for _ in range(n_replicas)]
    chance = random.Random(5)
    for round_ in range(n_rounds):
        fleet.send(40)
        frozen = chance.sample(replicas, max(1, n_replicas // 3)) if round_ else replicas
        for pid in frozen:
            freeze(pid)
        fleet.send(40)
        stay(FROZEN_S)
        for pid in frozen:
            thaw(pid)
    fleet.send(40)
    assert fleet.counted(timeout_s=60.0) == fleet.expected()


@pytest.mark.parametrize(("n_partitions", "n_changes"), [(4, 4), pytest.param(8, 50, marks=LONG)])
def test_replicas_that_come_and_go_count_every_row_once(fleet: Fleet, n_changes: int) -> None:
    replicas = [fleet.start()]
    chance = random.Random(6)
    for _ in range(n_changes):
        fleet.send(20)
        if len(replicas) < 2 or (len(replicas) < 4 and chance.random() < 0.5):
            replicas.append(fleet.start())
        else:
            leaving = replicas.pop(chance.randrange(len(replicas)))
            os.kill(leaving, chance.choice([signal.SIGTERM, signal.SIGKILL]))
        stay(chance.uniform(0.2, 1.0))
    fleet.send(20)
    assert fleet.counted(timeout_s=60.0) == fleet.expected()


@pytest.mark.parametrize("n_partitions", [2])
def test_partitions_that_are_added_are_read_from_their_beginning(fleet: Fleet) -> None:
    fleet.start()
    fleet.send(10)
    fleet.counted(timeout_s=30.0)
    fleet.add_partitions(4)
    fleet.send(20)
    assert fleet.counted(timeout_s=60.0) == fleet.expected()


@pytest.mark.parametrize("n_partitions", [1])
def test_what_expired_before_it_was_read_is_told_and_the_rest_is_read(fleet: Fleet) -> None:
    first = fleet.start()
    fleet.send(10)
    fleet.counted(timeout_s=30.0)
    at = TopicPartition(fleet.broker.topics.predictions, 0)
    wait_for(lambda: committed(fleet.broker, at) is not None)
    os.kill(first, signal.SIGKILL)
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(fleet.broker.servers))
    admin.delete_records({at: 6})
    admin.close()
    second = fleet.start()
    lost = 'driftmeter_aggregate_skipped_total{monitor="",reason="no longer in the log"}'
    wait_for(lambda: fleet.metric(second, lost) == 6)
    rows = 'driftmeter_aggregate_rows_total{monitor="seats",topic="' + at.topic
    wait_for(lambda: fleet.metric(second, rows) == 4 * N_ROWS)


@pytest.mark.parametrize("n_partitions", [2])
def test_a_log_that_is_made_anew_is_read_from_its_beginning_and_told(fleet: Fleet) -> None:
    replica = fleet.start()
    fleet.send(20)
    fleet.counted(timeout_s=30.0)
    fleet.make_anew()
    fleet.send(30)
    assert fleet.counted(timeout_s=90.0) == fleet.expected()
    told = f'driftmeter_aggregate_new_logs_total{{partition="0",topic="{fleet.predictions}"}}'
    wait_for(lambda: fleet.metric(replica, told) == 1)


@pytest.mark.parametrize("n_partitions", [2])
def test_a_log_that_was_made_anew_while_nobody_read_it_is_noticed(fleet: Fleet) -> None:
    first = fleet.start()
    fleet.send(20)
    fleet.counted(timeout_s=30.0)
    wait_for(lambda: committed(fleet.broker, TopicPartition(fleet.predictions, 0)) is not None)
    os.kill(first, signal.SIGKILL)
    fleet.make_anew()
    fleet.send(60)
    fleet.start()
    assert fleet.counted(timeout_s=60.0) == fleet.expected()


@pytest.mark.parametrize("n_partitions", [2])
def test_offsets_that_expired_are_no_loss(fleet: Fleet) -> None:
    first = fleet.start()
    fleet.send(20)
    fleet.counted(timeout_s=30.0)
    at = [TopicPartition(fleet.predictions, n) for n in range(2)]
    wait_for(lambda: committed(fleet.broker, at[0]) is not None)
    os.kill(first, signal.SIGKILL)
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(fleet.broker.servers))
    group = f"{fleet.broker.topics.prefix}aggregate"
    wait_for(lambda: forgets(admin, group, at, fleet.broker))
    admin.close()
    fleet.send(20)
    fleet.start()
    assert fleet.counted(timeout_s=60.0) == fleet.expected()


def forgets(
    admin: kafka.KafkaAdminClient, group: str, at: list[TopicPartition], broker: Broker
) -> bool:
    """Whether a group has forgotten its offsets; it is asked to, and does without members."""
    with suppress(KafkaError):
        admin.delete_group_offsets(group, at)
    return all(committed(broker, one) is None for one in at)


def committed(broker: Broker, at: TopicPartition) -> int | None:
    consumer = broker.consumer(client_id="t", group=f"{broker.topics.prefix}aggregate")
    try:
        offset: int | None = consumer.committed(at)
        return offset
    finally:
        consumer.close()
