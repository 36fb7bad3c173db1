"""Grafana, by annotations: https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/annotations/

An incident is one region of time on every panel that shows the tag `driftmeter`, from the moment
it fired. It is found again by its alert's id, which is a tag too; so a repeat changes nothing.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from typing import Any, Self
from urllib.parse import urlencode

import orjson

from alerts.channels.message import Message
from alerts.channels.settings import Settings, word
from alerts.channels.template import Words, words
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.notification import Notification

TAG = "driftmeter"
MAX_TAG = 100
"""Characters; what the column of Grafana's database holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana:
    """A Grafana, and there one dashboard, or all.

    token: of a service account that may write annotations.
    """

    url: str
    token: str = field(repr=False)
    dashboard_uid: str | None = None
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(
            url=settings["url"],
            token=word(settings["token_file"]),
            dashboard_uid=settings["dashboard_uid"],
            words=words(settings),
            egress=egress,
        )

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        asked = {"tags": _tag_of(notification), "type": "annotation", "limit": 1}
        outcome, answer = self._call("GET", f"?{urlencode(asked)}", None, now)
        if outcome.result is not Result.DELIVERED:
            return outcome
        annotation = self._annotation(notification)
        if (known := _id_in(answer)) is None:
            return self._call("POST", "", annotation, now)[0]
        changes = {key: annotation[key] for key in ("text", "tags", "time", "timeEnd")}
        return self._call("PATCH", f"/{known}", changes, now)[0]

    def _annotation(self, notification: Notification) -> dict[str, Any]:
        incident = notification.data["alert"]
        began = _milliseconds(incident["firing_at"])
        ended = incident["resolved_at"] if notification.is_resolved else None
        where = {"dashboardUID": self.dashboard_uid} if self.dashboard_uid else {}
        return {
            **where,
            "time": began,
            "timeEnd": began if ended is None else max(_milliseconds(ended), began),
            "tags": _tags(notification),
            "text": _text(self.words(notification)),
        }

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, now: float
    ) -> tuple[Outcome, bytes]:
        url = f"{self.url.rstrip('/')}/api/annotations{path}"
        headers = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
            "accept": "application/json",
        }
        sent = b"" if body is None else orjson.dumps(body)
        half = replace(self.egress, timeout_s=self.egress.timeout_s / 2)  # of the two calls
        return half.exchange(method, url, sent, headers, now=now)


def _tags(notification: Notification) -> list[str]:
    cause = str(notification.data["alert"]["cause"])
    known = [TAG, f"monitor:{notification.monitor}", cause, _tag_of(notification)]
    return [tag[:MAX_TAG] for tag in known]


def _tag_of(notification: Notification) -> str:
    return str(notification.data["alert"]["id"])


def _text(message: Message) -> str:
    """Annotations are shown as HTML, and names of columns may hold anything."""
    lines = [f"<b>{escape(message.title)}</b>", *map(escape, message.lines)]
    link = [f'<a href="{escape(message.link)}">Open the monitor</a>'] if message.link else []
    return "<br>".join((*lines, *link))


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _id_in(answer: bytes) -> int | None:
    """The id of the first annotation of a list; None if there is none, or it is no such list."""
    try:
        match orjson.loads(answer):
            case [{"id": int(known)}, *_]:
                return known
    except orjson.JSONDecodeError:
        pass
    return None
