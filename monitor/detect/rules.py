"""What a monitor's document says of when its alerts begin and end."""

from dataclasses import dataclass

from alerts.causes import JUDGES, NEED_LABELS, Judgement, Rule, judge
from alerts.state import Cause, Policy, Severity
from alerts.thresholds import Threshold
from alerts.thresholds import judge as judge_threshold
from detectors.decision.performance import UsualPerformance
from detectors.report import WindowReport
from monitor.detect.cutting import at_least_s
from monitor.spec import alerting
from monitor.spec.alerting import Alerts, CauseRule, Patience
from monitor.spec.model import Monitor, Spec
from monitor.spec.windows import Window

HIGHEST_FALSE_ALARM_RATE = 0.05
"""Of one window, however generous the budget is."""


@dataclass(frozen=True, slots=True)
class Default:
    """severity, above: of a cause whose document says neither. is_on: without being named."""

    severity: Severity = Severity.WARNING
    above: float | None = None
    is_on: bool = False


DEFAULTS = {
    Cause.DRIFT: Default(is_on=True),
    Cause.DATA_QUALITY: Default(above=0.1, is_on=True),
    Cause.CONCEPT_DRIFT: Default(Severity.CRITICAL, above=0.1, is_on=True),
    Cause.ESTIMATED_PERFORMANCE: Default(above=0.1, is_on=True),
    Cause.OUTLIERS: Default(above=0.05),
    Cause.FAIRNESS: Default(above=0.1),
    Cause.ERRORS: Default(above=0.05, is_on=True),
    Cause.LATENCY: Default(),
    Cause.SILENCE: Default(Severity.CRITICAL),
}
"""On by themselves are those whose false alarms the budget bounds, and what is broken beyond the
reference or answered with errors. Performance is so where the reference's own windows tell how much
it moves: elsewhere its intervals know how rows differ, and not how days do, and somebody has to ask
for it."""

PERFORMANCE = (Cause.CONCEPT_DRIFT, Cause.ESTIMATED_PERFORMANCE)

PERFORMANCE_SHARE = 0.05
"""Of the budget of false alarms, for each cause about performance; the rest is drift's. A model
that is worse is so by many standard deviations, and drift is what is seen first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a monitor's windows are asked: a cause, or a threshold."""

    rule: Rule
    threshold: Threshold | None = None

    @property
    def key(self) -> tuple[Cause, str]:
        return self.rule.cause, self.rule.name

    @property
    def needs_labels(self) -> bool:
        if self.threshold is not None:
            return self.threshold.needs_labels
        return self.rule.cause in NEED_LABELS

    def judge(self, report: WindowReport) -> Judgement:
        if self.threshold is not None:
            return judge_threshold(report, self.threshold)
        return judge(report, self.rule)


def asked(monitor: Monitor, kind: Window) -> list[Asked]:
    """What is asked of every window of a kind; silence is no matter of windows."""
    rules = [_rule(monitor, cause, kind) for cause in JUDGES]
    thresholds = [_threshold(monitor, one, kind) for one in monitor.spec.alerts.thresholds]
    return [
        *(Asked(rule) for rule in rules if rule is not None),
        *(Asked(one.rule, one) for one in thresholds),
    ]


def silence(monitor: Monitor) -> Rule | None:
    """When a monitor whose predictions stay away alerts; its policy's `for_s` is how long."""
    if monitor.spec.paused:
        return None
    return _rule(monitor, Cause.SILENCE, monitor.spec.windows[0])


def policy(alerts: Alerts, own: Patience | None = None, *, kind: Window | None = None) -> Policy:
    """How patient alerts are about windows of a kind; what a cause says itself comes first."""
    given = own or Patience()
    windows = given.windows or alerts.windows
    said = alerts.keep_firing_for if given.keep_firing_for is None else given.keep_firing_for
    return Policy(
        for_s=alerts.for_ if given.for_ is None else given.for_,
        keep_firing_s=_overlapping_s(kind) if said is None else said,
        enough=windows.enough,
        of=windows.of,
    )


def _overlapping_s(kind: Window | None) -> float:
    """For how long after a window others hold rows of it: until then a quiet one among them is no
    end, for the next may be bad again with the same rows."""
    if kind is None or kind.length is None or kind.every is None:
        return 0.0
    return kind.length


def drift_share(alerts: Alerts, usual: UsualPerformance) -> float:
    """Of the budget of false alarms: what causes about performance do not use, that decide."""
    is_learned = (usual.realised is not None, usual.expected is not None)
    deciding = [
        is_on(alerts, cause) and (learned or _said(alerts, cause) is not None)
        for cause, learned in zip(PERFORMANCE, is_learned, strict=True)
    ]
    return 1 - PERFORMANCE_SHARE * sum(deciding)


def is_on(alerts: Alerts, cause: Cause) -> bool:
    said = _said(alerts, cause)
    return DEFAULTS[cause].is_on if said is None else said.enabled


def _rule(monitor: Monitor, cause: Cause, kind: Window) -> Rule | None:
    spec, default = monitor.spec, DEFAULTS[cause]
    if not is_on(spec.alerts, cause):
        return None
    said = _said(spec.alerts, cause)
    own = said or CauseRule()
    return Rule(
        cause=cause,
        severity=_severity(monitor, own, default.severity),
        policy=policy(spec.alerts, own, kind=kind),
        above=default.above if own.above is None else own.above,
        until=own.until,
        minimum_rows=spec.detection.minimum_rows,
        false_alarm_rate=_false_alarm_rate(spec, kind),
        needs_windows=said is None,
    )


def _said(alerts: Alerts, cause: Cause) -> CauseRule | None:
    return {str(name): rule for name, rule in alerts.causes.items()}.get(cause.value)


def _threshold(monitor: Monitor, said: alerting.Threshold, kind: Window) -> Threshold:
    return Threshold(
        name=said.name,
        statistic=said.statistic,
        column=said.column,
        above=said.above,
        below=said.below,
        until=said.until,
        severity=_severity(monitor, said, Severity.WARNING),
        policy=policy(monitor.spec.alerts, said, kind=kind),
        minimum_rows=1 if said.statistic == "n_rows" else monitor.spec.detection.minimum_rows,
    )


def _severity(monitor: Monitor, own: Patience, default: Severity) -> Severity:
    label = monitor.metadata.labels.get("severity", "")
    if own.severity is not None:
        return Severity(own.severity)
    return Severity(label) if label in set(Severity) else default


def _false_alarm_rate(spec: Spec, kind: Window) -> float:
    """Of one window, by which the share of the budget is used up that performance has."""
    budget = spec.detection.false_alarms
    n_series = len(spec.windows) * len(kind.phases_s)
    rate = PERFORMANCE_SHARE * budget.alarms / n_series * at_least_s(kind) / budget.period
    return min(rate, HIGHEST_FALSE_ALARM_RATE)
