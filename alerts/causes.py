"""What a report says of every cause that a monitor is watched for.

Drift is decided by evidence, within its budget of false alarms. The performance of a model is
worse where a window of a model as good as on its reference would be found worse as seldom as the
budget allows, by how the reference's own windows differ; where these are too few to say, by an
interval that takes the rows for a sample. And it is by a least loss, for with many rows the
smallest loss is certain. The others hold a share against a limit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Final

from alerts.facts import Facts, Measured, clipped
from alerts.state import Cause, Observation, Policy, Severity, Window
from alerts.words import Finding, Grounds
from detectors.performance.fairness import NEUTRAL
from detectors.report import (
    Fault,
    GroupReport,
    OutlierReport,
    Performance,
    QualityIssue,
    ServingReport,
    Shift,
    Verdict,
    WindowReport,
)
from detectors.report.explanation import SMALLER_IS_BETTER

FEWEST_LABELLED = 0.5
"""The share of a window's predictions that must have labels before they decide about it: the
first to come may be unlike the rest."""

SLOWEST = "0.95"
"""The quantile of the answers' latencies that is held against its limit."""

Z_95: Final = NormalDist().inv_cdf(0.975)
_DIFFERENCES = tuple(name for name, neutral in NEUTRAL.items() if neutral == 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Under which conditions a monitor's cause alerts.

    above: the limit, in the cause's own unit; None for causes that have none.
    until: from the limit down to here an open alert goes on; None: the limit itself.
    minimum_rows: with fewer, or fewer labels, or requests, a window is undecided.
    false_alarm_rate: of one window, that performance is found worse while it is not.
    needs_windows: that performance is worse is said only where the reference's own windows tell
        how much it moves; of a cause that nobody has asked for by name.
    """

    cause: Cause
    severity: Severity = Severity.WARNING
    policy: Policy = field(default_factory=Policy)
    name: str = ""
    above: float | None = None
    until: float | None = None
    minimum_rows: int = 100
    false_alarm_rate: float = 0.01
    needs_windows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a window says of one rule, before it is told whose window it is."""

    verdict: Verdict
    reason: Grounds
    because: str | None = None
    holds: bool = False
    measured: Measured | None = None


UNDECIDED: Final = Judgement(verdict=Verdict.UNDECIDED, reason=Finding.NOT_KNOWN)
TOO_FEW_REQUESTS: Final = replace(UNDECIDED, reason=Finding.TOO_FEW_REQUESTS)


def observe(
    report: WindowReport, rule: Rule, judgement: Judgement, *, monitor: str, window: Window
) -> Observation:
    """A judgement as the observation that an alert steps by."""
    facts = Facts.of(report)
    if rule.cause in OF_REQUESTS:  # no column has a share in it
        facts = replace(facts, columns=(), columns_omitted=0)
    if judgement.because is not None:
        facts = replace(facts, because=clipped(judgement.because))
    return Observation(
        monitor=monitor,
        window=window,
        verdict=judgement.verdict,
        reason=judgement.reason,
        facts=replace(facts, measured=judgement.measured),
        cause=rule.cause,
        rule=rule.name,
        severity=rule.severity,
        holds=judgement.holds,
    )


def judge(report: WindowReport, rule: Rule) -> Judgement:
    """What a report says of a rule of one of the causes in `JUDGES`."""
    return JUDGES[rule.cause](report, rule)


def _drift(report: WindowReport, _rule: Rule) -> Judgement:
    return Judgement(verdict=report.verdict, reason=report.reason)


def _data_quality(report: WindowReport, rule: Rule) -> Judgement:
    """Drift that looks like broken data, or a fault whose share grew by more than the limit."""
    explained = report.explanation
    if report.verdict is Verdict.DRIFT and explained and explained.shift is Shift.DATA_QUALITY:
        return Judgement(verdict=Verdict.DRIFT, reason=Finding.BROKEN, because=explained.because)
    if report.n_rows < rule.minimum_rows:
        return UNDECIDED
    issues = report.quality.issues if report.quality else ()
    worst = max(filter(_is_break, issues), key=_grown, default=None)
    if worst is None:
        return Judgement(verdict=Verdict.QUIET, reason=Finding.SOUND)
    found = against(_grown(worst), rule, statistic=worst.fault.value, column=worst.column)
    return replace(found, because=_said_of(worst)) if found.verdict is Verdict.DRIFT else found


_NO_BREAKS = frozenset({Fault.DUPLICATE_IDS, Fault.OUT_OF_RANGE, Fault.CONSTANT})
"""Ids come twice when a client tries again, numbers leave their range when the world has moved, and
a day's weather is one value: that is counted, and breaks nothing."""


def _is_break(issue: QualityIssue) -> bool:
    return issue.beyond and issue.fault not in _NO_BREAKS


def _grown(issue: QualityIssue) -> float:
    """By how much its share has."""
    return issue.share - issue.reference


def _said_of(issue: QualityIssue) -> str:
    where = f" in {issue.column!r}" if issue.column is not None else ""
    return f"{issue.fault.value}{where}: {issue.share:.1%} of the rows"


def _concept_drift(report: WindowReport, rule: Rule) -> Judgement:
    realised = report.realised
    if realised is None or (realised.coverage or 0.0) < FEWEST_LABELLED:
        return UNDECIDED
    return _performance(realised, rule, kind="realised")


def _estimated_performance(report: WindowReport, rule: Rule) -> Judgement:
    if report.expected is None:
        return UNDECIDED
    return _performance(report.expected, rule, kind="expected")


def _performance(told: Performance, rule: Rule, *, kind: str) -> Judgement:
    """Worse by more than the limit, relative to the reference, and not by chance."""
    value, reference = told.value, told.reference
    if value is None or reference is None or told.n < rule.minimum_rows:
        return UNDECIDED
    sign = -1.0 if told.metric in SMALLER_IS_BETTER else 1.0
    loss = sign * (reference - value) / (abs(reference) or 1.0)
    found = against(loss, rule, statistic=f"{kind} {told.metric}, relative loss")
    if found.verdict is Verdict.DRIFT and not _is_certain(told, rule, sign):
        return replace(found, verdict=Verdict.QUIET, reason=Finding.AS_GOOD)
    if found.verdict is not Verdict.DRIFT:
        return replace(found, reason=Finding.AS_GOOD if not found.holds else found.reason)
    if told.p_value is None and rule.needs_windows:
        return UNDECIDED
    because = f"{told.metric} went from {reference:.4g} to {value:.4g}"
    return replace(found, reason=Finding.WORSE, because=because)


def _is_certain(told: Performance, rule: Rule, sign: float) -> bool:
    """Whether chance gives a window as bad more seldom than the rule's rate.

    Where the reference's windows do not tell, whether the interval lies beyond the reference,
    stretched from 95 % to that rate. A metric whose interval nobody knows is taken at its word.
    """
    if told.p_value is not None:
        return told.p_value <= rule.false_alarm_rate
    if told.interval is None or told.value is None or told.reference is None:
        return True
    best = max(sign * told.interval[0], sign * told.interval[1])
    stretch = NormalDist().inv_cdf(1 - rule.false_alarm_rate) / Z_95
    value = sign * told.value
    return value + (best - value) * stretch < sign * told.reference


def _outliers(report: WindowReport, rule: Rule) -> Judgement:
    outliers: OutlierReport | None = report.outliers
    if outliers is None or outliers.n_scored < rule.minimum_rows:
        return UNDECIDED
    share = outliers.n_flagged / outliers.n_scored
    found = against(share, rule, statistic="outlier share")
    return replace(found, because=f"{share:.1%} of the rows are unlike those of the reference")


def _fairness(report: WindowReport, rule: Rule) -> Judgement:
    """A group whose difference, for certain, passes the limit and is beyond the reference's.

    There is no telling of groups with fewer rows than a window needs.
    """
    gaps = list(_gaps(report.fairness, rule))
    if not gaps:
        return UNDECIDED
    least, value, measure, group = max(gaps, key=lambda gap: gap[0])
    found = against(least, rule, statistic=measure, column=group.column)
    if found.verdict is not Verdict.DRIFT:
        return found
    who = f"{group.column} {group.group!r}"
    told = f"{measure.replace('_', ' ')} of {who}: {group.reference.get(measure, 0.0):.3g}"
    return replace(found, reason=Finding.UNFAIR, because=f"{told} → {value:.3g}")


def _gaps(
    groups: Iterable[GroupReport], rule: Rule
) -> Iterator[tuple[float, float, str, GroupReport]]:
    """Of every group and difference: how far it is from alike at the least, and what it is."""
    for group in groups:
        for measure in _DIFFERENCES:
            if group.n < rule.minimum_rows or measure not in group.intervals:
                continue
            low, high = group.intervals[measure]
            value = group.values[measure]
            is_worse = abs(value) > abs(group.reference.get(measure, 0.0))
            yield (max(low, -high, 0.0) if is_worse else 0.0), value, measure, group


def _errors(report: WindowReport, rule: Rule) -> Judgement:
    """More requests than the limit allows were answered with errors, for certain."""
    served = report.serving
    if served is None:
        return UNDECIDED
    if served.n_requests < rule.minimum_rows:
        return TOO_FEW_REQUESTS
    found = against(served.error_interval[0], rule, statistic="error share, at least")
    told = f"{served.error_share:.1%} of {served.n_requests} requests"
    return replace(found, because=f"{told} were answered with errors{_refused(served)}")


def _refused(served: ServingReport) -> str:
    return f", {served.n_refused} of them with a 4xx" if served.n_refused else ""


def _latency(report: WindowReport, rule: Rule) -> Judgement:
    """More than one answer in twenty took longer than the limit, for certain."""
    served = report.serving
    if served is None:
        return UNDECIDED
    if served.n_requests - served.n_refused - served.n_failed < rule.minimum_rows:
        return TOO_FEW_REQUESTS
    low = served.latency_intervals_s[SLOWEST][0]
    found = against(low, rule, statistic="latency of 95 % of the answers, seconds, at least")
    return replace(found, because=f"95 % of the answers took {served.latencies_s[SLOWEST]:.3g} s")


def against(value: float, rule: Rule, *, statistic: str, column: str | None = None) -> Judgement:
    """A value beside the rule's limit, above which it is bad."""
    limit = rule.above
    assert limit is not None  # the causes that are judged by one have one
    until = limit if rule.until is None else min(rule.until, limit)
    measured = Measured(statistic=statistic, column=column, value=value, limit=limit)
    if value > limit:
        return Judgement(verdict=Verdict.DRIFT, reason=Finding.ABOVE, measured=measured)
    holds = value > until
    reason = Finding.BETWEEN if holds else Finding.WITHIN
    return Judgement(verdict=Verdict.QUIET, reason=reason, holds=holds, measured=measured)


JUDGES: Mapping[Cause, Callable[[WindowReport, Rule], Judgement]] = {
    Cause.DRIFT: _drift,
    Cause.CONCEPT_DRIFT: _concept_drift,
    Cause.ESTIMATED_PERFORMANCE: _estimated_performance,
    Cause.OUTLIERS: _outliers,
    Cause.DATA_QUALITY: _data_quality,
    Cause.FAIRNESS: _fairness,
    Cause.ERRORS: _errors,
    Cause.LATENCY: _latency,
}

OF_REQUESTS = frozenset({Cause.ERRORS, Cause.LATENCY})
"""Causes that lie in how the model served, whatever its rows say."""

NEED_LABELS = frozenset({Cause.CONCEPT_DRIFT, Cause.FAIRNESS})
"""Causes that a window may say more of when its labels have come."""
