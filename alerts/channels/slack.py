"""Slack, by an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

Slack knows no key for telling repeats apart: an answer that is lost makes a second message.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from alerts.channels.message import Message, clipped_to
from alerts.channels.settings import Settings, word
from alerts.channels.template import Words, words
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import Notification

MAX_HEADER, MAX_TEXT = 150, 3000
"""Characters of a header's and of a section's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """A channel of a Slack workspace. Its URL is its secret."""

    url: str = field(repr=False)
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(url=word(settings["url_file"]), words=words(settings), egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        return self.egress.post_json(self.url, body(self.words(notification)), now=now)


def body(message: Message) -> dict[str, Any]:
    lines = clipped_to("\n".join(message.lines), MAX_TEXT)
    link = {"type": "mrkdwn", "text": f"<{message.link}|Open the monitor>"}
    return {
        # What is shown where blocks are not, such as in a phone's notification.
        "text": _escaped(message.title),
        "blocks": [
            {"type": "header", "text": _plain(clipped_to(message.title, MAX_HEADER))},
            {"type": "section", "text": _plain(lines)},
            *([{"type": "section", "text": link}] if message.link else []),
        ],
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Slack's three control characters, so that no name of a column can mention everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
