"""Metrics of monitors, read from SQL at scrape time: what is gone disappears."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.retraining import records
from monitor.server import queries
from monitor.server.windows import Window
from monitor.sql.database import Database
from monitor.telemetry import metrics
from monitor.telemetry.instruments import Metric
from monitor.telemetry.lines import Sample, head, lines

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
    metrics.MONITOR_LABEL_COVERAGE,
    metrics.MONITOR_VERSION_ROWS,
    metrics.MONITOR_WINDOW_END,
    metrics.MONITOR_WINDOW_SECONDS,
)

Revision = tuple[str, int]
"""Of a report: its id, and its number, which is higher once labels have come late."""
Lines = Mapping[str, str]
"""By the name of their metric."""
Document = dict[str, Any]


class MonitorMetrics:
    """The MONITOR_* metrics of every monitor's last report and latest alert.

    A report is read, and its lines are written, once; they are remembered until there is a later
    one, or a later revision of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Revision, _Figures] = {}

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
    ) -> Mapping[str, "_Figures"]:
        """By report, of those that are shown."""
        before = self._known  # another scrape may replace it meanwhile
        last = (monitor["window"] for monitor in monitors if monitor["window"])
        shown = {window.report for window in (*last, *labelled)}
        revisions = queries.report_revisions(connection, shown)
        missing = {id_ for id_, revision in revisions.items() if (id_, revision) not in before}
        read = {
            (id_, revisions[id_]): _Figures.of(body)
            for id_, body in queries.report_bodies(connection, missing).items()
        }
        known = {key: read[key] if key in read else before[key] for key in revisions.items()}
        self._known = known
        return {id_: figures for (id_, _), figures in known.items()}


@dataclass(frozen=True, slots=True)
class _Figures:
    """What a scrape shows of a report. reference: of whichever performance it tells."""

    own: Lines
    realised: Lines
    reference: Lines

    @classmethod
    def of(cls, report: Document) -> "_Figures":
        name = report["monitor"]
        realised = _of_labels(name, report["realised"]) if report["realised"] else ()
        told = report["expected"] or report["realised"]
        reference = (
            [(metrics.MONITOR_REFERENCE_PERFORMANCE, (name, told["metric"]), told["reference"])]
            if told
            else []
        )
        return cls(lines(_of_report(name, report)), lines(realised), lines(reference))


def _parts(
    monitor: Document, labelled: Mapping[str, Window], figures: Mapping[str, _Figures]
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
            yield metrics.MONITOR_ALERT_START, (name,), _seconds(alert["started_at"])


def _of_report(name: str, report: Document) -> Iterator[Sample]:
    drifting = {"drift": 1.0, "quiet": 0.0}.get(report["verdict"])
    yield metrics.MONITOR_ROWS, (name,), report["n_rows"]
    yield metrics.MONITOR_EVIDENCE, (name,), report["evidence"]
    yield metrics.MONITOR_EVIDENCE_THRESHOLD, (name,), report["threshold"]
    yield metrics.MONITOR_DRIFTING, (name,), drifting
    yield metrics.MONITOR_WINDOW_END, (name,), _seconds(report["window"]["end"])
    yield metrics.MONITOR_WINDOW_SECONDS, (name,), report["window"]["seconds"]
    if (outliers := report["outliers"]) and outliers["n_scored"]:
        yield metrics.MONITOR_OUTLIERS, (name,), outliers["n_flagged"] / outliers["n_scored"]
    if expected := report["expected"]:
        labels = name, expected["metric"]
        yield metrics.MONITOR_EXPECTED, labels, expected["value"]
        yield from _bounds(metrics.MONITOR_EXPECTED_BOUND, labels, expected)
    for version in report.get("versions", ()):
        if version["version"]:
            yield metrics.MONITOR_VERSION_ROWS, (name, version["version"]), version["n_rows"]
    yield from _of_quality(name, report.get("quality"))
    yield from _of_columns(name, report["columns"])
    yield from _of_segments(name, report.get("segments", ()))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _of_quality(name: str, quality: Document | None) -> Iterator[Sample]:
    worst: dict[str, float] = {}
    for issue in quality["issues"] if quality else ():
        worst[issue["fault"]] = max(issue["share"], worst.get(issue["fault"], 0.0))
    for fault, share in worst.items():
        yield metrics.MONITOR_QUALITY, (name, fault), share


def _of_columns(name: str, columns: Sequence[Document]) -> Iterator[Sample]:
    strongest, others = columns[: metrics.STRONGEST], columns[metrics.STRONGEST :]
    for column in strongest:
        labels = (name, column["name"])
        yield metrics.MONITOR_COLUMN_EFFECT, (*labels, column["effect_unit"]), column["effect"]
        yield metrics.MONITOR_COLUMN_MISSING, labels, column["current"]["missing"]
        yield metrics.MONITOR_COLUMN_P_VALUE, labels, column["p_value"]
        yield metrics.MONITOR_COLUMN_EVIDENCE, labels, column["evidence_share"]
    if others:
        rest = sum(column["evidence_share"] for column in others)
        yield metrics.MONITOR_COLUMN_EVIDENCE, (name, ""), rest


def _of_segments(name: str, segments: Sequence[Document]) -> Iterator[Sample]:
    ranked = sorted(segments, key=lambda one: (-one["n_moved"], -one["n_rows"]))
    for one in ranked[: metrics.STRONGEST]:
        labels = (name, one["column"], one["value"] or "")
        yield metrics.MONITOR_SEGMENT_SHARE, labels, one["share"]
        yield metrics.MONITOR_SEGMENT_MOVED, labels, one["n_moved"]


def _of_labels(name: str, realised: Document) -> Iterator[Sample]:
    labels = name, realised["metric"]
    yield metrics.MONITOR_REALISED, labels, realised["value"]
    yield from _bounds(metrics.MONITOR_REALISED_BOUND, labels, realised)
    yield metrics.MONITOR_LABEL_COVERAGE, (name,), realised["coverage"]


def _bounds(metric: Metric, labels: tuple[str, str], told: Document) -> Iterator[Sample]:
    for bound, value in zip(("lower", "upper"), told.get("interval") or (), strict=False):
        yield metric, (*labels, bound), value
