"""Metrics of monitors, read from SQL at scrape time: what is gone disappears."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from monitor.retraining import records
from monitor.server import queries
from monitor.server.windows import Window
from monitor.sql import scraped
from monitor.sql.database import Database
from monitor.telemetry import metrics
from monitor.telemetry.instruments import Metric
from monitor.telemetry.lines import Sample, head, lines
from monitor.telemetry.shown import Lines, Shown, seconds

MONITOR_METRICS: tuple[Metric, ...] = (
    metrics.MONITOR_ROWS,
    metrics.MONITOR_EVIDENCE,
    metrics.MONITOR_EVIDENCE_THRESHOLD,
    metrics.MONITOR_DRIFTING,
    metrics.MONITOR_PAUSED,
    metrics.MONITOR_ALERT_STATE,
    metrics.MONITOR_ALERT_START,
    metrics.MONITOR_RETRAINS,
    metrics.MONITOR_COLUMN_EFFECT,
    metrics.MONITOR_COLUMN_MISSING,
    metrics.MONITOR_COLUMN_P_VALUE,
    metrics.MONITOR_COLUMN_EVIDENCE,
    metrics.MONITOR_SEGMENT_SHARE,
    metrics.MONITOR_SEGMENT_MOVED,
    metrics.MONITOR_QUALITY,
    metrics.MONITOR_OUTLIERS,
    metrics.MONITOR_EXPECTED,
    metrics.MONITOR_EXPECTED_BOUND,
    metrics.MONITOR_REFERENCE_PERFORMANCE,
    metrics.MONITOR_REALISED,
    metrics.MONITOR_REALISED_BOUND,
    metrics.MONITOR_ESTIMATE_ERROR,
    metrics.MONITOR_LABEL_COVERAGE,
    metrics.MONITOR_VERSION_ROWS,
    metrics.MONITOR_WINDOW_END,
    metrics.MONITOR_WINDOW_SECONDS,
)

Revision = tuple[str, int]
"""Of a report: its id, and its number, which is higher once labels have come late."""
Document = dict[str, Any]


class MonitorMetrics:
    """The MONITOR_* metrics of every monitor's last report and latest alert.

    A report's lines are read once, and remembered until there is a later one, or a later revision
    of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Revision, Shown] = {}

    def text(self) -> str:
        """All of them, as Prometheus's text format and OpenMetrics both have gauges."""
        with self._database.read() as connection:
            monitors = queries.summaries(connection)
            labelled = queries.last_labelled_windows(connection)
            retrains = records.counts(connection)
            figures = self._figures(connection, monitors, labelled.values())
        written = {metric.name: [head(metric)] for metric in MONITOR_METRICS}
        for part in (
            *(part for monitor in monitors for part in _parts(monitor, labelled, figures)),
            lines((metrics.MONITOR_RETRAINS, labels, n) for labels, n in retrains.items()),
        ):
            for name, text in part.items():
                written[name].append(text)
        return "".join(text for texts in written.values() for text in texts)

    def _figures(
        self, connection: Connection, monitors: Iterable[Document], labelled: Iterable[Window]
    ) -> Mapping[str, Shown]:
        """By report, of those that are shown."""
        before = self._known  # another scrape may replace it meanwhile
        last = (monitor["window"] for monitor in monitors if monitor["window"])
        shown = {window.report for window in (*last, *labelled)}
        revisions = queries.report_revisions(connection, shown)
        missing = dict(key for key in revisions.items() if key not in before)
        read = scraped.read(connection, missing)
        bodies = queries.report_bodies(connection, missing.keys() - read.keys())
        read |= {id_: Shown.of(body) for id_, body in bodies.items()}
        known = {key: read[key[0]] if key[0] in read else before[key] for key in revisions.items()}
        self._known = known
        return {id_: figures for (id_, _), figures in known.items()}


def _parts(
    monitor: Document, labelled: Mapping[str, Window], figures: Mapping[str, Shown]
) -> Iterator[Lines]:
    yield lines(_of_state(monitor))
    last = figures.get(monitor["window"].report) if monitor["window"] else None
    name = monitor["name"]
    labels = figures.get(labelled[name].report) if name in labelled else None
    if last:
        yield last.own
    if labels:
        yield labels.realised
    yield from [one.reference for one in (last, labels) if one and one.reference][:1]


def _of_state(monitor: Document) -> Iterator[Sample]:
    name, alert = monitor["name"], monitor["alert"]
    yield metrics.MONITOR_PAUSED, (name,), float(monitor["paused"])
    if alert:
        for state in ("pending", "firing", "resolved"):
            yield metrics.MONITOR_ALERT_STATE, (name, state), alert["state"] == state
        if alert["state"] != "resolved":
            yield metrics.MONITOR_ALERT_START, (name,), seconds(alert["started_at"])
