from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from monitor.batches import decode, to_labels, to_rows
from monitor.collector.answers import Answer
from monitor.collector.intake import Intake
from monitor.collector.publisher import Publisher
from monitor.collector.push import Body, Kind, Push
from monitor.collector.registry import Registry
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header, header, partition_for
from monitor.kafka.records import Record
from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk
from tests.support.kafka_topics import read_until
from tests.support.registrations import SCHEMA, registration
from tests.support.spooling import stored

NOON = 1_700_000_000.0


@dataclass
class Bench:
    """Pushes into a spool, and on to Kafka once the publisher is started."""

    broker: Broker
    registry: Registry
    disk: SimulatedDisk
    spool: Spool
    push: Push
    publisher: Publisher
    metrics: CollectorRegistry

    def accept(self, kind: Kind, rows: object, monitor: str = "seats") -> Answer:
        return self.raw(kind, orjson.dumps({"monitor": monitor, "rows": rows}))

    def arrow(self, kind: Kind, table: pa.Table, monitor: str | None = "seats") -> Answer:
        body = Body(stream(table), content_type=f"{ARROW}; q=1", monitor=monitor)
        return self.push.accept(kind, body).result(60)

    def raw(self, kind: Kind, body: bytes) -> Answer:
        return self.push.accept(kind, Body(body)).result(60)

    def published(self, topic: str, n: int = 1) -> list[Record]:
        return read_until(self.broker, topic, lambda records: len(records) >= n)

    def refused(self, reason: str) -> float:
        name = "driftmeter_collector_refused_total"
        return self.metrics.get_sample_value(name, {"reason": reason}) or 0.0


def bench_for(broker: Broker, *, limit_bytes: int = 64 * 1024 * 1024) -> Bench:
    registry = Registry(broker, client_id="test")
    known = registration(label="truth")
    registry.apply([(known.key, known.to_bytes())])
    metrics = CollectorRegistry()
    telemetry, disk = Telemetry(metrics), SimulatedDisk()
    spool = Spool(disk, limit_bytes=limit_bytes)
    intake = Intake(spool, collector_id="c0", clock=lambda: NOON, screening=Screening(telemetry))
    push = Push(registry, intake, telemetry, broker.topics, clock=lambda: NOON)
    publisher = Publisher(spool, broker, telemetry, client_id="test", clock=lambda: NOON)
    return Bench(broker, registry, disk, spool, push, publisher, metrics)


@pytest.fixture
def bench(embedded_broker: Broker) -> Iterator[Bench]:
    made = bench_for(embedded_broker)
    made.registry.is_loaded = True
    made.publisher.start()
    yield made
    assert made.publisher.stop(10.0)
    made.spool.close()


@pytest.fixture
def alone() -> Iterator[Bench]:
    """Without a broker, and with a small spool."""
    made = bench_for(Broker(servers=("127.0.0.1:1",)), limit_bytes=64 * 1024)
    yield made
    made.spool.close()


def told(answer: Answer) -> Any:
    return orjson.loads(answer.to_bytes())


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow has no types


def test_labels_that_were_acknowledged_reach_kafka(bench: Bench) -> None:
    answer = bench.accept("labels", [{"id": "p1", "label": 17, "time": NOON - 5}])
    assert (answer.status, told(answer)) == (202, {"accepted": 1, "rejected": []})
    (message,) = bench.published(bench.broker.topics.labels)
    column, ids, times = to_labels(decode(message.value))
    assert (ids, times.tolist()) == (["p1"], [NOON - 5])
    np.testing.assert_array_equal(column, [17.0])


def test_predictions_that_were_acknowledged_reach_kafka(bench: Bench) -> None:
    answer = bench.accept("predictions", [{"id": "p1", "a": 1, "b": "x", "prediction": 7}])
    assert answer.status == 202
    (message,) = bench.published(bench.broker.topics.predictions)
    _, ids, times = to_rows(decode(message.value), SCHEMA)
    assert (ids, times.tolist()) == (["p1"], [NOON])


def test_a_push_names_the_version_of_the_model(bench: Bench) -> None:
    rows = [{"id": "p", "a": 1.0, "b": "x", "prediction": 2.0}]
    body = orjson.dumps({"monitor": "seats", "model_version": "7", "rows": rows})
    assert bench.raw("predictions", body).status == 202
    (record,) = bench.published(bench.broker.topics.predictions)
    assert header(record.headers, Header.MODEL_VERSION) == "7"


@pytest.mark.parametrize("version", [7, "x" * 64, ["7"]])
def test_a_version_that_is_no_name_is_answered(alone: Bench, version: object) -> None:
    body = orjson.dumps({"monitor": "seats", "model_version": version, "rows": [{"id": "p"}]})
    answer = alone.raw("predictions", body)
    assert answer.status == 400
    assert "model_version" in told(answer)["error"]


def test_a_label_is_in_the_partition_of_its_prediction(bench: Bench) -> None:
    bench.accept("labels", [{"id": f"p{i}", "label": i} for i in range(50)])
    messages = bench.published(bench.broker.topics.labels, 4)
    for message in messages:
        _, ids, _ = to_labels(decode(message.value))
        assert {partition_for(i, bench.broker.partitions) for i in ids} == {message.partition}


def test_each_bad_row_is_answered_and_the_good_ones_are_kept(bench: Bench) -> None:
    answer = bench.accept(
        "predictions",
        [
            {"a": 1},
            {"id": "p1", "a": "many"},
            {"id": "p2", "a": 1},
            {"id": "p3", "time": "noon"},
            {"id": "p4", "a": None},
            {"id": "p5"},
        ],
    )
    assert told(answer)["accepted"] == 3
    rejected = told(answer)["rejected"]
    assert [verdict["row"] for verdict in rejected] == [0, 1, 3]
    assert rejected[1]["reason"] == "a: 'many' is not of type double"


def test_columns_say_the_same_as_rows(bench: Bench) -> None:
    columns = {"id": ["p1", "", "p2"], "a": [1, 2, "x"], "time": [NOON, None, None]}
    raw = orjson.dumps({"monitor": "seats", "columns": columns})
    answer = told(bench.raw("predictions", raw))
    assert answer["accepted"] == 1
    assert [verdict["row"] for verdict in answer["rejected"]] == [1, 2]
    (message,) = bench.published(bench.broker.topics.predictions)
    (row,) = decode(message.value).to_pylist()
    assert (row["dm.id"], row["a"], row["b"]) == ("p1", 1.0, None)


def test_an_arrow_stream_says_the_same_as_rows(bench: Bench) -> None:
    table = pa.table(
        {
            "id": ["p1", None, "p2", "p3"],
            "time": pa.array([int(NOON)] * 4, pa.timestamp("s", "Europe/Paris")),
            "a": pa.array([1, 2, 3, 4], pa.int16()),
            "b": pa.array(["x", "y", None, "z"]).dictionary_encode(),
            "prediction": [0.5, 0.5, 0.5, None],
        }
    )
    answer = bench.arrow("predictions", table)
    assert (answer.status, told(answer)["accepted"]) == (202, 3)
    assert [verdict["row"] for verdict in told(answer)["rejected"]] == [1]
    rows = [
        row
        for message in bench.published(bench.broker.topics.predictions, 2)
        for row in decode(message.value).to_pylist()
    ]
    assert {row["dm.time"].timestamp() for row in rows} == {NOON}
    assert {(row["dm.id"], row["a"], row["b"]) for row in rows} == {
        ("p1", 1.0, "x"),
        ("p2", 3.0, None),
        ("p3", 4.0, "z"),
    }


def test_each_bad_row_of_an_arrow_stream_is_answered(bench: Bench) -> None:
    table = pa.table({"id": ["p1", "p2"], "a": ["many", None], "time": [NOON, -1.0]})
    reasons = {v["row"]: v["reason"] for v in told(bench.arrow("predictions", table))["rejected"]}
    assert reasons[0] == "a: 'many' is not of type double"
    assert reasons[1].startswith("time must be")


def test_labels_may_come_as_an_arrow_stream(bench: Bench) -> None:
    bench.arrow("labels", pa.table({"id": ["p1", "p2"], "label": [17.0, None]}))
    (message,) = bench.published(bench.broker.topics.labels)
    assert to_labels(decode(message.value))[1] == ["p1"]


@pytest.mark.parametrize(
    ("table", "monitor", "status"),
    [
        (pa.table({"id": ["p1"]}), None, 400),
        (pa.table({"id": ["p1"]}), "other", 404),
        (pa.table({"id": ["p1"], "time": pa.array([1], pa.timestamp("s"))}), "seats", 400),
        (pa.table({"id": ["p1"], "x": [[["nested"]]]}), "seats", 400),
        (pa.table({}), "seats", 202),
    ],
    ids=["no monitor", "unknown monitor", "no time zone", "nested", "empty"],
)
def test_an_arrow_stream_is_answered_whatever_it_holds(
    bench: Bench, table: pa.Table, monitor: str | None, status: int
) -> None:
    assert bench.arrow("predictions", table, monitor).status == status


def test_a_prediction_may_be_nothing_but_an_id(bench: Bench) -> None:
    assert told(bench.accept("predictions", [{"id": "p1"}]))["accepted"] == 1


def test_labels_without_a_value_are_answered(bench: Bench) -> None:
    answer = bench.accept("labels", [{"id": "p1"}, {"id": "p2", "label": [1]}])
    assert told(answer)["accepted"] == 0
    assert len(told(answer)["rejected"]) == 2


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 200_000, 400),
        (b'{"rows": []}', 400),
        (b'{"monitor": 7, "rows": []}', 400),
        (b'{"monitor": "seats"}', 400),
        (b'{"monitor": "seats", "rows": {}}', 400),
        (b'{"monitor": "seats", "rows": [], "columns": {}}', 400),
        (b'{"monitor": "seats", "columns": {"id": ["a"], "x": []}}', 400),
        (b'{"monitor": "seats", "columns": {"id": "a"}}', 400),
        (b'{"monitor": "seats", "columns": {}}', 202),
        (b'{"monitor": "other", "rows": []}', 404),
        (b'{"monitor": "seats", "rows": []}', 202),
    ],
)
def test_a_push_is_answered_whatever_it_holds(bench: Bench, raw: bytes, status: int) -> None:
    answer = bench.raw("labels", raw)
    assert answer.status == status
    assert status == 202 or told(answer)["error"]


def test_without_a_broker_rows_are_safe_on_the_disk_until_it_is_full(alone: Bench) -> None:
    rows = [{"id": f"p{i}", "label": i} for i in range(100)]
    statuses = [alone.accept("labels", rows).status for _ in range(30)]
    n_stored = statuses.index(503)
    assert statuses == [202] * n_stored + [503] * (30 - n_stored)
    assert n_stored > 5
    assert alone.refused("spool full") == 30 - n_stored


def test_who_is_refused_is_told_when_to_come_again(alone: Bench) -> None:
    alone.disk.capacity_bytes = 0
    answer = alone.accept("labels", [{"id": "p1", "label": 1}])
    assert answer.status == 503
    assert ("Retry-After", "5") in answer.headers
    alone.disk.capacity_bytes = None
    assert alone.accept("labels", [{"id": "p1", "label": 1}]).status == 202


def test_a_disk_that_fails_is_not_an_acknowledgement(alone: Bench) -> None:
    def fault(operation: str, name: str) -> None:
        if operation == "sync":
            raise OSError("broken")

    alone.disk.fault = fault
    assert alone.accept("labels", [{"id": "p1", "label": 1}]).status == 503
    assert alone.refused("spool failed") == 1


def test_bad_rows_alone_need_no_room(alone: Bench) -> None:
    alone.disk.capacity_bytes = 0
    assert alone.accept("labels", [{"id": "p1"}]).status == 202


def keyed(bench: Bench, key: str | None, *, monitor: str = "seats", label: object = 1) -> Answer:
    raw = orjson.dumps({"monitor": monitor, "rows": [{"id": "p1", "label": label}, {}]})
    return bench.push.accept("labels", Body(raw, key=key)).result(60)


def test_a_push_that_comes_again_is_stored_once_and_answered_the_same(alone: Bench) -> None:
    first, again = (keyed(alone, "k1") for _ in range(2))
    assert first == again
    assert told(again)["accepted"] == 1
    assert len(stored(alone.spool)) == 1
    keyed(alone, "k2")
    keyed(alone, None)
    keyed(alone, None)
    assert len(stored(alone.spool)) == 4


def test_a_push_that_failed_may_come_again(alone: Bench) -> None:
    alone.disk.capacity_bytes = 0
    assert keyed(alone, "k1").status == 503
    alone.disk.capacity_bytes = None
    assert keyed(alone, "k1").status == 202
    assert len(stored(alone.spool)) == 1


def test_a_key_has_a_bounded_length(alone: Bench) -> None:
    assert keyed(alone, "k" * 400).status == 400


def test_before_the_monitors_are_known_nobody_is_told_that_one_does_not_exist(
    alone: Bench,
) -> None:
    assert alone.accept("labels", [], monitor="other").status == 503
    assert alone.refused("monitors unknown") == 1
    alone.registry.is_loaded = True
    assert alone.accept("labels", [], monitor="other").status == 404
