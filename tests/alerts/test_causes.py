"""What reports say of causes that evidence does not decide."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from alerts.causes import JUDGES, Rule, judge, observe
from alerts.state import Cause
from alerts.words import Finding
from detectors.performance import serving as served
from detectors.report import (
    Explanation,
    Fault,
    GroupReport,
    OutlierReport,
    Performance,
    QualityIssue,
    QualityReport,
    Shift,
    Verdict,
    WindowReport,
)
from detectors.served import N_SLOTS, slot_of
from tests.alerts.reports import QUIET, drifting, window


def realised(
    value: float, half: float = 0.1, *, metric: str = "mae", coverage: float = 1.0, n: int = 500
) -> WindowReport:
    told = Performance(
        metric=metric,
        value=value,
        reference=4.0 if metric == "mae" else 0.9,
        n=n,
        others={},
        coverage=coverage,
        interval=(value - half, value + half),
    )
    return replace(QUIET, realised=told)


def rule(cause: Cause, above: float | None = 0.1, **others: float) -> Rule:
    return Rule(cause=cause, above=above, **others)  # type: ignore[arg-type]  # numbers all


CONCEPT = rule(Cause.CONCEPT_DRIFT)


@pytest.mark.parametrize(
    ("report", "verdict", "reason"),
    [
        (realised(6.0), Verdict.DRIFT, Finding.WORSE),
        (realised(4.1), Verdict.QUIET, Finding.AS_GOOD),
        (realised(2.0), Verdict.QUIET, Finding.AS_GOOD),
        (realised(6.0, half=3.0), Verdict.QUIET, Finding.AS_GOOD),
        (realised(0.5, metric="accuracy"), Verdict.DRIFT, Finding.WORSE),
        (realised(0.95, metric="accuracy"), Verdict.QUIET, Finding.AS_GOOD),
        (realised(6.0, coverage=0.3), Verdict.UNDECIDED, Finding.NOT_KNOWN),
        (realised(6.0, n=20), Verdict.UNDECIDED, Finding.NOT_KNOWN),
        (QUIET, Verdict.UNDECIDED, Finding.NOT_KNOWN),
    ],
)
def test_labels_say_whether_the_model_is_worse(
    report: WindowReport, verdict: Verdict, reason: Finding
) -> None:
    found = judge(report, CONCEPT)
    assert (found.verdict, found.reason) == (verdict, reason)


@pytest.mark.parametrize("rate", [0.2, 0.01, 1e-4])
def test_the_interval_is_as_wide_as_the_rate_of_false_alarms_asks(rate: float) -> None:
    sigma, z = 0.5, stats.norm.isf(rate)
    half = stats.norm.isf(0.025) * sigma
    watched = rule(Cause.CONCEPT_DRIFT, above=0.0, false_alarm_rate=rate)
    assert judge(realised(4.0 + 1.001 * z * sigma, half), watched).verdict is Verdict.DRIFT
    assert judge(realised(4.0 + 0.999 * z * sigma, half), watched).verdict is Verdict.QUIET


def test_where_the_references_windows_tell_their_p_value_decides() -> None:
    watched = rule(Cause.CONCEPT_DRIFT, false_alarm_rate=0.001)
    report = realised(6.0)
    assert report.realised is not None
    for p_value, verdict in ((0.0009, Verdict.DRIFT), (0.0011, Verdict.QUIET)):
        told = replace(report, realised=replace(report.realised, p_value=p_value))
        assert judge(told, watched).verdict is verdict


def test_what_nobody_asked_for_is_not_decided_by_rows_alone() -> None:
    watched = replace(CONCEPT, needs_windows=True)
    assert judge(realised(6.0), watched).verdict is Verdict.UNDECIDED
    assert judge(realised(4.1), watched).verdict is Verdict.QUIET


def test_an_estimate_is_judged_as_labels_are() -> None:
    report = drifting()
    assert judge(report, rule(Cause.ESTIMATED_PERFORMANCE)).because == "mae went from 4 to 9"
    assert judge(QUIET, rule(Cause.ESTIMATED_PERFORMANCE)).verdict is Verdict.UNDECIDED


def test_outliers_have_a_limit_and_a_way_back() -> None:
    def of(n: int) -> WindowReport:
        scored = OutlierReport(n_scored=1000, n_flagged=n, false_discovery_rate=0.1)
        return replace(QUIET, outliers=scored)

    watched = rule(Cause.OUTLIERS, above=0.2, until=0.1)
    assert judge(of(300), watched).verdict is Verdict.DRIFT
    assert judge(of(150), watched).holds
    assert not judge(of(50), watched).holds


def test_drift_that_looks_like_broken_data_is_a_break() -> None:
    explained = Explanation(shift=Shift.DATA_QUALITY, because="half are missing", movements=())
    found = judge(replace(drifting(), explanation=explained), rule(Cause.DATA_QUALITY))
    assert (found.verdict, found.reason, found.because) == (
        Verdict.DRIFT,
        Finding.BROKEN,
        "half are missing",
    )


def faulty(fault: Fault, share: float, reference: float = 0.0, *, beyond: bool = True) -> Verdict:
    issue = QualityIssue(
        fault=fault, column="age", n=1, share=share, reference=reference, beyond=beyond
    )
    quality = QualityReport(n_rows=500, issues=(issue,))
    return judge(replace(QUIET, quality=quality), rule(Cause.DATA_QUALITY)).verdict


def test_a_fault_is_a_break_where_its_share_has_grown_beyond_the_limit() -> None:
    assert faulty(Fault.MISSING, 0.4, 0.1) is Verdict.DRIFT
    assert faulty(Fault.MISSING, 0.15, 0.1) is Verdict.QUIET
    assert faulty(Fault.MISSING, 0.4, 0.1, beyond=False) is Verdict.QUIET
    assert faulty(Fault.CONSTANT, 1.0, 0.1) is Verdict.QUIET
    assert faulty(Fault.DUPLICATE_IDS, 0.9) is Verdict.QUIET
    assert faulty(Fault.OUT_OF_RANGE, 0.9) is Verdict.QUIET


def test_a_group_is_told_of_where_its_whole_interval_is_beyond() -> None:
    def of(value: float, half: float, reference: float = 0.0) -> Verdict:
        measure = "statistical_parity_difference"
        group = GroupReport(
            column="sex",
            group="f",
            n=400,
            n_positive_labels=0,
            values={measure: value},
            reference={measure: reference},
            intervals={measure: (value - half, value + half)},
            undefined={},
        )
        return judge(replace(QUIET, fairness=(group,)), rule(Cause.FAIRNESS)).verdict

    assert of(-0.3, 0.1) is Verdict.DRIFT
    assert of(0.3, 0.1) is Verdict.DRIFT
    assert of(0.15, 0.1) is Verdict.QUIET
    assert of(0.3, 0.1, reference=0.4) is Verdict.QUIET


def test_an_observation_carries_what_was_found() -> None:
    report = drifting()
    watched = rule(Cause.OUTLIERS)
    seen = observe(report, watched, judge(report, watched), monitor="m", window=window(0))
    assert (seen.cause, seen.verdict, seen.reason) == (
        Cause.OUTLIERS,
        Verdict.DRIFT,
        Finding.ABOVE,
    )
    assert seen.facts.measured is not None
    assert (seen.facts.measured.value, seen.facts.measured.limit) == (0.25, 0.1)


@pytest.mark.parametrize("cause", JUDGES)
def test_every_cause_has_something_to_say_of_an_empty_report(cause: Cause) -> None:
    assert judge(replace(QUIET, n_rows=0), rule(cause)).verdict is not Verdict.DRIFT


def serving(*, n: int, n_failed: int, slowest_s: float = 0.2) -> WindowReport:
    slots = [slot_of(200, slowest_s)] * (n - n_failed) + [slot_of(500, 0.0)] * n_failed
    return replace(QUIET, n_rows=0, serving=served(np.bincount(slots, minlength=N_SLOTS)))


@pytest.mark.parametrize(
    ("report", "verdict", "reason"),
    [
        (serving(n=10_000, n_failed=600), Verdict.DRIFT, Finding.ABOVE),
        (serving(n=100, n_failed=6), Verdict.QUIET, Finding.WITHIN),
        (serving(n=400, n_failed=400), Verdict.DRIFT, Finding.ABOVE),
        (serving(n=99, n_failed=99), Verdict.UNDECIDED, Finding.TOO_FEW_REQUESTS),
        (QUIET, Verdict.UNDECIDED, Finding.NOT_KNOWN),
    ],
)
def test_more_errors_than_the_limit_for_certain_are_a_cause(
    report: WindowReport, verdict: Verdict, reason: Finding
) -> None:
    found = judge(report, rule(Cause.ERRORS, 0.05))
    assert (found.verdict, found.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("report", "verdict", "reason"),
    [
        (serving(n=200, n_failed=0, slowest_s=0.6), Verdict.DRIFT, Finding.ABOVE),
        (serving(n=200, n_failed=0, slowest_s=0.4), Verdict.QUIET, Finding.WITHIN),
        (serving(n=200, n_failed=150, slowest_s=0.6), Verdict.UNDECIDED, Finding.TOO_FEW_REQUESTS),
        (QUIET, Verdict.UNDECIDED, Finding.NOT_KNOWN),
    ],
)
def test_answers_that_take_longer_than_the_limit_are_a_cause(
    report: WindowReport, verdict: Verdict, reason: Finding
) -> None:
    found = judge(report, rule(Cause.LATENCY, 0.5))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_between_its_limits_an_open_alert_about_errors_goes_on() -> None:
    patient = rule(Cause.ERRORS, 0.05, until=0.02)
    assert judge(serving(n=10_000, n_failed=400), patient).holds
