"""Notifications: what is sent when an alert changes, as CloudEvents 1.0 in JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol, Self

import orjson

from alerts.delivery import Outcome
from alerts.facts import clipped
from alerts.state import Alert, Cause, State, Transition, Window, deterministic_id

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MAX_BODY_BYTES = 20_000
"""What Standard Webhooks advises to stay under."""

_ALERT = "driftmeter.alert."


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose alert it is.

    labels: of the monitor. revision: of the monitor's document. reference_id: what its windows
        were compared with.
    base_url: where people reach the pages, None if that is not known.
    dashboard, runbook: URLs that the monitor's document names, if it does.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int | None = None
    reference_id: str | None = None
    base_url: str | None = None
    dashboard: str | None = None
    runbook: str | None = None

    def links(self, alert: Alert) -> dict[str, str]:
        """Where people go on reading."""
        base_url = (self.base_url or "").rstrip("/")
        pages = {
            "monitor": f"{base_url}/monitors/{alert.monitor}",
            "alert": f"{base_url}/alerts/{alert.id}",
        }
        others = {"dashboard": self.dashboard, "runbook": self.runbook}
        return {
            **(pages if base_url else {}),
            **{name: url for name, url in others.items() if url},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing to tell, the same however often and to whomever it is sent.

    id: the receiver's key for telling repeats apart; it holds no ".".
    at: event time, seconds since 1970.
    """

    id: str
    type: str
    at: float
    monitor: str
    source: str
    data: Mapping[str, Any]

    @property
    def is_resolved(self) -> bool:
        """Whether it tells of an alert's end."""
        return self.type == f"{_ALERT}{State.RESOLVED}"

    def to_json(self) -> dict[str, Any]:
        """A CloudEvent: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md"""
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.monitor,
            "time": rfc3339(self.at),
            "datacontenttype": "application/json",
            "data": self.data,
        }

    @classmethod
    def from_json(cls, event: Mapping[str, Any]) -> Self:
        return cls(
            id=event["id"],
            type=event["type"],
            at=datetime.fromisoformat(event["time"]).timestamp(),
            monitor=event["subject"],
            source=event["source"],
            data=event["data"],
        )

    def body(self) -> bytes:
        return orjson.dumps(self.to_json())


class Channel(Protocol):
    """One way to tell somebody. `send` may block up to its timeout; it may be called twice
    with one notification, and must then have the effect of once."""

    def send(self, notification: Notification, /, *, now: float) -> Outcome: ...


def announce(alert: Alert, transition: Transition, origin: Origin) -> Notification | None:
    """What is said of a transition; None for those that nobody is told of.

    Pending is not told, nor is the end of what never fired.
    """
    if transition.state is State.PENDING or alert.firing_at is None:
        return None
    return notification(
        alert,
        origin,
        id=transition.id,
        type=f"{_ALERT}{transition.state}",
        at=transition.at,
    )


def notification(
    alert: Alert,
    origin: Origin,
    *,
    id: str,  # noqa: A002  CloudEvents' word
    type: str,  # noqa: A002  CloudEvents' word
    at: float,
) -> Notification:
    """A notification with all that is known of an alert, in at most `MAX_BODY_BYTES`."""
    path = f"/monitors/{alert.monitor}"
    base_url = (origin.base_url or "").rstrip("/")
    return _fitted(
        Notification(
            id=id,
            type=type,
            at=at,
            monitor=alert.monitor,
            source=base_url + path,
            data={
                "monitor": {
                    "name": alert.monitor,
                    "labels": {clipped(k): clipped(v) for k, v in origin.labels.items()},
                    "revision": origin.revision,
                },
                "owner": _clipped(origin.labels.get("owner")),
                "severity": alert.severity.value,
                "reference_id": origin.reference_id,
                "alert": _incident(alert),
                "reason": alert.reason.value,
                "ruling": alert.ruling.value,
                "window": _window(alert.window),
                **alert.facts.to_json(),
                "links": origin.links(alert),
                "replay": _replay(alert),
            },
        )
    )


def delivery_id(notification_id: str, endpoint: str) -> str:
    """The id of telling one endpoint of one notification."""
    return deterministic_id("delivery", notification_id, endpoint)


def rfc3339(at: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _incident(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "cause": alert.cause.value,
        "rule": alert.rule,
        "state": alert.state.value,
        "first_window": _window(alert.first_window),
        "started_at": rfc3339(alert.started_at),
        "firing_at": None if alert.firing_at is None else rfc3339(alert.firing_at),
        "resolved_at": None if alert.resolved_at is None else rfc3339(alert.resolved_at),
    }


def _replay(alert: Alert) -> str | None:
    """The command that computes the window again from the log; silence has none."""
    if alert.cause in (Cause.SILENCE, Cause.PIPELINE):
        return None
    window = alert.window
    span = f"--from {rfc3339(window.start)} --to {rfc3339(window.end)}"
    return f"driftmeter replay {alert.monitor} {span}"


def _clipped(text: str | None) -> str | None:
    return None if text is None else clipped(text)


def _window(window: Window) -> dict[str, object]:
    return {
        "start": rfc3339(window.start),
        "end": rfc3339(window.end),
        "seconds": window.length_s,
    }


def _fitted(full: Notification) -> Notification:
    """Leaves out columns from the weakest on, then labels, until the body is small enough."""
    fitted = full
    while len(fitted.body()) > MAX_BODY_BYTES and fitted.data["columns"]:
        data = fitted.data
        fewer = {
            "columns": data["columns"][:-1],
            "columns_omitted": data["columns_omitted"] + 1,
        }
        fitted = replace(fitted, data={**data, **fewer})
    if len(fitted.body()) > MAX_BODY_BYTES:
        monitor = {**fitted.data["monitor"], "labels": {}}
        fitted = replace(fitted, data={**fitted.data, "monitor": monitor})
    return fitted
