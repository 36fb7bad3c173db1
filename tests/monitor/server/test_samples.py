"""What tests of sampled rows said, in the API and on the page."""

from typing import Any

from fastapi.testclient import TestClient

from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW

ENERGY = {
    "name": "energy",
    "statistic": 0.1234,
    "p_value": 0.002,
    "n_reference": 5000,
    "n_current": 216,
    "interval": None,
    "columns": {},
}
CLASSIFIER = ENERGY | {
    "name": "classifier",
    "statistic": 0.8,
    "interval": [0.75, 0.85],
    "columns": {"boarded": 0.2, "line": 0.1},
}
SILENT = {"detector": None, "n_rows": 0, "verdict": None, "p_value": None, "n_outliers": None}
DETECTOR = SILENT | {"name": "tram", "sha256": "0" * 64, "reason": "no answer within 60 s"}


def store(database: Database, **changes: Any) -> None:
    said = {"tests": [ENERGY, CLASSIFIER], "detectors": [DETECTOR], "reason": None}
    row = {
        "report": "free-seats-6",
        "monitor": "free-seats",
        "reference_id": "",
        "asked": {},
        "n_rows": 500,
        "is_waiting": False,
        "said": said,
        "queued_at": NOW,
        **changes,
    }
    with database.write() as connection:
        connection.execute(tables.examinations.insert(), row)


def test_a_report_holds_what_the_tests_said(watched: Database, client: TestClient) -> None:
    store(watched)
    sample = client.get("/api/v1/reports/free-seats-6").json()["sample"]
    assert not sample["is_pending"]
    assert sample["tests"] == [ENERGY, CLASSIFIER]
    latest = client.get("/api/v1/monitors/free-seats/reports").json()["items"]
    assert [report["sample"] for report in latest[:2]] == [sample, None]


def test_the_page_shows_them(watched: Database, client: TestClient) -> None:
    store(watched)
    page = client.get("/monitors/free-seats").text
    assert "AUC 0.80 (0.75 – 0.85), by boarded, line" in page
    assert "no answer: no answer within 60 s" in page
    assert "They raise no alarm." in page


def test_a_detector_that_answered_is_told_with_its_own_name(
    watched: Database, client: TestClient
) -> None:
    drift = {"detector": "KSDrift", "verdict": "drift", "p_value": 1e-9, "reason": None}
    outliers = {"name": "rides", "detector": "IForest", "n_outliers": 12, "reason": None}
    detectors = [DETECTOR | drift, DETECTOR | outliers]
    store(watched, said={"tests": [], "detectors": detectors, "reason": None})
    page = client.get("/monitors/free-seats").text
    assert "tram (KSDrift)" in page
    assert "12 outliers" in page


def test_rows_that_have_yet_to_be_tested_are_said_to(watched: Database, client: TestClient) -> None:
    store(watched, is_waiting=True, said=None)
    assert "have yet to be tested" in client.get("/monitors/free-seats").text


def test_why_rows_were_not_tested_is_said(watched: Database, client: TestClient) -> None:
    store(watched, said={"tests": [], "detectors": [], "reason": "no row was sampled"})
    assert "Not tested: no row was sampled." in client.get("/monitors/free-seats").text


def test_where_nothing_was_asked_the_page_says_nothing(
    watched: Database, client: TestClient
) -> None:
    assert "Sampled rows" not in client.get("/monitors/free-seats").text
