"""Alerts about retrains of which nothing comes: one that failed, and one that never answered.

Each is over with the next news of the retrain; that it failed, also with the incident it was for.
"""

from dataclasses import replace

from sqlalchemy import Connection, select

from alerts.facts import Facts
from alerts.retraining import event
from alerts.retraining.lifecycle import RetrainState
from alerts.state import Alert, Step, Transition, Window, deterministic_id
from alerts.words import Cause, Finding, Ruling, Severity, State
from monitor.retraining.records import Record
from monitor.sql import alerts, tables

RULE = "retrain"
"""What tells these alerts from others about our own trouble."""
NO_WINDOWS_S = 0.0
"""They are about no windows: nothing that a later window says ends them."""


def follow(
    connection: Connection,
    record: Record,
    state: RetrainState,
    *,
    now: float,
    detail: str | None = None,
) -> None:
    """What a state that a retrain has just come into means for the alerts about it; `now` is our
    clock."""
    for finding in (Finding.NO_ANSWER, Finding.FAILED):
        _end(connection, record.id, finding, now=now)
    if state is RetrainState.UNANSWERED:
        because = f"{record.id} was asked for, and nobody has said what became of it"
        _begin(connection, record, Finding.NO_ANSWER, because, now=now)
    elif state is RetrainState.FAILED:
        because = f"{record.id} failed" + (f": {detail}" if detail else "")
        _begin(connection, record, Finding.FAILED, because, now=now)


def incident_over(connection: Connection, incident: Alert, *, now: float) -> None:
    """Ends the alert that the incident's retrain failed: nothing is to be learned any more."""
    _end(connection, event.request_id(incident), Finding.FAILED, now=now)


def _begin(
    connection: Connection, record: Record, finding: Finding, because: str, *, now: float
) -> None:
    asked_at = record.created_at if record.sent_at is None else record.sent_at
    window = Window(start=asked_at, end=now)
    alert = Alert(
        id=_alert_id(record.id, finding),
        monitor=record.monitor,
        cause=Cause.PIPELINE,
        rule=RULE,
        severity=Severity.WARNING,
        state=State.FIRING,
        first_window=window,
        window=window,
        updated_at=now,
        firing_at=now,
        reason=finding,
        facts=Facts(n_rows=0, evidence=None, threshold=None, because=because),
    )
    _write(connection, alert, Ruling.FIRED, now)


def _end(connection: Connection, retrain_id: str, finding: Finding, *, now: float) -> None:
    """Ends the alert about a retrain, if there is one that goes on."""
    t = tables.alerts
    body = connection.scalar(select(t.c.body).where(t.c.id == _alert_id(retrain_id, finding)))
    if body is None:
        return
    alert = Alert.from_json(body)
    if alert.is_open:
        over = replace(
            alert, state=State.RESOLVED, ruling=Ruling.OVER, updated_at=now, resolved_at=now
        )
        _write(connection, over, Ruling.OVER, now)


def _write(connection: Connection, alert: Alert, ruling: Ruling, now: float) -> None:
    id_ = deterministic_id("transition", alert.id, alert.state)
    moved = Transition(id=id_, state=alert.state, at=now)
    alerts.write(connection, [Step(alert, ruling, (moved,))], NO_WINDOWS_S)


def _alert_id(retrain_id: str, finding: Finding) -> str:
    return deterministic_id("alert", "retrain", retrain_id, finding)
