"""Windows judged one after the other, by the monitor's own budget and by others beside it."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from alerts import state
from alerts.facts import Facts
from alerts.state import Alert, Observation, Policy, State, Window
from detectors.decision import Decision
from detectors.report import Verdict
from monitor.backtest.counting import Panes
from monitor.detect import rules
from monitor.detect.cutting import kind_of
from monitor.detect.ending import Bounds, ended
from monitor.detect.judging import Judge, WrittenReport
from monitor.detect.state import Series
from monitor.spec.detection import Budget
from monitor.spec.model import Spec


@dataclass(frozen=True, slots=True)
class Judged:
    """A window: what the monitor reports of it, and the decisions with each of the budgets."""

    written: WrittenReport
    decisions: Sequence[Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a budget would have done with the windows of one length.

    n_drift: windows that drift. alarms: when alerts fired, seconds since 1970.
    false_alarms: those before the injected drift; None where nothing was injected.
    found_at: the end of the first drifting window with the injected drift in it whose alert was
        firing; None where there is none.
    """

    budget: Budget
    n_drift: int
    alarms: tuple[float, ...]
    false_alarms: int | None = None
    found_at: float | None = None


def with_budget(spec: Spec, budget: Budget) -> Spec:
    """The same monitor with another promise."""
    detection = spec.detection.model_copy(update={"false_alarms": budget})
    return spec.model_copy(update={"detection": detection})


def windows_of(judge: Judge, series: Series, spec: Spec, panes: Panes) -> list[Bounds]:
    """The windows of a series that hold a row, in order."""
    kind = kind_of(series, spec)
    return ended(panes, series, kind, since=None, until=math.inf, n_rows=judge.n_rows)


def judged(
    judge: Judge,
    series: Series,
    spec: Spec,
    budgets: Sequence[Budget],
    panes: Panes,
    windows: Iterable[Bounds],
) -> Iterator[Judged]:
    """The windows of a series in order, each decided with the evidence of those before it.

    A window is decided without its labels, for they come later; its report has them.
    budgets: to decide by, the monitor's own first.
    """
    specs = [with_budget(spec, budget) for budget in budgets]
    evidence: list[bytes | None] = [None] * len(specs)
    ordered = sorted(panes.rows)
    for start, end in windows:
        here = ordered[bisect_left(ordered, start) : bisect_left(ordered, end)]
        rows = [profile for pane in here for profile in panes.rows[pane]]
        labels = [profile for pane in here for profile in panes.labels.get(pane, ())]
        profile = judge.total(series, rows)
        decisions = []
        for i, one in enumerate(specs):
            evidence[i], decision = judge.step(series, one, evidence[i], profile)
            decisions.append(decision)
        full = judge.total(series, [*rows, *labels]) if labels else profile
        report = judge.report(series, spec, full, decisions[0])
        segments = judge.segments(series, spec, panes.of_segments(here))
        written = WrittenReport(
            series=series,
            start=start,
            revision=1,
            monitor_revision=1,
            decision=decisions[0],
            report=replace(report, segments=segments),
            over_at=end,
        )
        yield Judged(written, decisions)


def outcomes(
    windows: Sequence[Judged], budgets: Sequence[Budget], spec: Spec, *, since: float | None
) -> list[Outcome]:
    """What each of the budgets would have done; `since`: the start of the injected drift."""
    kind = kind_of(windows[0].written.series, spec) if windows else None
    policy = rules.policy(spec.alerts, spec.alerts.causes.get("drift"), kind=kind)
    return [_outcome(windows, i, budget, policy, since) for i, budget in enumerate(budgets)]


def allowed(budget: Budget, span_s: float) -> int:
    """False alarms that a budget allows in so long a time, a part of one counting as one."""
    return ceil(budget.alarms * span_s / budget.period)


def _outcome(
    windows: Sequence[Judged], i: int, budget: Budget, policy: Policy, since: float | None
) -> Outcome:
    alert: Alert | None = None
    alarms: list[float] = []
    found_at = None
    for one in windows:
        decision, end = one.decisions[i], one.written.end
        step = state.step(alert, _observation(one.written, decision), policy)
        alert = step.alert
        alarms += [t.at for t in step.transitions if t.state is State.FIRING]
        is_told = alert is not None and alert.state is State.FIRING
        if found_at is None and since is not None and end > since:
            found_at = end if is_told and decision.verdict is Verdict.DRIFT else None
    return Outcome(
        budget=budget,
        n_drift=sum(one.decisions[i].verdict is Verdict.DRIFT for one in windows),
        alarms=tuple(alarms),
        false_alarms=None if since is None else sum(at <= since for at in alarms),
        found_at=found_at,
    )


def _observation(written: WrittenReport, decision: Decision) -> Observation:
    return Observation(
        monitor=written.series.monitor,
        window=Window(start=written.start, end=written.end),
        verdict=decision.verdict,
        reason=decision.reason,
        facts=Facts(
            n_rows=written.report.n_rows,
            evidence=decision.evidence,
            threshold=decision.threshold,
        ),
    )
