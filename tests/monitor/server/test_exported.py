"""The monitors' metrics as a scrape sees them."""

import subprocess

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, update

from monitor.detect import state
from monitor.server.app import create_app
from monitor.sql import registry, tables
from monitor.sql.database import Database
from monitor.telemetry import metrics
from tests.conftest import Needs
from tests.monitor.retraining.days import Days, monitor
from tests.monitor.server.conftest import (
    DAY,
    FIRST_DAY,
    NOW,
    column,
    performance,
    report,
    store_report,
)


def samples(client: TestClient) -> dict[tuple[str, ...], float]:
    """Values by name and label values, in the order of the labels in the table."""
    labels = {metric.name: metric.labels for metric in metrics.TABLE}
    return {
        (s.name, *(s.labels[label] for label in labels.get(s.name, ()))): s.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for s in family.samples
    }


def test_the_last_report_is_what_a_scrape_shows(watched: Database, client: TestClient) -> None:
    seen = samples(client)
    assert seen["driftmeter_monitor_rows", "free-seats"] == 500
    assert seen["driftmeter_monitor_drifting", "free-seats"] == 1
    assert seen["driftmeter_monitor_outlier_ratio", "free-seats"] == 130 / 500
    assert seen["driftmeter_monitor_column_effect", "free-seats", "boarded", "sd"] == 2.1
    end = FIRST_DAY + 7 * DAY
    assert seen["driftmeter_monitor_window_end_timestamp_seconds", "free-seats"] == end


def test_retrains_are_counted_by_state(watched: Database, client: TestClient) -> None:
    Days(watched, monitor({})).drift()
    assert samples(client)["driftmeter_monitor_retrains", "free-seats", "requested"] == 1


def test_realised_performance_is_of_the_latest_window_with_labels(
    watched: Database, client: TestClient
) -> None:
    seen = samples(client)
    assert seen["driftmeter_monitor_realised_performance", "free-seats", "mae"] == 9.0
    assert seen["driftmeter_monitor_expected_performance_error", "free-seats", "mae"] == 6.0 - 9.0
    assert seen["driftmeter_monitor_label_coverage_ratio", "free-seats"] == 0.98


def test_performance_comes_with_its_reference_and_its_interval(
    watched: Database, client: TestClient
) -> None:
    expected = {**performance(6.0), "interval": [5.5, 6.5]}
    store_report(watched, report(7, expected=expected), FIRST_DAY + 7 * DAY)
    seen, name = samples(client), "driftmeter_monitor_expected_performance_bound"
    assert seen["driftmeter_monitor_reference_performance", "free-seats", "mae"] == 3.0
    assert seen[name, "free-seats", "mae", "lower"] == 5.5
    assert seen[name, "free-seats", "mae", "upper"] == 6.5


def test_a_fault_is_shown_where_most_rows_have_it(watched: Database, client: TestClient) -> None:
    issues = [
        {"fault": "missing values", "column": name, "share": share}
        for name, share in (("a", 0.1), ("b", 0.4), ("c", 0.2))
    ]
    quality = {"n_rows": 500, "issues": issues}
    store_report(watched, report(7, quality=quality), FIRST_DAY + 7 * DAY)
    seen = samples(client)
    assert seen["driftmeter_monitor_quality_ratio", "free-seats", "missing values"] == 0.4


def test_columns_beyond_the_strongest_are_summed(watched: Database, client: TestClient) -> None:
    columns = [column(f"c{i}", evidence_share=0.02) for i in range(50)]
    store_report(watched, report(7, columns=columns), FIRST_DAY + 7 * DAY)
    name, seen = metrics.MONITOR_COLUMN_EVIDENCE.name, samples(client)
    assert seen[name, "free-seats", ""] == pytest.approx(30 * 0.02)
    assert seen[name, "free-seats", "c0"] == 0.02
    assert seen[metrics.MONITOR_COLUMN_P_VALUE.name, "free-seats", "c0"] == 0.4


def test_an_undecided_window_is_neither_drifting_nor_quiet(
    watched: Database, client: TestClient
) -> None:
    store_report(watched, report(7, verdict="undecided"), FIRST_DAY + 7 * DAY)
    assert ("driftmeter_monitor_drifting", "free-seats") not in samples(client)


def test_a_later_revision_of_a_report_is_seen(watched: Database, client: TestClient) -> None:
    key = "driftmeter_monitor_realised_performance", "free-seats", "mae"
    assert samples(client)[key] == 9.0
    with watched.write() as connection:
        revised = update(tables.reports).where(tables.reports.c.id == "free-seats-5")
        connection.execute(
            revised.values(revision=2, body=report(5, realised=performance(7.0, 1.0)))
        )
    assert samples(client)[key] == 7.0


def test_a_report_is_read_once(watched: Database, client: TestClient) -> None:
    first = samples(client)
    with watched.write() as connection:
        connection.execute(update(tables.reports).values(body={}))
    assert samples(client) == first


def test_the_first_scrape_needs_no_report_that_detect_has_written(
    watched: Database, client: TestClient
) -> None:
    of_bodies, r = samples(client), tables.reports
    with watched.write() as connection:
        for row in connection.execute(select(r)).mappings().all():
            state.write_report(connection, dict(row))
        connection.execute(update(r).values(body={}))
    assert samples(restarted(watched)) == of_bodies


def test_lines_of_another_table_of_metrics_are_made_anew(
    watched: Database, client: TestClient
) -> None:
    of_bodies = samples(client)
    with watched.write() as connection:
        for row in connection.execute(select(tables.reports)).mappings().all():
            state.write_report(connection, dict(row))
        connection.execute(update(tables.scraped).values(format="older", lines={}))
    assert samples(restarted(watched)) == of_bodies


def restarted(database: Database) -> TestClient:
    """A server that has read nothing yet."""
    return TestClient(create_app(database, CollectorRegistry(), lambda: NOW))


def test_what_is_deleted_disappears(watched: Database, client: TestClient) -> None:
    with watched.write() as connection:
        registry.delete(connection, "free-seats", NOW)
    assert not [key for key in samples(client) if "free-seats" in key]


def test_only_the_strongest_columns_have_series(watched: Database, client: TestClient) -> None:
    columns = [column(f"c{i}") for i in range(50)]
    store_report(watched, report(7, columns=columns), FIRST_DAY + 7 * DAY)
    effects = [key for key in samples(client) if key[0] == metrics.MONITOR_COLUMN_EFFECT.name]
    assert {key[2] for key in effects} == {f"c{i}" for i in range(20)}


def test_hostile_column_names_are_escaped(watched: Database, client: TestClient) -> None:
    name = 'a"b\\c\nd} 1\n# HELP x'
    store_report(watched, report(7, columns=[column(name)]), FIRST_DAY + 7 * DAY)
    assert (metrics.MONITOR_COLUMN_EFFECT.name, "free-seats", name, "sd") in samples(client)


def test_everything_exposed_is_in_the_table(watched: Database, client: TestClient) -> None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    known = {metric.name.removesuffix("_total") for metric in metrics.TABLE}
    assert {family.name for family in families} <= known


def test_promtool_finds_nothing_to_complain_about(
    watched: Database, client: TestClient, needs: Needs
) -> None:
    text = client.get("/metrics").text
    command = [str(needs("promtool")), "check", "metrics"]
    lint = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stderr) == (0, "")


def test_whether_it_is_paused_is_exposed(watched: Database, client: TestClient) -> None:
    assert samples(client)["driftmeter_monitor_paused", "free-seats"] == 0
    client.post("/api/v1/monitors/free-seats/pause")
    assert samples(client)["driftmeter_monitor_paused", "free-seats"] == 1


def test_versions_of_the_model_are_told_where_predictions_name_them(
    watched: Database, client: TestClient
) -> None:
    versions = [{"version": "8", "n_rows": 400}, {"version": "", "n_rows": 100}]
    store_report(watched, report(7, versions=versions), FIRST_DAY + 7 * DAY)
    name = metrics.MONITOR_VERSION_ROWS.name
    assert {k: v for k, v in samples(client).items() if k[0] == name} == {
        (name, "free-seats", "8"): 400
    }


def test_the_segments_in_which_most_moved_are_told(watched: Database, client: TestClient) -> None:
    segments = [
        {"column": "stop", "value": f"stop {i}", "n_rows": 10, "share": 0.02, "n_moved": i}
        for i in range(50)
    ]
    store_report(watched, report(7, segments=segments), FIRST_DAY + 7 * DAY)
    name, seen = metrics.MONITOR_SEGMENT_MOVED.name, samples(client)
    moved = {key[3]: value for key, value in seen.items() if key[0] == name}
    assert moved == {f"stop {i}": i for i in range(30, 50)}


@pytest.mark.usefixtures("told")
def test_since_when_an_alert_is_open_is_told(watched: Database, client: TestClient) -> None:
    key = "driftmeter_monitor_alert_start_timestamp_seconds", "free-seats"
    assert samples(client)[key] == FIRST_DAY + 6 * DAY
    with watched.write() as connection:
        connection.execute(update(tables.alerts).values(state="resolved"))
    assert key not in samples(client)
