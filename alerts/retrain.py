"""Asking for a retrain: once an incident, and not more often than the cooldown allows."""

from alerts.notification import Notification, Origin, notification
from alerts.state import Alert, State, deterministic_id

TYPE = "driftmeter.retrain.requested"


def request(
    alert: Alert, origin: Origin, *, cooldown_s: float, last_requested_at: float | None
) -> Notification | None:
    """The request that a firing alert makes; None while it is not firing or in the cooldown.

    Its id is a function of the incident alone: asked again in a later window of the same
    incident it is the same request, which is sent once.
    last_requested_at: event time of the monitor's latest request, None if there was none.
    """
    if alert.state is not State.FIRING:
        return None
    at = alert.window.end
    if last_requested_at is not None and at - last_requested_at < cooldown_s:
        return None
    return notification(alert, origin, id=deterministic_id("retrain", alert.id), type=TYPE, at=at)
