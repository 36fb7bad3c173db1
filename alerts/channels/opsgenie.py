"""Opsgenie and Jira Service Management, by the Alert API: https://docs.opsgenie.com/docs/alert-api

The alert's id is the `alias`: while one is open a repeat only counts up, and its end closes it.
"""

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from alerts.channels.message import Message, clipped_to
from alerts.channels.settings import Settings, word
from alerts.channels.template import Words, words
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import Notification

MAX_MESSAGE, MAX_DESCRIPTION, MAX_DETAILS = 130, 15_000, 8_000
"""Characters; of the details, all names and values together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opsgenie:
    """An integration of Opsgenie.

    url: of the region, https://api.opsgenie.com or https://api.eu.opsgenie.com.
    priority: P1 (the most urgent) to P5.
    """

    url: str
    api_key: str = field(repr=False)
    priority: str = "P3"
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(
            url=settings["url"],
            api_key=word(settings["api_key_file"]),
            priority=settings["priority"],
            words=words(settings),
            egress=egress,
        )

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        path, body = (_close if notification.is_resolved else self._create)(notification)
        headers = {"authorization": f"GenieKey {self.api_key}"}
        url = f"{self.url.rstrip('/')}/v2/alerts{path}"
        return self.egress.post_json(url, body, headers, now=now)

    def _create(self, notification: Notification) -> tuple[str, dict[str, Any]]:
        message = self.words(notification)
        return "", {
            "message": clipped_to(message.title, MAX_MESSAGE),
            "alias": notification.data["alert"]["id"],
            "description": clipped_to(message.text(), MAX_DESCRIPTION),
            "details": _details(notification),
            "entity": notification.monitor,
            "source": "Driftmeter",
            "priority": self.priority,
        }


def _close(notification: Notification) -> tuple[str, dict[str, Any]]:
    alias = quote(notification.data["alert"]["id"], safe="")
    return f"/{alias}/close?identifierType=alias", {"source": "Driftmeter"}


def _details(notification: Notification) -> dict[str, str]:
    """What the alert can be searched by: our own keys, then the labels there is room for."""
    details = {
        "monitor": notification.monitor,
        "cause": str(notification.data["alert"]["cause"]),
        "reason": str(notification.data["reason"]),
    }
    left = MAX_DETAILS - sum(len(key) + len(value) for key, value in details.items())
    for name, value in notification.data["monitor"]["labels"].items():
        left -= len(name) + len(value)
        if left >= 0:
            details.setdefault(name, value)
    return details
