"""Other people's topics as far as ours, by real processes."""

import os
import signal
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import kafka
import orjson
import pyarrow as pa

from monitor.batches import ID, encode
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header, header
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support import model_infer
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_consumer import Headers, make_topics, rows, send, somebody, start
from tests.support.waiting import wait_for

REQUEST = model_infer.request(
    model_name="whatever",
    inputs=[
        {"name": "a", "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [1.5]}},
        {"name": "b", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"x"]}},
    ],
)
ANSWER = model_infer.response(
    outputs=[{"name": "y", "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [5]}}]
)


def ids(records: Sequence[Record]) -> list[str]:
    return [row[ID] for row in rows(records)]


def count_of(metrics: str, sample: str) -> float:
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(sample + " "))


def test_rows_of_every_form_are_carried_over(
    embedded_broker: Broker, supervisor: Supervisor
) -> None:
    announce(embedded_broker, registration(label="truth"))
    source = embedded_broker.topics.prefix + "scores"
    make_topics(embedded_broker, source)
    event: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"event"),
        ("ce_source", b"s"),
        ("ce_type", b"t"),
        ("content-type", b"application/json"),
    ]
    structured = {"specversion": "1.0", "id": "whole", "source": "s", "type": "t", "data": {"a": 5}}
    table = pa.record_batch({"id": ["arrow"], "a": pa.array([4], pa.int32())})
    with somebody(embedded_broker) as producer:
        send(producer, source, {"a": 1.5, "b": "x", "id": "own"})
        send(producer, source, {"rows": [{"a": 2}, {"a": 3, "id": "second"}]})
        send(producer, source, {"a": 4}, event)
        headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
        send(producer, source, structured, headers)
        send(producer, source, encode(table), [("content-type", ARROW.encode())])
        send(producer, source, {"columns": {"a": [7]}})
        send(producer, source, b"no JSON")
    metrics = start(supervisor, embedded_broker, "--predictions", f"{source}=seats")
    topics = embedded_broker.topics
    found = read_until(embedded_broker, topics.predictions, lambda r: len(rows(r)) == 7)
    assert {row[ID]: row["a"] for row in rows(found)} == {
        "own": 1.5,
        f"{source}/0/1/0": 2,
        "second": 3,
        "event": 4,
        "whole": 5,
        "arrow": 4,
        f"{source}/0/5": 7,
    }
    (letter,) = read_until(embedded_broker, topics.dead_letters, bool)
    assert orjson.loads(letter.value)["place"] == f"{source}/0/6"
    assert header(letter.headers, Header.REASON) == "not JSON"
    wait_for(lambda: count_of(metrics, "driftmeter_collector_recorded_total") == 6)
    assert count_of(metrics, 'driftmeter_collector_failed_total{reason="not JSON"}') == 1


def test_labels_meet_their_predictions(embedded_broker: Broker, supervisor: Supervisor) -> None:
    announce(embedded_broker, registration(label="truth"))
    scores, truths = (embedded_broker.topics.prefix + name for name in ("scores", "truths"))
    make_topics(embedded_broker, scores, truths)
    named = [("monitor", b"seats")]
    with somebody(embedded_broker) as producer:
        for i in range(50):
            send(producer, scores, {"id": str(i), "a": i}, named)
            send(producer, truths, {"id": str(i), "label": i if i % 2 else str(i)}, named)
    start(supervisor, embedded_broker, "--predictions", scores, "--labels", truths)
    topics = embedded_broker.topics
    predictions = read_until(embedded_broker, topics.predictions, lambda r: len(rows(r)) == 50)
    labels = read_until(embedded_broker, topics.labels, lambda r: len(rows(r)) == 50)
    partition = {id_: record.partition for record in predictions for id_ in ids([record])}
    assert all(partition[id_] == record.partition for record in labels for id_ in ids([record]))
    assert {row["label"] for row in rows(labels)} == {i if i % 2 else str(i) for i in range(50)}


def test_seldon_s_requests_and_answers_are_paired(
    embedded_broker: Broker, supervisor: Supervisor
) -> None:
    announce(embedded_broker, registration())
    prefix = embedded_broker.topics.prefix + "seldon"
    asked, answered = (f"{prefix}.model.seats.{side}" for side in ("inputs", "outputs"))
    others = f"{prefix}.model.other.outputs"
    make_topics(embedded_broker, asked, answered, others)
    with somebody(embedded_broker) as producer:
        for i in range(20):
            named = [("pipeline", b"p"), ("x-request-id", str(i).encode())]
            send(producer, asked, REQUEST, named)
            send(producer, answered, ANSWER, named)
            send(producer, others, ANSWER, named)
        json = [("x-request-id", b"json")]
        tensor = {"name": "y", "shape": [1], "datatype": "FP64", "data": [7]}
        inputs = [
            {"name": "a", "shape": [1], "datatype": "FP64", "data": [2.5]},
            {"name": "b", "shape": [1], "datatype": "BYTES", "data": ["z"]},
        ]
        send(producer, asked, {"inputs": inputs}, json)
        send(producer, answered, {"outputs": [tensor]}, json)
    start(supervisor, embedded_broker, "--seldon", prefix)
    topic = embedded_broker.topics.predictions
    found = rows(read_until(embedded_broker, topic, lambda r: len(rows(r)) == 21))
    assert {row[ID] for row in found} == {*map(str, range(20)), "json"}
    first, last = (next(row for row in found if row[ID] == id_) for id_ in ("0", "json"))
    assert (first["a"], first["b"], first["prediction"]) == (1.5, "x", 5.0)
    assert (last["a"], last["b"], last["prediction"]) == (2.5, "z", 7.0)
    assert first["dm.latency"] >= 0


def test_kills_neither_lose_nor_double(embedded_broker: Broker, tmp_path: Path) -> None:
    announce(embedded_broker, registration(label="truth"))
    source = embedded_broker.topics.prefix + "scores"
    make_topics(embedded_broker, source, partitions=2)
    topic, sent = embedded_broker.topics.predictions, 0
    flags = ("--predictions", f"{source}=seats")
    with somebody(embedded_broker) as producer:
        for life in range(2):
            with Supervisor(tmp_path / str(life)) as supervisor:
                start(supervisor, embedded_broker, *flags)
                for i in range(sent, sent + 300):
                    row = {"id": str(i), "a": 1}
                    producer.send(source, key=str(i).encode(), value=orjson.dumps(row))
                producer.flush()
                enough = partial(_has_rows, sent + 1)
                read_until(embedded_broker, topic, enough)
                os.kill(supervisor.pid("consume"), signal.SIGKILL)
            sent += 300
    with Supervisor(tmp_path / "last") as supervisor:
        start(supervisor, embedded_broker, *flags)
        found = ids(read_until(embedded_broker, topic, lambda r: len(set(ids(r))) == sent))
    assert len(found) == sent


def test_members_that_come_and_go_neither_lose_nor_double(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    source = embedded_broker.topics.prefix + "scores"
    make_topics(embedded_broker, source, partitions=4)
    topic = embedded_broker.topics.predictions
    flags = ("--predictions", f"{source}=seats")
    n = 400

    def send_some(producer: kafka.KafkaProducer, first: int) -> None:
        for i in range(first, first + n):
            producer.send(source, key=str(i).encode(), value=orjson.dumps({"id": str(i), "a": 1}))
        producer.flush()

    start(supervisor, embedded_broker, *flags)
    with somebody(embedded_broker) as producer:
        with Supervisor(tmp_path / "second") as other:
            send_some(producer, 0)
            start(other, embedded_broker, *flags)
            send_some(producer, n)
            read_until(embedded_broker, topic, partial(_has_rows, n + 1))
        send_some(producer, 2 * n)
    found = ids(read_until(embedded_broker, topic, lambda r: len(set(ids(r))) == 3 * n))
    assert len(found) == 3 * n


def _has_rows(n: int, records: Sequence[Record]) -> bool:
    return len(rows(records)) >= n
