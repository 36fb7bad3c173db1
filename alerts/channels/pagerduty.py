"""PagerDuty, by its Events API v2: https://developer.pagerduty.com/docs/send-alert-event

The alert's id is the `dedup_key`: repeats are one incident, and its end resolves it.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from alerts.channels.message import Message, clipped_to
from alerts.channels.settings import Settings, word
from alerts.channels.template import Words, words
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import Notification

MAX_SUMMARY = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """A service of PagerDuty.

    url: of the region, https://events.pagerduty.com or https://events.eu.pagerduty.com.
    severity: info, warning, error or critical.
    """

    url: str
    routing_key: str = field(repr=False)
    severity: str = "warning"
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(
            url=settings["url"],
            routing_key=word(settings["routing_key_file"]),
            severity=settings["severity"],
            words=words(settings),
            egress=egress,
        )

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        url = f"{self.url.rstrip('/')}/v2/enqueue"
        return self.egress.post_json(url, self._event(notification), now=now)

    def _event(self, notification: Notification) -> dict[str, Any]:
        key = {"routing_key": self.routing_key, "dedup_key": notification.data["alert"]["id"]}
        if notification.is_resolved:
            return {**key, "event_action": "resolve"}
        return {**key, "event_action": "trigger", **self._trigger(notification)}

    def _trigger(self, notification: Notification) -> dict[str, Any]:
        message = self.words(notification)
        links = [{"href": message.link, "text": "The monitor"}] if message.link else []
        return {
            "payload": {
                "summary": clipped_to(message.title, MAX_SUMMARY),
                "source": notification.monitor,
                "severity": self.severity,
                "timestamp": notification.data["alert"]["firing_at"],
                "class": notification.data["alert"]["cause"],
                "custom_details": {"details": message.text(), **notification.data},
            },
            "client": "Driftmeter",
            "links": links,
        }
