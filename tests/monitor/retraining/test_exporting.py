"""What a pipeline may learn from: a monitor's rows of a time, with their labels."""

import time
from collections.abc import Iterator

import numpy as np
import orjson
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.batches import wire
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header
from monitor.kafka.publishing import Message, Publisher
from monitor.retraining import exporting
from monitor.server.access import Role, needed
from monitor.server.app import create_app
from monitor.sql import registry
from monitor.sql.database import Database
from tests.support.counted import SCHEMA, predictions
from tests.support.registrations import registration

HOUR = 3600.0
LABELLED = registration(label="truth", schema=SCHEMA)


def message(topic: str, batch: pa.RecordBatch, monitor: str = "seats") -> Message:
    headers = [(Header.MONITOR, monitor.encode()), (Header.CONTENT_TYPE, ARROW.encode())]
    return Message(topic, monitor.encode(), wire.encode(batch), headers)


@pytest.fixture
def filled(embedded_broker: Broker) -> Broker:
    """Three predictions of ours, an hour apart, one of somebody else's, and two labels."""
    topics = embedded_broker.topics
    ours = [predictions([f"p{n}"], [n * HOUR], np.array([float(n)])) for n in range(3)]
    others = predictions(["q"], [HOUR], np.array([9.0]))
    labels = wire.labels(["p1", "p1", "p2"], [HOUR, 2 * HOUR, 2 * HOUR], [5.0, 6.0, 7.0])
    publisher = Publisher(embedded_broker, client_id="test")
    publisher.deliver([message(topics.predictions, one) for one in ours])
    publisher.deliver([message(topics.predictions, others, "another")])
    publisher.deliver([message(topics.labels, labels)])
    publisher.close()
    return embedded_broker


def exported(broker: Broker, start: float, end: float) -> list[dict[str, object]]:
    found = exporting.lines(broker, LABELLED, start=start, end=end, monotonic=time.monotonic)
    return [orjson.loads(line) for line in found]


def test_rows_of_the_time_are_given_with_their_latest_labels(filled: Broker) -> None:
    rows = exported(filled, HOUR, 3 * HOUR)
    assert [(row[wire.ID], row["truth"]) for row in rows] == [("p1", 6.0), ("p2", 7.0)]
    assert [(row[wire.ID], row["truth"]) for row in exported(filled, 0.0, HOUR)] == [("p0", None)]


def test_more_labels_than_are_held_are_refused_at_once(
    filled: Broker,
) -> None:
    found = exporting.lines(
        filled, LABELLED, start=0.0, end=HOUR, monotonic=time.monotonic, max_labels=1
    )
    with pytest.raises(exporting.TooMuchError, match="ask for a shorter time"):
        next(found)


@pytest.fixture
def client(filled: Broker, database: Database) -> Iterator[TestClient]:
    with database.write() as connection:
        put = registry.put(connection, LABELLED.monitor, 0.0)
        registry.activate(connection, put, "sha256:" + "0" * 64, SCHEMA)
    app = create_app(database, CollectorRegistry(), lambda: 0.0, broker=filled)
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def test_the_api_gives_them_as_json_lines(client: TestClient) -> None:
    answer = client.get("/api/v1/monitors/seats/rows", params={"from": 0, "to": 3 * HOUR})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert len(answer.text.splitlines()) == 3


def test_of_a_monitor_that_there_is_not_there_are_no_rows(client: TestClient) -> None:
    answer = client.get("/api/v1/monitors/nobody/rows", params={"from": 0, "to": 1})
    assert answer.status_code == 404


def test_rows_are_for_operators() -> None:
    assert needed("GET", "/api/v1/monitors/seats/rows") is Role.OPERATOR
    assert needed("GET", "/api/v1/monitors/seats/reports") is Role.VIEWER
