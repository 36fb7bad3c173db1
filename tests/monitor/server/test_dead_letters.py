"""Dead letters as the API and a page tell them, from a real log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.apply import answers
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header
from monitor.kafka.publishing import Message, Publisher
from monitor.server.app import create_app
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def at_the_log(database: Database, embedded_broker: Broker) -> Iterator[TestClient]:
    """Two letters lie there; the first has no place in the log to go back to."""
    topics = embedded_broker.topics
    publisher = Publisher(embedded_broker, client_id="test")
    reason, source = (
        [(Header.REASON, b"not an Arrow stream")],
        [(Header.SOURCE, f"{topics.predictions}/1/42".encode())],
    )
    publisher.deliver(
        [
            Message(topics.dead_letters, None, b"\x1b[2J<script>", reason, 0),
            Message(topics.dead_letters, None, b"again", [*reason, *source], 0),
        ]
    )
    publisher.close()
    app = create_app(database, CollectorRegistry(), lambda: NOW, broker=embedded_broker)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_they_are_listed_the_latest_first_and_harmless(at_the_log: TestClient) -> None:
    later, earlier = at_the_log.get("/api/v1/dead-letters").json()["items"]
    assert later.keys() == answers.DeadLetter.__annotations__.keys()
    assert (later["id"], later["begins"], later["can_go_back"]) == ("1", "again", True)
    assert (earlier["begins"], earlier["can_go_back"]) == ("\\x1b[2J<script>", False)
    (only,) = at_the_log.get("/api/v1/dead-letters?limit=1").json()["items"]
    assert only == later


def test_the_page_shows_them_and_offers_to_send_back_what_can_go(at_the_log: TestClient) -> None:
    page = at_the_log.get("/dead-letters").text
    assert "<script>" not in page.partition("<main")[2]
    assert page.count("Send back</button>") == 1


def test_one_is_sent_back_from_the_page_or_the_api(at_the_log: TestClient) -> None:
    assert at_the_log.post("/dead-letters/1/replay").url.path == "/dead-letters"
    sent = at_the_log.post("/api/v1/dead-letters/replay", json={"ids": ["1"]})
    assert (sent.status_code, sent.json()) == (202, {"sent": ["1"]})


@pytest.mark.parametrize(("letter", "status"), [("0", 409), ("17", 404)])
def test_what_cannot_go_back_is_refused(at_the_log: TestClient, letter: str, status: int) -> None:
    answer = at_the_log.post("/api/v1/dead-letters/replay", json={"ids": [letter]})
    assert answer.status_code == status


def test_without_a_broker_that_is_said(database: Database) -> None:
    with TestClient(create_app(database, CollectorRegistry(), lambda: NOW)) as client:
        assert client.get("/api/v1/dead-letters").status_code == 503
