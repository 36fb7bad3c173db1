"""The request as it is sent: a CloudEvent, the same however often and to whomever it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerts.notification import Notification, Origin, notification, rfc3339
from alerts.state import Alert, deterministic_id

TYPE = "driftmeter.retrain.requested"

MAX_PARTITIONS = 200
"""Of a topic; offsets of more would not fit into the event, which then gives the times alone."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a topic's partition: offsets from `start` up to, and without, `end`."""

    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Where rows of a time range are in Kafka.

    stretches: they hold every row of the range, and others; None if Kafka did not say.
    """

    topic: str
    stretches: tuple[Stretch, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        known = self.stretches is not None and len(self.stretches) <= MAX_PARTITIONS
        return {
            "topic": self.topic,
            "offsets": [
                {"partition": s.partition, "from": s.start, "to": s.end}
                for s in self.stretches or ()
            ]
            if known
            else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """Where the rows are to learn from. start, end: event time, seconds since 1970.

    labels: None for a monitor that expects none. export: a URL that gives them as a file.
    """

    start: float
    end: float
    predictions: Rows
    labels: Rows | None = None
    export: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "from": rfc3339(self.start),
            "to": rfc3339(self.end),
            "predictions": self.predictions.to_json(),
            "labels": self.labels.to_json() if self.labels else None,
            "export": self.export,
        }


def request_id(alert: Alert) -> str:
    """The id of the request that an incident makes: the same for every window and every retry."""
    return deterministic_id("retrain", alert.id)


def request(
    alert: Alert, origin: Origin, *, subscription: str, model: Mapping[str, str | None]
) -> Notification:
    """The request that an alert makes. Where the training data are is added when it is sent.

    model: its `name` and `version`.
    """
    id_ = request_id(alert)
    made = notification(alert, origin, id=id_, type=TYPE, at=alert.window.end)
    base_url = (origin.base_url or "").rstrip("/")
    about = {
        "id": id_,
        "subscription": subscription,
        "cause": alert.cause.value,
        "model": dict(model),
        "training": None,
        "callback": f"{base_url}/api/v1/retrains/{id_}/callback" if base_url else None,
    }
    return replace(made, data={**made.data, "retrain": about})


def located(made: Notification, training: TrainingData) -> Notification:
    """The request with where its training data are."""
    about = {**made.data["retrain"], "training": training.to_json()}
    return replace(made, data={**made.data, "retrain": about})
