"""Metrics of monitors, read from SQL at scrape time: what is gone disappears."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitor.retraining import records
from monitor.server import queries
from monitor.sql.database import Database
from monitor.telemetry import metrics
from monitor.telemetry.metrics import Metric

STRONGEST_COLUMNS = 20
"""How many columns of a monitor have series of their own."""

MONITOR_METRICS: tuple[Metric, ...] = (
    metrics.MONITOR_ROWS,
    metrics.MONITOR_EVIDENCE,
    metrics.MONITOR_EVIDENCE_THRESHOLD,
    metrics.MONITOR_DRIFTING,
    metrics.MONITOR_ALERT_STATE,
    metrics.MONITOR_RETRAINS,
    metrics.MONITOR_COLUMN_EFFECT,
    metrics.MONITOR_COLUMN_MISSING,
    metrics.MONITOR_OUTLIERS,
    metrics.MONITOR_EXPECTED,
    metrics.MONITOR_REALISED,
    metrics.MONITOR_LABEL_COVERAGE,
    metrics.MONITOR_WINDOW_END,
)

Sample = tuple[Metric, tuple[str, ...], float | None]
Document = dict[str, Any]


class MonitorMetrics(Collector):
    """The MONITOR_* metrics of every monitor's last report and latest alert."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[GaugeMetricFamily]:
        return [_family(metric) for metric in MONITOR_METRICS]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._database.read() as connection:
            monitors = queries.monitors(connection)
            labelled = queries.last_labelled_reports(connection, [m["name"] for m in monitors])
            retrains = records.counts(connection)
        families = {metric.name: _family(metric) for metric in MONITOR_METRICS}
        for monitor in monitors:
            for metric, labels, value in _samples(monitor, labelled.get(monitor["name"])):
                if value is not None:
                    families[metric.name].add_metric(labels, value)
        for labels, n in retrains.items():
            families[metrics.MONITOR_RETRAINS.name].add_metric(labels, n)
        yield from families.values()


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def _samples(monitor: Document, labelled: Document | None) -> Iterator[Sample]:
    name = monitor["name"]
    if monitor["last_report"]:
        yield from _of_report(name, monitor["last_report"])
    if labelled:
        yield from _of_labels(name, labelled["realised"])
    if monitor["alert"]:
        for state in ("pending", "firing", "resolved"):
            yield metrics.MONITOR_ALERT_STATE, (name, state), monitor["alert"]["state"] == state


def _of_report(name: str, report: Document) -> Iterator[Sample]:
    drifting = {"drift": 1.0, "quiet": 0.0}.get(report["verdict"])
    yield metrics.MONITOR_ROWS, (name,), report["n_rows"]
    yield metrics.MONITOR_EVIDENCE, (name,), report["evidence"]
    yield metrics.MONITOR_EVIDENCE_THRESHOLD, (name,), report["threshold"]
    yield metrics.MONITOR_DRIFTING, (name,), drifting
    yield metrics.MONITOR_WINDOW_END, (name,), _seconds(report["window"]["end"])
    outliers, expected = report["outliers"], report["expected"]
    if outliers and outliers["n_scored"]:
        yield metrics.MONITOR_OUTLIERS, (name,), outliers["n_flagged"] / outliers["n_scored"]
    if expected:
        yield metrics.MONITOR_EXPECTED, (name, expected["metric"]), expected["value"]
    yield from _of_columns(name, report["columns"][:STRONGEST_COLUMNS])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _of_columns(name: str, columns: Iterable[Document]) -> Iterator[Sample]:
    for column in columns:
        labels = (name, column["name"])
        yield metrics.MONITOR_COLUMN_EFFECT, (*labels, column["effect_unit"]), column["effect"]
        yield metrics.MONITOR_COLUMN_MISSING, labels, column["current"]["missing"]


def _of_labels(name: str, realised: Document) -> Iterator[Sample]:
    yield metrics.MONITOR_REALISED, (name, realised["metric"]), realised["value"]
    yield metrics.MONITOR_LABEL_COVERAGE, (name,), realised["coverage"]
