"""What leaves the pod, by the bytes on the disk, in the topics and in the logs."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from scipy.stats import binomtest

from detectors.columns import ColumnType, Field, Role
from monitor.batches import decode, one_in, weights
from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from monitor.leaving.redaction import hashed
from monitor.leaving.sampling import chosen
from monitor.up.supervisor import Supervisor
from tests.support.http_model import HttpModel
from tests.support.kafka_topics import read_until
from tests.support.recorders import has_rows, ids, is_balanced, kill_recorder, stopped
from tests.support.registrations import announce, registration
from tests.support.running_collector import PREDICT, RunningCollector, request, start
from tests.support.waiting import wait_for

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "4000-0566-5566-5556"
SCHEMA = (
    Field("a", ColumnType.FLOAT),
    Field("rider", ColumnType.CATEGORY),
    Field("comment", ColumnType.TEXT),
    Field("address", ColumnType.CATEGORY),
    Field("tenant", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)
CAPTURE = {
    "redact": {"rider": "hash", "address": {"truncate": 4}, "card": "drop"},
    "headers": {"X-Tenant": "tenant"},
}
ROW = {"a": 1.5, "rider": f"Ada {SECRET}", "comment": SECRET, "address": f"Oslo {SECRET}"}
ROW |= {"card": SECRET, SECRET: 1, "new": SECRET}
HEADERS = {"X-Tenant": "north", "Authorization": f"Bearer {SECRET}", "X-Other": SECRET}


def send_secrets(collector: RunningCollector) -> int:
    """By every way in, in what can be read and in what cannot; how many requests were captured."""
    good = orjson.dumps({"instances": [ROW]})
    for n, body in enumerate([good, f"{{{SECRET}".encode(), orjson.dumps({"instances": SECRET})]):
        path = f"{PREDICT}?card={SECRET}"
        request(collector.listen, "POST", path, body, {**HEADERS, "X-Request-Id": f"r{n}"})
    assert collector.push("predictions", [{"id": "p", **ROW, "prediction": 1}])[0] == 202
    collector.push("predictions", [{"id": "bad", "a": SECRET}])
    return 3


def bytes_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def contents(records: list[Record]) -> bytes:
    return b"".join(r.value + b"".join(value for _, value in r.headers) for r in records)


@pytest.mark.parametrize("is_named", [False, True], ids=["by default", "as a control, named"])
def test_a_secret_leaves_only_where_the_document_names_its_column(
    own_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel, is_named: bool
) -> None:
    (tmp_path / "key").write_text(KEY)
    named: dict[str, Any] = {"columns": {"comment": "text"}} if is_named else {}
    announce(own_broker, registration(revision=2, schema=SCHEMA, capture=CAPTURE, **named))
    with Supervisor(tmp_path / "collector-logs") as processes:
        collector = start(
            processes,
            own_broker,
            tmp_path / "spool",
            upstream=model.address,
            flags=["--hash-key-file", str(tmp_path / "key")],
        )
        wait_for(lambda: collector.push("labels", [])[0] == 202)
        with stopped(supervisor.pid("broker")):
            n = send_secrets(collector)
            wait_for(lambda: collector.count("captured_total") == n)
            wait_for(lambda: settled(collector) == n)
            spooled = bytes_under(tmp_path / "spool")
        topics = own_broker.topics
        published = read_until(own_broker, topics.predictions, has_rows(2))
        letters = read_until(own_broker, topics.dead_letters, lambda found: len(found) == 2)
    row = decode(published[0].value).to_pylist()[0]
    assert (row["rider"], row["address"]) == (hashed(f"Ada {SECRET}", KEY.encode()), "Oslo")
    assert {decode(r.value)["tenant"].to_pylist()[0] for r in published} == {"north", None}
    logs = bytes_under(tmp_path / "collector-logs")
    found = [SECRET.encode() in data for data in (spooled, contents(published))]
    assert found == [is_named, is_named]
    assert SECRET.encode() not in contents(letters) + logs


def settled(collector: RunningCollector) -> float:
    failed = sum(
        collector.count(f'failed_total{{reason="{r}"}}') for r in ("not JSON", "wrong shape")
    )
    return collector.count("recorded_total") + failed


def test_every_row_that_was_read_is_published_or_was_left_out_by_the_sample(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel
) -> None:
    known = registration(label="truth", capture={"sample": "1 in 4"})
    announce(embedded_broker, known)
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    wait_for(lambda: collector.push("labels", [])[0] == 202)
    asked = [f"r{i}" for i in range(200)]
    for one in asked:
        collector.predict(one)
    pushed = [f"p{i}" for i in range(2000)]
    assert collector.push("predictions", [{"id": i, "a": 1, "b": "x"} for i in pushed])[0] == 202
    both = [*asked, *pushed]
    assert collector.push("labels", [{"id": i, "label": 1} for i in both])[0] == 202
    wait_for(is_balanced(collector, len(asked)))
    sampled = {one for one, leaves in zip(both, chosen(both, 4), strict=True) if leaves}
    wait_for(lambda: rows(collector, "rows", "predictions") == len(sampled))
    wait_for(lambda: rows(collector, "rows", "labels") == len(sampled))
    for topic in ("predictions", "labels"):
        left_out = rows(collector, "unsampled_rows", topic)
        assert rows(collector, "read_rows", topic) == len(both) == left_out + len(sampled)
    topics = embedded_broker.topics
    predictions = read_until(embedded_broker, topics.predictions, has_rows(len(sampled)))
    labels = read_until(embedded_broker, topics.labels, has_rows(len(sampled)))
    assert sorted(ids(predictions)) == sorted(ids(labels)) == sorted(sampled)
    assert places(predictions) == places(labels), "a row and its label are in one partition"
    assert {one_in(decode(record.value)) for record in predictions} == {4}


def test_a_recorder_that_is_killed_chooses_the_same_rows_again(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel
) -> None:
    announce(embedded_broker, registration(capture={"sample": "1 in 4"}))
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    wait_for(lambda: collector.push("labels", [])[0] == 202)
    asked = [f"r{i}" for i in range(300)]
    for n, one in enumerate(asked):
        collector.predict(one)
        if n in (100, 200):
            kill_recorder(collector)
    wait_for(is_balanced(collector, len(asked)), timeout_s=60.0)
    assert collector.count("recorded_total") == len(asked)
    sampled = [one for one, leaves in zip(asked, chosen(asked, 4), strict=True) if leaves]
    topic = embedded_broker.topics.predictions
    assert sorted(ids(read_until(embedded_broker, topic, has_rows(len(sampled))))) == sorted(
        sampled
    )


def test_above_its_limit_a_second_leaves_in_part_that_stands_for_all_of_it(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration(capture={"sample": {"rows_per_second": 200}}))
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    wait_for(lambda: collector.push("labels", [])[0] == 202)
    n = 6_400
    burst = [{"id": f"p{i}", "a": 1, "b": "x"} for i in range(n)]
    assert collector.push("predictions", burst)[0] == 202
    left_out = wait_for_rows(collector, "unsampled_rows")
    topic = embedded_broker.topics.predictions
    records = read_until(embedded_broker, topic, has_rows(n - int(left_out)))
    found = np.concatenate([weights(decode(record.value)) for record in records])
    assert set(found) == {32}, "6,400 rows are 32 times 200, and more than 16 times"
    assert binomtest(len(found), n, 1 / 32).pvalue > 0.001


def wait_for_rows(collector: RunningCollector, name: str) -> float:
    wait_for(lambda: rows(collector, name, "predictions") > 0)
    return rows(collector, name, "predictions")


def rows(collector: RunningCollector, name: str, topic: str) -> float:
    return collector.count(f'{name}_total{{monitor="seats",topic="{topic}"}}')


def places(records: list[Record]) -> dict[str, int]:
    return {i: r.partition for r in records for i in decode(r.value)["dm.id"].to_pylist()}
