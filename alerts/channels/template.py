"""Words of one's own for what people are told: text with `{field}` in it, of a closed list.

A template holds no code. It is read by hand, since `str.format` would let it reach into objects.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alerts.channels.message import Message, clipped_to, one_line
from alerts.channels.settings import Settings
from alerts.notification import Notification

Words = Callable[[Notification], Message]
"""What a notification says to people."""

MAX_TITLE, MAX_TEXT = 300, 5000
"""Characters of what comes out, so that it fits every channel."""

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")


class TemplateError(ValueError):
    """A template names no field that there is, or has a brace without its other half."""


_Field = Callable[[Notification, Message], object]

FIELDS: Mapping[str, _Field] = {
    "title": lambda _, message: message.title,
    "lines": lambda _, message: "\n".join(message.lines),
    "link": lambda _, message: message.link,
    "monitor": lambda told, _: told.monitor,
    "owner": lambda told, _: told.data["owner"],
    "labels": lambda told, _: _listed(told.data["monitor"]["labels"]),
    "cause": lambda told, _: told.data["alert"]["cause"],
    "rule": lambda told, _: told.data["alert"]["rule"],
    "state": lambda told, _: told.data["alert"]["state"],
    "severity": lambda told, _: told.data["severity"],
    "reason": lambda told, _: told.data["reason"],
    "columns": lambda told, _: ", ".join(column["name"] for column in told.data["columns"]),
    "because": lambda told, _: told.data["because"],
    "probable_cause": lambda told, _: told.data["probable_cause"],
    "n_rows": lambda told, _: told.data["n_rows"],
    "window_start": lambda told, _: told.data["window"]["start"],
    "window_end": lambda told, _: told.data["window"]["end"],
    "firing_at": lambda told, _: told.data["alert"]["firing_at"],
    "resolved_at": lambda told, _: told.data["alert"]["resolved_at"],
    "alert_id": lambda told, _: told.data["alert"]["id"],
    "dashboard": lambda told, _: told.data["links"].get("dashboard"),
    "runbook": lambda told, _: told.data["links"].get("runbook"),
    "replay": lambda told, _: told.data["replay"],
}
"""What a template may name; what is not known is put in as nothing."""


@dataclass(frozen=True, slots=True)
class Template:
    """Words for a title and for the lines below it; None leaves them as they are."""

    title: str | None = None
    text: str | None = None

    def __call__(self, notification: Notification) -> Message:
        """What comes out empty is not said: there the usual words stay."""
        message = Message.of(notification)
        if "digest" in notification.data:
            return message  # fields are of one alert
        known = {name: _shown(field(notification, message)) for name, field in FIELDS.items()}
        title = one_line(filled(self.title or "", known)).strip()
        text = filled(self.text or "", known).strip()
        lines = map(one_line, clipped_to(text, MAX_TEXT).splitlines())
        return Message(
            title=clipped_to(title, MAX_TITLE) or message.title,
            lines=tuple(lines) or message.lines,
            link=message.link,
        )


def _listed(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def words(settings: Settings) -> Words:
    """What a channel's settings make of a notification."""
    template: Mapping[str, Any] | None = settings.get("template")
    return Template(**template) if template else Message.of


def check(template: str) -> None:
    """Raises TemplateError for what `filled` could not fill."""
    filled(template, dict.fromkeys(FIELDS, ""))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The text with every {field} replaced; {{ and }} are braces. What is put in is not read
    again. Raises TemplateError."""

    def put(match: re.Match[str]) -> str:
        token = match[0]
        if token in ("{{", "}}"):
            return token[0]
        name = token[1:-1]
        if token in ("{", "}"):
            raise TemplateError(f"a single {token!r}: write {token * 2!r} for a brace")
        if name not in values:
            raise TemplateError(f"there is no field {name!r}, only {', '.join(values)}")
        return values[name]

    return _TOKEN.sub(put, template)
