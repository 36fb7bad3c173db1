"""From a report to an alert's state, and to the notifications that follow, in one transaction."""

from sqlalchemy import Connection, select

from alerts import retrain, state
from alerts.notification import Notification, Origin, announce
from alerts.state import Alert, Cause, Observation, Policy, Window
from monitor.channels import Channel, Endpoint, Webhook
from monitor.detect.judging import WrittenReport
from monitor.kafka.messages import Registration
from monitor.sql import outbox, tables
from monitor.sql.database import upsert


def observe(
    connection: Connection,
    written: WrittenReport,
    registration: Registration,
    *,
    now: float,
    base_url: str | None,
) -> Alert | None:
    """Takes a newly closed window into account; returns its alert if that has changed state.

    The ids of alerts and deliveries follow from the window, so doing it again changes nothing.
    """
    spec, series = registration.monitor.spec, written.series
    window = Window(start=written.start, end=written.end)
    step = state.step(
        _latest_alert(connection, series.monitor, window.length_s),
        Observation.of(written.report, monitor=series.monitor, window=window),
        Policy(for_s=spec.alerts.for_, keep_firing_s=spec.alerts.keep_firing_for),
    )
    if step.alert is None:
        return None
    upsert(connection, tables.alerts, [_alert_row(step.alert)])
    origin = Origin(
        labels=registration.monitor.metadata.labels,
        revision=registration.revision,
        reference_id=series.reference_id,
        base_url=base_url,
    )
    announced = [announce(step.alert, transition, origin) for transition in step.transitions]
    told = _endpoints(*spec.alerts.webhooks, *spec.alerts.channels)
    outbox.put(connection, "alert", filter(None, announced), told, now=now)
    if asked := _retrain(connection, step.alert, origin, spec.retrain.cooldown):
        outbox.put(connection, "retrain", [asked], _endpoints(*spec.retrain.webhooks), now=now)
    return step.alert if step.transitions else None


def _endpoints(*told: Webhook | Channel) -> list[Endpoint]:
    return [endpoint for one in told for endpoint in one.endpoints()]


def _latest_alert(connection: Connection, monitor: str, window_s: float) -> Alert | None:
    t = tables.alerts
    query = (
        select(t.c.body)
        .where(t.c.monitor == monitor, t.c.cause == Cause.DRIFT.value, t.c.window_s == window_s)
        .order_by(t.c.started_at.desc())
        .limit(1)
    )
    body = connection.scalar(query)
    return None if body is None else Alert.from_json(body)


def _alert_row(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "monitor": alert.monitor,
        "cause": alert.cause.value,
        "window_s": alert.window.length_s,
        "state": alert.state.value,
        "started_at": alert.started_at,
        "updated_at": alert.updated_at,
        "firing_at": alert.firing_at,
        "resolved_at": alert.resolved_at,
        "body": alert.to_json(),
    }


def _retrain(
    connection: Connection, alert: Alert, origin: Origin, cooldown_s: float
) -> Notification | None:
    t = tables.outbox
    latest = connection.scalar(
        select(t.c.payload)
        .where(t.c.monitor == alert.monitor, t.c.kind == "retrain")
        .order_by(t.c.created_at.desc())
        .limit(1)
    )
    requested_at = None if latest is None else Notification.from_json(latest).at
    return retrain.request(alert, origin, cooldown_s=cooldown_s, last_requested_at=requested_at)
