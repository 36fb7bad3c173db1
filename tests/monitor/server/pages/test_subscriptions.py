"""Who is told and who is asked, on one page."""

from fastapi.testclient import TestClient
from sqlalchemy import insert

from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW

DOCUMENT = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "RetrainSubscription",
    "metadata": {"name": "nightly"},
    "spec": {
        "select": {"labels": {"owner": "transit"}},
        "causes": ["drift"],
        "cooldown": "2d",
        "per_day": 3,
        "approval": True,
        "start": {"airflow": {"url": "https://airflow.example", "dag": "retrain"}},
    },
}
PLACE = "endpoint_1"


def disable(database: Database) -> None:
    row = {
        "place": PLACE,
        "target": {"kind": "webhook", "url": "https://pager.example/hook"},
        "n_failed": 12,
        "failing_since": NOW - 4 * 86_400,
        "disabled_at": NOW - 60,
        "reason": "12 attempts failed in 4.0 days, the last with: HTTP 503",
    }
    with database.write() as connection:
        connection.execute(insert(tables.endpoints), row)


def test_a_place_that_is_called_no_more_is_called_again_by_a_button(
    told: None, watched: Database, client: TestClient
) -> None:
    disable(watched)
    page = client.get("/subscriptions").text
    assert "12 attempts failed in 4.0 days" in page
    assert "free-seats</a> as pager" in page
    after = client.post(f"/endpoints/{PLACE}/enable")
    assert after.url.path == "/subscriptions"
    assert "Call again" not in after.text


def test_an_endpoint_that_nobody_knows_is_not_found(client: TestClient) -> None:
    assert client.post("/endpoints/endpoint_9/enable").status_code == 404


def test_a_subscription_says_whose_models_and_how_often(client: TestClient) -> None:
    assert client.put("/api/v1/subscriptions/nightly", json=DOCUMENT).status_code == 200
    page = client.get("/subscriptions").text
    assert "owner: transit" in page
    assert "every 2d at most, 3 a day at most, after approval" in page


def test_what_a_subscription_answered_last_is_told(watched: Database, client: TestClient) -> None:
    row = {
        "monitor": "free-seats",
        "subscription": "nightly",
        "alert": "alert-1",
        "at": NOW,
        "answer": "cooling_down",
    }
    with watched.write() as connection:
        connection.execute(insert(tables.retrain_decisions), row)
    assert "cooling down" in client.get("/subscriptions").text


def test_without_anybody_it_says_so(client: TestClient) -> None:
    page = client.get("/subscriptions").text
    assert "Nobody was told anything yet" in page
    assert "No subscription is declared" in page
