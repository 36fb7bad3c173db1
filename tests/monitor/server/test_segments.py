"""Whom a change hits, as the page and the API tell it."""

from typing import Any

from fastapi.testclient import TestClient

from monitor.server.segments import OTHERS, by_column
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, performance, report, store_report


def segment(value: str | None, **changes: object) -> dict[str, Any]:
    return {
        "column": "line",
        "value": value,
        "n_rows": 250,
        "share": 0.5,
        "reference_share": 0.6,
        "n_moved": 0,
        "moved": [],
        "n_outliers": 5,
        "expected": None,
        "realised": None,
        **changes,
    }


def moved(p_value: float = 1e-9) -> dict[str, Any]:
    about = {"what": "mean", "reference": 13.0, "current": 3.2, "effect": 4.2, "effect_unit": "sd"}
    return {"name": "boarded", "p_value": p_value, **about}


def drifting() -> dict[str, Any]:
    hit = segment("9", n_moved=5, moved=[moved()], expected=performance(9.0))
    return report(7, segments=[segment("21"), hit, segment(None, n_rows=0, n_outliers=None)])


def test_what_moved_most_surely_comes_first_with_what_it_is_of_all_rows() -> None:
    (table,) = by_column(drifting())
    first, second, others = table["rows"]
    assert (first["name"], second["name"], others["name"]) == ("9", "21", OTHERS)
    assert first["moved"] == [
        {"name": "boarded", "said": "boarded mean 13 → 3.2", "effect": "4.2 sd, 2.1 of all rows"}
    ]
    assert (first["expected"], first["n_more"], first["outliers"]) == ("3 → 9", 4, "2.0 %")
    assert (second["expected"], others["outliers"]) == ("–", "–")


def test_every_column_that_splits_the_rows_has_a_table_and_old_reports_have_none() -> None:
    columns = [segment("9"), segment("north", column="region"), segment("21")]
    tables = by_column(report(0, segments=columns))
    assert [(one["column"], len(one["rows"])) for one in tables] == [("line", 2), ("region", 1)]
    assert by_column(report(0)) == []


def test_the_page_and_the_api_tell_whom_a_change_hits(
    watched: Database, client: TestClient
) -> None:
    store_report(watched, drifting(), FIRST_DAY + 7 * DAY)
    page = client.get("/monitors/free-seats").text
    assert "Whom it hits" in page
    assert "boarded mean 13 → 3.2" in page
    told = client.get("/api/v1/reports/free-seats-7").json()
    assert [one["value"] for one in told["segments"]] == ["21", "9", None]


def test_a_monitor_without_segments_has_no_such_part(watched: Database, client: TestClient) -> None:
    assert "Whom it hits" not in client.get("/monitors/free-seats").text
