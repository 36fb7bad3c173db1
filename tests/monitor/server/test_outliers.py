"""Outlying rows as the API and a page tell them, from a real log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.aggregate.outlying import OutlyingRow, message_of
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Segment
from monitor.kafka.publishing import Publisher
from monitor.server.app import create_app
from monitor.sql import registry
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, NOW, monitor

AT = FIRST_DAY + 6 * DAY


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


def row(name: str, p_value: float, at: float = AT) -> OutlyingRow:
    columns = (("boarded", 0.9), ("line", 0.1))
    return OutlyingRow(
        p_value=p_value, id=name, time=at, score=3.0, columns=columns, values=(61.0, None)
    )


def segment(start: int, version: int, name: str = "free-seats") -> Segment:
    return Segment(
        monitor=name,
        reference_id="sha256:0",
        pane_start=AT,
        pane_s=60.0,
        topic="predictions",
        partition=0,
        start=start,
        through=start + 10,
        version=version,
    )


@pytest.fixture
def at_the_log(watched: Database, embedded_broker: Broker) -> Iterator[TestClient]:
    """Two stretches, of which one was said again; and another monitor's."""
    topic, n = embedded_broker.topics.outliers, embedded_broker.partitions
    asks = monitor(detection={"outliers": {"publish_rows": 5}})
    with watched.write() as connection:
        put = registry.put(connection, asks, NOW)
        registry.activate(connection, put, "sha256:" + "0" * 64, ())
    publisher = Publisher(embedded_broker, client_id="test")
    said = [
        (segment(0, 1), [row("early", 0.001)]),
        (segment(0, 2), [row("a", 0.004), row("elsewhen", 1e-6, AT + 2 * DAY)]),
        (segment(10, 1), [row("<b>", 0.002)]),
        (segment(0, 1, "other"), [row("other", 1e-6)]),
    ]
    publisher.deliver([message_of(one, rows, topic, n) for one, rows in said])
    publisher.close()
    app = create_app(watched, CollectorRegistry(), lambda: NOW, broker=embedded_broker)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_the_rows_of_a_window_come_least_like_the_reference_first(at_the_log: TestClient) -> None:
    path = f"/api/v1/monitors/free-seats/outliers?from={AT}&to={AT + DAY}"
    found = at_the_log.get(path).json()["items"]
    assert [one["id"] for one in found] == ["<b>", "a"]
    assert found[0]["columns"][0] == {"name": "boarded", "share": 0.9, "value": 61.0}


def test_the_page_of_a_window_shows_them(at_the_log: TestClient) -> None:
    page = at_the_log.get("/monitors/free-seats/outliers").text
    assert "<code>&lt;b&gt;</code>" in page
    assert "elsewhen" not in page


def test_a_monitor_that_publishes_none_is_told_how(watched: Database, client: TestClient) -> None:
    assert "publish_rows" in client.get("/monitors/free-seats/outliers").text


def test_without_a_broker_that_is_said(watched: Database, client: TestClient) -> None:
    assert client.get("/api/v1/monitors/free-seats/outliers?from=0&to=1").status_code == 503
