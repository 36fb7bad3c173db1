from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from monitor.batches import decode, labels
from monitor.collector.envelope import Destination
from monitor.collector.intake import Intake
from monitor.collector.publisher import Publisher
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.kafka import embedded
from monitor.kafka.connecting import MAX_MESSAGE_BYTES, Broker
from monitor.kafka.messages import Header, Topics, header
from monitor.kafka.records import Record
from monitor.spool import Spool
from monitor.spool.format import parse_name
from monitor.spool.simulated import SimulatedDisk
from monitor.up.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.registrations import registration
from tests.support.waiting import wait_for

NOON = 1_700_000_000.0


@dataclass
class Bench:
    """A publisher whose thread is not started, and a clock that stands still."""

    broker: Broker
    disk: SimulatedDisk = field(default_factory=SimulatedDisk)
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
    now: float = NOON

    def __post_init__(self) -> None:
        self.spool = Spool(self.disk, limit_bytes=64 * 1024 * 1024)
        telemetry = Telemetry(self.metrics)
        self.publisher = Publisher(
            self.spool,
            self.broker,
            telemetry,
            client_id="test",
            clock=lambda: self.now,
        )
        self.intake = Intake(
            self.spool,
            collector_id="c0",
            clock=lambda: self.now,
            screening=Screening(telemetry),
        )

    def store(self, *ids: str) -> None:
        rows = labels(ids, [NOON] * len(ids), [1] * len(ids))
        self.intake.store(self.intake.rows(rows, registration(), Destination.LABELS)).result(60)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.get_sample_value(f"driftmeter_collector_{name}", labels) or 0.0

    def labels(self, n: int) -> list[Record]:
        return read_until(self.broker, self.broker.topics.labels, lambda found: len(found) >= n)

    def close(self) -> None:
        self.publisher.stop(10.0)
        self.spool.close()


Start = Callable[[Broker], Bench]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts publishers that end with the test."""
    benches: list[Bench] = []

    def start_one(broker: Broker) -> Bench:
        benches.append(Bench(broker))
        benches[-1].publisher.start()
        return benches[-1]

    yield start_one
    for bench in benches:
        bench.close()


def ids(records: list[Record]) -> list[str]:
    return sorted(i for record in records for i in decode(record.value)["dm.id"].to_pylist())


def test_what_kafka_has_leaves_the_spool(embedded_broker: Broker, start: Start) -> None:
    bench = start(embedded_broker)
    for i in range(20):
        bench.store(f"p{i}")
    assert len(ids(bench.labels(20))) == 20
    wait_for(lambda: bench.spool.delivered == 20)
    assert bench.count("rows_total", monitor="seats", topic="labels") == 20
    assert bench.publisher.age_s == 0.0


def test_what_was_published_twice_can_be_told(embedded_broker: Broker, start: Start) -> None:
    bench = Bench(embedded_broker)
    for i in range(6):
        bench.store(f"p{i}")
    undelivered = bench.disk.files
    bench.publisher.start()
    bench.labels(6)
    bench.close()
    again = Bench(embedded_broker, SimulatedDisk(undelivered))
    again.publisher.start()
    records = again.labels(12)
    again.close()
    seen: dict[tuple[str | None, str | None, int], bytes] = {}
    for record in records:
        key = (
            header(record.headers, Header.COLLECTOR),
            header(record.headers, Header.SEQUENCE),
            record.partition,
        )
        assert seen.setdefault(key, record.value) == record.value
    assert len(seen) == 6


def test_while_the_broker_is_away_everything_waits(
    supervisor: Supervisor, free_port: Callable[[], int], start: Start
) -> None:
    port = free_port()
    topics = Topics(embedded.fresh_prefix())
    bench = start(Broker(servers=(f"127.0.0.1:{port}",), topics=topics, connect_timeout_s=0.2))
    bench.store("early")
    wait_for(lambda: bench.publisher.age_s == 0.0)
    bench.now += 7
    wait_for(lambda: bench.publisher.age_s == 7)
    assert bench.spool.delivered == 0
    supervisor.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    assert ids(bench.labels(1)) == ["early"]


def test_a_broker_that_loses_its_memory_gets_what_comes_after(
    supervisor: Supervisor, free_port: Callable[[], int], tmp_path: object, start: Start
) -> None:
    port = free_port()
    ready = f"tcp://127.0.0.1:{port}"
    supervisor.start("broker", embedded.command(port), ready=ready)
    broker = Broker(
        servers=(f"127.0.0.1:{port}",),
        topics=Topics(embedded.fresh_prefix()),
        connect_timeout_s=0.2,
        delivery_timeout_s=2.0,
    )
    bench = start(broker)
    bench.store("before")
    wait_for(lambda: bench.spool.delivered == 1)
    supervisor.stop()
    bench.store("after")
    supervisor.start("broker", embedded.command(port), ready=ready)
    wait_for(lambda: bench.spool.delivered == 2, 60.0)
    assert ids(bench.labels(1)) == ["after"]


def test_what_kafka_never_takes_is_set_aside_and_the_rest_goes_on(
    embedded_broker: Broker, start: Start
) -> None:
    bench = Bench(embedded_broker)
    bench.store("p1")
    bench.intake.store(
        [bench.intake.dead_letter(b"x" * MAX_MESSAGE_BYTES, "too large itself")]
    ).result(60)
    bench.store("p2" + "x" * MAX_MESSAGE_BYTES)
    bench.store("p3")
    bench.publisher.start()
    assert ids(bench.labels(2)) == ["p1", "p3"]
    wait_for(lambda: bench.spool.delivered == 4)
    bench.close()
    assert bench.count("dropped_total", reason="refused by Kafka") == 2
    (letter,) = read_until(embedded_broker, embedded_broker.topics.dead_letters, bool)
    assert header(letter.headers, Header.MONITOR) == "seats"
    assert "MessageSizeTooLarge" in str(header(letter.headers, Header.REASON))


def test_what_cannot_be_read_is_counted_and_passed(embedded_broker: Broker, start: Start) -> None:
    bench = start(embedded_broker)
    bench.spool.append([b"no envelope"]).result(60)
    bench.store("p1")
    assert ids(bench.labels(1)) == ["p1"]
    wait_for(lambda: bench.spool.delivered == 2)
    assert bench.count("dropped_total", reason="fault") == 1


def test_damaged_messages_are_counted_and_passed(embedded_broker: Broker) -> None:
    bench = Bench(embedded_broker)
    for name in ("p1", "p2", "p3"):
        bench.store(name)
    (segment,) = (name for name in bench.disk.names() if parse_name(name))
    content = bench.disk.contents[segment].data
    content[len(content) // 2] ^= 1
    content[-1] ^= 1
    bench.publisher.start()
    assert ids(bench.labels(1)) == ["p1"]
    wait_for(lambda: bench.spool.delivered == 3)
    bench.store("p4")
    assert ids(bench.labels(2)) == ["p1", "p4"]
    bench.close()
    assert bench.count("spool_damaged_total") == 2
