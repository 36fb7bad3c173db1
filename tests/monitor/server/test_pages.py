"""The pages, as HTML that a browser would get."""

import xml.etree.ElementTree as ET
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, column, monitor, report, store_report


def test_without_monitors_the_page_says_how_to_declare_one(client: TestClient) -> None:
    assert "driftmeter apply" in client.get("/").text


def test_the_overview_names_every_monitor_with_its_state(
    watched: Database, client: TestClient
) -> None:
    page = client.get("/").text
    assert '<a href="/monitors/free-seats">free-seats</a>' in page
    assert '<span class="chip drift">drift</span>' in page


def test_a_monitor_tells_what_moved_from_what_to_what(
    watched: Database, client: TestClient
) -> None:
    page = client.get("/monitors/free-seats").text
    assert "What moved: boarded." in page
    assert "median 12 → 3" in page


def test_a_named_column_says_how_surely_its_effect_is_known(
    watched: Database, client: TestClient
) -> None:
    assert "effect 2.1 sd (95 %: 1.9 to 2.3)" in client.get("/monitors/free-seats").text


def test_a_provisional_report_says_why(watched: Database, client: TestClient) -> None:
    caution = "the reference has fewer than 20 windows of this length"
    young = report(7, provisional=True, caution=caution)
    store_report(watched, young, FIRST_DAY + 7 * DAY)
    assert f"Provisional: {caution}." in client.get("/monitors/free-seats").text


def test_a_pinned_window_stays_what_it_was(watched: Database, client: TestClient) -> None:
    page = client.get("/monitors/free-seats?report=free-seats-2").text
    assert "This is the window of 2020-03-11" in page
    assert "This window is quiet" in page


def test_a_monitor_without_reports_says_what_it_waits_for(
    database: Database, client: TestClient
) -> None:
    client.put("/api/v1/monitors/young", json=monitor("young").to_json())
    assert "The reference is being fitted" in client.get("/monitors/young").text


def test_the_model_its_groups_and_the_data_are_told(watched: Database, client: TestClient) -> None:
    missing = {"fault": "missing", "column": "boarded", "n": 60, "share": 0.12, "reference": 0.01}
    group = {"column": "line", "group": "<7>", "n": 240, "intervals": {}, "undefined": {}}
    changes: dict[str, Any] = {
        "quality": {"n_rows": 500, "issues": [missing | {"beyond": True}]},
        "fairness": [group | {"values": {"disparate_impact": 0.7}}],
    }
    store_report(watched, report(7, **changes), FIRST_DAY + 7 * DAY)
    page = client.get("/monitors/free-seats").text
    assert "<li>boarded: 12.0 % missing, 1.0 % in the reference.</li>" in page
    assert '<th scope="row">root mean squared error</th>' in page
    assert '<th scope="row">line: &lt;7&gt;</th>' in page
    assert '<td data-label="Disparate impact">0.7</td>' in page


def test_how_the_model_served_is_told(watched: Database, client: TestClient) -> None:
    serving = {"n_requests": 1200, "error_share": 0.025}
    latencies_s = {"0.5": 0.012, "0.95": 0.31, "0.99": 1.25}
    store_report(
        watched, report(7, serving={**serving, "latencies_s": latencies_s}), FIRST_DAY + 7 * DAY
    )
    page = client.get("/monitors/free-seats").text
    assert "<dd>2.5 % answered with errors</dd>" in page
    assert "<dd>310 ms</dd><dd>of 95 % of the answers, of half 12 ms, of 99 % 1.25 s</dd>" in page


def test_names_from_outside_are_escaped(watched: Database, client: TestClient) -> None:
    hostile = "<script>alert(1)</script>"
    store_report(watched, report(7, columns=[column(hostile)]), FIRST_DAY + 7 * DAY)
    assert hostile not in client.get("/monitors/free-seats").text


def test_pictures_are_well_formed_and_have_a_title(watched: Database, client: TestClient) -> None:
    page = client.get("/monitors/free-seats").text
    pictures = page.split('<svg class="picture"')[1:]
    assert len(pictures) == 2
    for picture in pictures:
        svg = ET.fromstring('<svg class="picture"' + picture.split("</svg>")[0] + "</svg>")
        assert svg.find("{http://www.w3.org/2000/svg}title") is not None


def test_a_monitor_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.get("/monitors/nobody").status_code == 404


def test_a_paused_monitor_says_so_on_its_page(watched: Database, client: TestClient) -> None:
    assert ">paused<" not in client.get("/monitors/free-seats").text
    client.post("/api/v1/monitors/free-seats/pause")
    assert ">paused<" in client.get("/monitors/free-seats").text


def test_a_link_to_a_decision_always_shows_the_same(watched: Database, client: TestClient) -> None:
    first, second = report(6), report(6, revision=2, realised=None)
    with watched.write() as connection:
        row = {"report": first["id"], "monitor": "free-seats", "body": first}
        connection.execute(insert(tables.decided_reports), row)
        t = tables.reports
        connection.execute(update(t).where(t.c.id == second["id"]).values(body=second))
    path = "/api/v1/reports/free-seats-6"
    assert client.get(path).json()["revision"] == 2
    assert client.get(f"{path}?as_decided=true").json()["revision"] == 1
    page = client.get("/monitors/free-seats?report=free-seats-6&as_decided=1").text
    assert "as it was decided" in page
