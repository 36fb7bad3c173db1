"""Prometheus Alertmanager, by its API v2.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml

Every replica is an endpoint of its own, since replicas do not tell each other of alerts. An alert
is its labels: sent again it is the same one, and with a past `endsAt` it is resolved. It forgets
alerts when it restarts, so that what stands is sent again and again, as Prometheus does.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from alerts.channels.message import Message
from alerts.channels.settings import Settings
from alerts.channels.template import Words, words
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import Notification, rfc3339
from alerts.words import Severity

REPEAT_S = 60.0
EXPIRY_S = 4 * REPEAT_S
"""How long a firing alert stands if it is not sent again, as long as Prometheus lets it: one lost
repeat, or a restart of ours, does not end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """One replica of an Alertmanager."""

    url: str
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(url=settings["url"], words=words(settings), egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        body = [alert(notification, now=now, words=self.words)]
        return self.egress.post_json(f"{self.url.rstrip('/')}/api/v2/alerts", body, now=now)


def alert(notification: Notification, *, now: float, words: Words = Message.of) -> dict[str, Any]:
    """An alert of the API. Times of events may lie ahead of the clock; those sent never do."""
    incident = notification.data["alert"]
    message = words(notification)
    starts_at = min(_seconds(incident["firing_at"]), now)
    ends_at = min(notification.at, now) if notification.is_resolved else now + EXPIRY_S
    links = {"generatorURL": message.link} if message.link else {}
    return {
        "labels": _labels(notification),
        "annotations": {
            "summary": message.title,
            "description": message.text(),
            "alert_id": incident["id"],
        },
        "startsAt": rfc3339(starts_at),
        "endsAt": rfc3339(max(ends_at, starts_at)),
        **links,
    }


def _labels(notification: Notification) -> dict[str, str]:
    """What an alert is known by; the monitor's labels add to it.

    A label `severity` that is none of ours is a house's own word, and stands.
    """
    data = notification.data
    incident = data["alert"]
    theirs = {_name(k): v for k, v in data["monitor"]["labels"].items() if v}
    if theirs.get("severity") in set(Severity):
        del theirs["severity"]
    named = "".join(word.capitalize() for word in incident["cause"].split())
    return {
        "severity": data["severity"],
        **theirs,
        "alertname": f"Driftmeter{named}",
        "monitor": notification.monitor,
        "window": f"{incident['first_window']['seconds']:.0f}s",
        **({"rule": incident["rule"]} if incident["rule"] else {}),
    }


def _name(label: str) -> str:
    """A label's name as Prometheus takes it: [a-zA-Z_][a-zA-Z0-9_]*."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", label) or "_"
    return f"_{name}" if name[0].isdigit() else name


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
