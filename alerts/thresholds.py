"""Limits that somebody sets on a statistic: for rules that a house already has, beside evidence.

A limit promises nothing about false alarms: it is passed by small windows and by many columns.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from alerts.causes import UNDECIDED, Judgement, Rule
from alerts.facts import Measured
from alerts.state import Cause, Policy, Severity
from alerts.words import Finding
from detectors.report import ColumnReport, Performance, Verdict, WindowReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A statistic, and the limit that it must not pass.

    statistic: of a column, one of its report's or of `OF_COLUMN`; of the window one of
        `OF_WINDOW`, or a metric behind "realised." or "expected.".
    column: None takes the column that is furthest beyond, of those that have the statistic.
    above, below: the limit; exactly one is given.
    until: from the limit to here an open alert goes on.
    """

    name: str
    statistic: str
    column: str | None = None
    above: float | None = None
    below: float | None = None
    until: float | None = None
    severity: Severity = Severity.WARNING
    policy: Policy = field(default_factory=Policy)
    minimum_rows: int = 100

    @property
    def rule(self) -> Rule:
        """What an alert about it is known by."""
        return Rule(
            cause=Cause.THRESHOLD, name=self.name, severity=self.severity, policy=self.policy
        )

    @property
    def needs_labels(self) -> bool:
        return self.statistic.startswith("realised.") or self.statistic == "label_coverage"


def judge(report: WindowReport, threshold: Threshold) -> Judgement:
    """What a report says of a threshold; undecided where the statistic is not known."""
    if report.n_rows < threshold.minimum_rows:
        return UNDECIDED
    sign, limit = (1.0, threshold.above) if threshold.below is None else (-1.0, threshold.below)
    assert limit is not None  # one of the two is given
    found = [(sign * value, column) for value, column in _values(report, threshold)]
    if not found:
        return UNDECIDED
    furthest, column = max(found, key=lambda one: one[0])
    measured = Measured(
        statistic=threshold.statistic, column=column, value=sign * furthest, limit=limit
    )
    if furthest > sign * limit:
        reason = Finding.ABOVE if sign > 0 else Finding.BELOW
        return Judgement(
            verdict=Verdict.DRIFT, reason=reason, because=_said(measured, reason), measured=measured
        )
    holds = threshold.until is not None and furthest > sign * threshold.until
    reason = Finding.BETWEEN if holds else Finding.WITHIN
    return Judgement(verdict=Verdict.QUIET, reason=reason, holds=holds, measured=measured)


def _said(measured: Measured, reason: Finding) -> str:
    where = f" of {measured.column!r}" if measured.column is not None else ""
    word = "above" if reason is Finding.ABOVE else "below"
    return f"{measured.statistic}{where} is {measured.value:.4g}, {word} {measured.limit:.4g}"


def _values(report: WindowReport, threshold: Threshold) -> list[tuple[float, str | None]]:
    """What is known of the statistic: of the window, or of each column that is asked for."""
    name = threshold.statistic
    if name in OF_WINDOW or "." in name:
        return _finite([(_of_window(report, name), None)])
    asked = [one for one in report.columns if threshold.column in (None, one.name)]
    return _finite((_of_column(column, name), column.name) for column in asked)


def _finite(values: Iterable[tuple[float | None, str | None]]) -> list[tuple[float, str | None]]:
    return [
        (value, column) for value, column in values if value is not None and not math.isnan(value)
    ]


def _of_column(column: ColumnReport, name: str) -> float | None:
    of_report = OF_COLUMN.get(name)
    return column.statistics.get(name) if of_report is None else of_report(column)


def _of_window(report: WindowReport, name: str) -> float | None:
    if name in OF_WINDOW:
        return OF_WINDOW[name](report)
    kind, _, metric = name.partition(".")
    told = report.realised if kind == "realised" else report.expected
    return None if told is None else _metric(told, metric)


def _metric(told: Performance, metric: str) -> float | None:
    return told.value if metric == told.metric else told.others.get(metric)


def _outlier_share(report: WindowReport) -> float | None:
    outliers = report.outliers
    return outliers.n_flagged / outliers.n_scored if outliers and outliers.n_scored else None


OF_COLUMN: Mapping[str, Callable[[ColumnReport], float | None]] = {
    "effect": lambda column: column.effect,
    "p_value": lambda column: column.p_value,
    "missing": lambda column: column.current.missing,
    "unseen": lambda column: column.unseen,
    "mean": lambda column: column.current.mean,
}

OF_WINDOW: Mapping[str, Callable[[WindowReport], float | None]] = {
    "n_rows": lambda report: float(report.n_rows),
    "evidence": lambda report: report.evidence,
    "outlier_share": _outlier_share,
    "label_coverage": lambda report: report.realised.coverage if report.realised else None,
}
