"""From reports to alerts: what every window makes of them, and whether predictions come at all.

The ids of alerts follow from the windows, so doing it again changes nothing. Who is told of them is
decided by `monitor.detect.telling`, in the same transaction.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from alerts import causes, state, telling
from alerts.facts import Facts
from alerts.notification import Origin
from alerts.rollout import WINDOWS_BACK, rollout
from alerts.state import Alert, Cause, Observation, Step, Window
from alerts.words import Finding, Ruling, Telling
from detectors.report import Verdict
from monitor.detect import rules
from monitor.detect.clock import Mark
from monitor.detect.cutting import kind_of
from monitor.detect.judging import WrittenReport
from monitor.detect.rules import Asked
from monitor.kafka.messages import Registration
from monitor.retraining import asking, trouble
from monitor.spec.durations import format_duration
from monitor.sql import alerts, tables

_NOTHING_NEW = frozenset({Ruling.QUIET, Ruling.UNDECIDED, Ruling.SEEN})
_AT_ONCE = state.Policy()

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about one cause of a monitor, and why it was so decided.

    alert: as it is now, None if there is none. moved: whether it came into another state.
    """

    cause: Cause
    reason: Ruling | Telling
    alert: Alert | None = None
    moved: bool = False


def observe(
    connection: Connection,
    written: WrittenReport,
    registration: Registration,
    *,
    now: float,
    base_url: str | None,
    revised: bool = False,
) -> list[Decided]:
    """Takes a window into account: one that has just closed, by all that is asked of it; of one
    that was revised, by what its labels say."""
    monitor, series = registration.monitor, written.series
    if monitor.spec.paused:
        return []
    known = alerts.latest(connection, monitor.name, series.window_s)
    probable_cause = _rollout(connection, written)
    steps = [
        (one, _step(written, one, known.get(one.key), probable_cause))
        for one in rules.asked(monitor, kind_of(series, monitor.spec))
        if one.needs_labels or not revised
    ]
    moved = [step for _, step in steps if step.ruling not in _NOTHING_NEW]
    alerts.write(connection, moved, series.window_s)
    known |= {(step.alert.cause, step.alert.rule): step.alert for step in moved if step.alert}
    origin = origin_of(registration, series.reference_id, base_url)
    for step in moved:
        if step.alert and not telling.explained(step.alert, known.values()):
            # Of broken data nothing is to be learned: what they explain asks for no retrain.
            asking.consider(
                connection,
                step.alert,
                monitor,
                origin,
                now=now,
                revision=written.monitor_revision,
                model_version=_most_used_version(written),
            )
    return [_decided(one.rule.cause, step) for one, step in steps]


def _most_used_version(written: WrittenReport) -> str | None:
    """None where predictions do not say which version made them."""
    return next((one.version or None for one in written.report.versions), None)


def withdraw(
    connection: Connection, registrations: Mapping[str, Registration], *, now: float
) -> list[Decided]:
    """Ends the open alerts that nothing can end any more: their monitor, the length of their
    windows or their rule is gone."""
    decided = []
    for window_s, alert in alerts.open_ones(connection):
        registration = registrations.get(alert.monitor)
        if registration is None or not _is_asked(registration, alert, window_s):
            step = state.withdrawn(alert, now=now)
            alerts.write(connection, [step], window_s)
            trouble.incident_over(connection, alert, now=now)
            decided.append(_decided(alert.cause, step))
    return decided


def _is_asked(registration: Registration, alert: Alert, window_s: float) -> bool:
    """Whether something can end it: trouble of our own is ended by who raised it, and a monitor
    that is paused goes on some day."""
    monitor = registration.monitor
    if alert.cause is Cause.PIPELINE or monitor.spec.paused:
        return True
    if alert.cause is Cause.SILENCE:
        silence = rules.silence(monitor)
        return silence is not None and silence.policy.for_s == window_s
    return any(
        (kind.length or 0.0) == window_s and (alert.cause, alert.rule) == one.key
        for kind in monitor.spec.windows
        for one in rules.asked(monitor, kind)
    )


def listen(
    connection: Connection,
    registrations: Mapping[str, Registration],
    marks: Mapping[str, Iterable[Mark]],
    *,
    now: float,
    started_at: float,
) -> list[Decided]:
    """Whether predictions come, of monitors that ask; the time of this cause is our clock's.

    marks: of every monitor's partitions. started_at: when we began to listen; what was not heard
    before is not held against anybody.
    """
    rule_of = {
        name: rules.silence(one.monitor)
        for name, one in registrations.items()
        if not one.monitor.spec.paused
    }
    if not any(rule_of.values()):
        return []
    known = alerts.open_silences(connection)
    decided = []
    for name, rule in rule_of.items():
        heard = max((mark.seen_at for mark in marks.get(name, ())), default=0.0)
        since = max(heard, started_at)
        if rule and (now - since >= rule.policy.for_s or name in known):
            observation = _silence(name, rule, since=since, heard=heard, now=now)
            step = state.step(known.get(name), observation, _AT_ONCE)
            alerts.write(connection, [step], rule.policy.for_s)
            decided.append(_decided(Cause.SILENCE, step))
    return decided


def _silence(
    monitor: str, rule: causes.Rule, *, since: float, heard: float, now: float
) -> Observation:
    """A window without a row, as long as the silence that alerts; or the moment it was broken."""
    for_s = rule.policy.for_s
    is_silent = now - since >= for_s
    because = f"no predictions for {format_duration(for_s)}"
    return Observation(
        monitor=monitor,
        window=Window(start=since, end=since + for_s)
        if is_silent
        else Window(start=heard, end=heard),
        verdict=Verdict.DRIFT if is_silent else Verdict.QUIET,
        reason=Finding.NO_PREDICTIONS if is_silent else Finding.PREDICTIONS,
        facts=Facts(n_rows=0, evidence=None, threshold=None, because=because),
        cause=Cause.SILENCE,
        severity=rule.severity,
    )


def origin_of(registration: Registration, reference_id: str | None, base_url: str | None) -> Origin:
    """Whose alert it is, for those who are told."""
    alerting = registration.monitor.spec.alerts
    return Origin(
        labels=registration.monitor.metadata.labels,
        revision=registration.revision,
        reference_id=reference_id,
        base_url=base_url,
        dashboard=alerting.dashboard,
        runbook=alerting.runbook,
    )


def _step(
    written: WrittenReport, asked: Asked, known: Alert | None, probable_cause: str | None
) -> Step:
    """probable_cause: what to say of it if an alert begins."""
    seen = causes.observe(
        written.report,
        asked.rule,
        asked.judge(written.report),
        monitor=written.series.monitor,
        window=Window(start=written.start, end=written.end),
    )
    if known is None or not known.is_open:
        seen = replace(seen, facts=replace(seen.facts, probable_cause=probable_cause))
    return state.step(known, seen, asked.rule.policy)


def _rollout(connection: Connection, written: WrittenReport) -> str | None:
    """What to say of a model that was rolled out shortly before a window."""
    if not written.report.versions:
        return None
    t, series = tables.reports, written.series
    before = (
        select(t.c.body["versions"])
        .where(
            t.c.monitor == series.monitor,
            t.c.window_s == series.window_s,
            t.c.window_start < written.start,
        )
        .order_by(t.c.window_start.desc())
        .limit(WINDOWS_BACK + 1)
    )
    versions = [[one["version"] for one in row or ()] for row in connection.scalars(before)]
    return rollout(written.report.versions, versions)


def _decided(cause: Cause, step: Step) -> Decided:
    if step.alert is not None and step.ruling not in _NOTHING_NEW:
        _logger.info(
            "alert %s: %s of %s is %s (%s; %s)",
            step.alert.id,
            cause,
            step.alert.monitor,
            step.alert.state,
            step.ruling,
            step.alert.reason,
        )
    return Decided(cause, step.ruling, step.alert, moved=bool(step.transitions))
