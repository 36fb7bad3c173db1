"""The alert about a retrain that never answered, which is over when it answers after all."""

from dataclasses import replace

from sqlalchemy import Connection, select

from alerts.facts import Facts
from alerts.state import Alert, Step, Transition, Window, deterministic_id
from alerts.words import Cause, Finding, Ruling, Severity, State
from monitor.retraining.records import Record
from monitor.sql import alerts, tables

RULE = "retrain"
"""What tells this alert from others about our own trouble."""
NO_WINDOWS_S = 0.0
"""It is about no windows: nothing that a later window says ends it."""


def raise_alert(connection: Connection, record: Record, *, now: float) -> None:
    """Begins the alert that nobody has said what became of a retrain; `now` is our clock."""
    window = Window(start=record.sent_at, end=now)
    because = f"{record.id} was asked for, and nobody has said what became of it"
    alert = Alert(
        id=_alert_id(record.id),
        monitor=record.monitor,
        cause=Cause.PIPELINE,
        rule=RULE,
        severity=Severity.WARNING,
        state=State.FIRING,
        first_window=window,
        window=window,
        updated_at=now,
        firing_at=now,
        reason=Finding.NO_ANSWER,
        facts=Facts(n_rows=0, evidence=None, threshold=None, because=because),
    )
    _write(connection, alert, Ruling.FIRED, now)


def end_alert(connection: Connection, retrain_id: str, *, now: float) -> None:
    """Ends the alert about a retrain, if there is one that goes on."""
    t = tables.alerts
    body = connection.scalar(select(t.c.body).where(t.c.id == _alert_id(retrain_id)))
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


def _alert_id(retrain_id: str) -> str:
    return deterministic_id("alert", "retrain", retrain_id)
