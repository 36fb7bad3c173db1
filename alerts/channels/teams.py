"""Microsoft Teams, by a workflow that starts when a webhook request is received.

The body is an Adaptive Card, https://adaptivecards.io/explorer/AdaptiveCard.html, in a message:
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
Teams knows no key for telling repeats apart: an answer that is lost makes a second message. Its
limit of 28 kB is kept because a notification has at most 20 kB, see `alerts.notification`.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from alerts.channels.message import Message
from alerts.channels.settings import Settings, word
from alerts.channels.template import Words, words
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """A channel or chat of Teams. Its URL is its secret."""

    url: str = field(repr=False)
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(url=word(settings["url_file"]), words=words(settings), egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        return self.egress.post_json(self.url, self.body(notification), now=now)

    def body(self, notification: Notification) -> dict[str, Any]:
        color = "good" if notification.is_resolved else "attention"
        return _message(_card(self.words(notification), color))


def _message(card: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": card,
            }
        ],
    }


def _card(message: Message, color: str) -> dict[str, Any]:
    title = _text(message.title, size="medium", weight="bolder", color=color)
    link = {"type": "Action.OpenUrl", "title": "Open the monitor", "url": message.link}
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *map(_text, message.lines)],
        "actions": [link] if message.link else [],
    }


def _text(text: str, **style: str) -> dict[str, Any]:
    # A run shows its text as it is, whereas a TextBlock would read Markdown in it.
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
