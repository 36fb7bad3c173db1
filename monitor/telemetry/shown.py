"""What a scrape shows of a report: lines of text, written with it and read by every scrape.

A scrape reads the last report of every monitor. Of a thousand that is fifty megabytes, and a few
of lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from monitor.telemetry import metrics
from monitor.telemetry.instruments import Metric
from monitor.telemetry.lines import Sample, lines

Lines = Mapping[str, str]
"""By the name of their metric."""
Document = dict[str, Any]

FORMAT = sha256(repr(metrics.TABLE).encode()).hexdigest()[:16]
"""Of lines: those that were written with another table of metrics are made anew of the report."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a scrape shows of a report. reference: of whichever performance it tells."""

    own: Lines
    realised: Lines
    reference: Lines

    @classmethod
    def of(cls, report: Document) -> "Shown":
        name = report["monitor"]
        realised = _of_labels(report) if report["realised"] else ()
        told = report["expected"] or report["realised"]
        reference = (
            [(metrics.MONITOR_REFERENCE_PERFORMANCE, (name, told["metric"]), told["reference"])]
            if told
            else []
        )
        return cls(lines(_of_report(name, report)), lines(realised), lines(reference))

    def to_json(self) -> dict[str, Lines]:
        return asdict(self)


def _of_report(name: str, report: Document) -> Iterator[Sample]:
    drifting = {"drift": 1.0, "quiet": 0.0}.get(report["verdict"])
    yield metrics.MONITOR_ROWS, (name,), report["n_rows"]
    yield metrics.MONITOR_EVIDENCE, (name,), report["evidence"]
    yield metrics.MONITOR_EVIDENCE_THRESHOLD, (name,), report["threshold"]
    yield metrics.MONITOR_DRIFTING, (name,), drifting
    yield metrics.MONITOR_WINDOW_END, (name,), seconds(report["window"]["end"])
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


def _of_labels(report: Document) -> Iterator[Sample]:
    name, realised, expected = report["monitor"], report["realised"], report["expected"]
    labels = name, realised["metric"]
    yield metrics.MONITOR_REALISED, labels, realised["value"]
    if expected and None not in (expected["value"], realised["value"]):
        yield metrics.MONITOR_ESTIMATE_ERROR, labels, expected["value"] - realised["value"]
    yield from _bounds(metrics.MONITOR_REALISED_BOUND, labels, realised)
    yield metrics.MONITOR_LABEL_COVERAGE, (name,), realised["coverage"]


def _bounds(metric: Metric, labels: tuple[str, str], told: Document) -> Iterator[Sample]:
    for bound, value in zip(("lower", "upper"), told.get("interval") or (), strict=False):
        yield metric, (*labels, bound), value


def seconds(moment: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(moment).timestamp()
