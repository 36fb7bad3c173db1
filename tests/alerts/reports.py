"""Makers of what the alerts room is given."""

from dataclasses import replace

from alerts.facts import Facts
from alerts.state import Alert, Cause, Observation, State, Window
from detectors.columns import ColumnType, Role
from detectors.report import (
    ColumnReport,
    Distribution,
    OutlierReport,
    Performance,
    Reason,
    Summary,
    Verdict,
    WindowReport,
)

DAY = 86_400.0

FACTS = Facts(n_rows=500, evidence=120.0, threshold=90.0)

QUIET = WindowReport(
    n_rows=500,
    verdict=Verdict.QUIET,
    reason=Reason.WITHIN_REFERENCE,
    p_value=0.4,
    evidence=3.0,
    threshold=90.0,
    provisional=False,
    columns=(),
    outliers=None,
    expected=None,
    realised=None,
)


def column(
    name: str = "boarded",
    kind: ColumnType = ColumnType.FLOAT,
    *,
    reference: Summary | None = None,
    current: Summary | None = None,
    effect: float | None = 1.5,
    named: bool = True,
) -> ColumnReport:
    return ColumnReport(
        name=name,
        type=kind,
        role=Role.FEATURE,
        reference=reference or Summary(n=1000, missing=0.0, mean=14.0),
        current=current or Summary(n=500, missing=0.0, mean=2.0),
        unseen=0.0,
        statistics={},
        effect=effect,
        effect_unit="sd" if kind.is_numeric else "share",
        p_value=0.001,
        evidence_share=0.5,
        named=named,
        distribution=Distribution(bars=(), reference=(), current=()),
    )


def drifting(*columns: ColumnReport) -> WindowReport:
    return replace(
        QUIET,
        verdict=Verdict.DRIFT,
        reason=Reason.STRONG_WINDOW,
        evidence=120.0,
        columns=columns or (column(),),
        outliers=OutlierReport(n_scored=400, n_flagged=100, false_discovery_rate=0.1),
        expected=Performance(metric="mae", value=9.0, reference=4.0, n=500, others={}),
        realised=Performance(metric="mae", value=None, reference=4.0, n=0, others={}),
    )


def window(day: int) -> Window:
    """The day-th day of 1970, counted from 0."""
    return Window(start=day * DAY, end=(day + 1) * DAY)


def observation(day: int, verdict: Verdict = Verdict.DRIFT) -> Observation:
    return Observation(
        monitor="free-seats",
        window=window(day),
        verdict=verdict,
        reason=Reason.STRONG_WINDOW,
        facts=FACTS,
    )


def firing(monitor: str = "free-seats", facts: Facts = FACTS) -> Alert:
    """An alert that began on day 3 and fires since day 4."""
    return Alert(
        id="alert_1",
        monitor=monitor,
        cause=Cause.DRIFT,
        state=State.FIRING,
        first_window=window(3),
        window=window(4),
        updated_at=window(4).end,
        firing_at=window(4).end,
        reason=Reason.STRONG_WINDOW,
        facts=facts,
    )
