"""What a report is without, in the API and on the page."""

import pytest
from fastapi.testclient import TestClient

from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY


@pytest.fixture
def late(watched: Database) -> Database:
    """Rows of the last day came when its report could no longer change, and one of no window."""
    where = {"topic": "t", "partition": 0, "model_version": "", "log": ""}
    rows = [
        {"start": 0, "pane_start": FIRST_DAY + 6 * DAY, "n_rows": 1_200},
        {"start": 0, "pane_start": FIRST_DAY + 6 * DAY + 60, "n_rows": 30},
        {"start": 2_000, "pane_start": FIRST_DAY + 6 * DAY + 60, "n_rows": 4},
        {"start": 0, "pane_start": FIRST_DAY + 7 * DAY, "n_rows": 7},
    ]
    with watched.write() as connection:
        about = connection.execute(tables.reports.select().limit(1)).one()
        named = {"monitor": about.monitor, "reference_id": about.reference_id}
        connection.execute(tables.too_late.insert(), [named | where | row for row in rows])
    return watched


def test_a_report_tells_how_many_rows_came_too_late_for_it(
    late: Database, client: TestClient
) -> None:
    found = client.get("/api/v1/reports/free-seats-6").json()["not_counted"]
    assert found == {"from_the_future": 0, "too_late": 1_234}
    items = client.get("/api/v1/monitors/free-seats/reports").json()["items"]
    assert [one["not_counted"]["too_late"] for one in items[:2]] == [1_234, 0]


def test_the_page_tells_it_too(late: Database, client: TestClient) -> None:
    assert "without 1 234 that came too late" in client.get("/monitors/free-seats").text.replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    ).replace("\N{NO-BREAK SPACE}", " ")


def test_where_none_came_too_late_the_page_says_nothing(
    watched: Database, client: TestClient
) -> None:
    assert "came too late" not in client.get("/monitors/free-seats").text
