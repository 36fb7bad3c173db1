"""Any HTTP endpoint, told by a CloudEvent that is signed by Standard Webhooks."""

from dataclasses import dataclass, field
from typing import Self

from alerts.channels.settings import Settings, lines
from alerts.delivery import Outcome
from alerts.egress import Egress
from alerts.notification import CONTENT_TYPE, Notification
from alerts.webhooks import check_secret, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An HTTP endpoint that is told. Raises SecretError for a malformed secret."""

    url: str
    secret: str = field(repr=False)
    egress: Egress = field(default_factory=Egress)

    def __post_init__(self) -> None:
        check_secret(self.secret)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(url=settings["url"], secret=lines(settings["secret_file"]), egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        body = notification.body()
        headers = {"content-type": CONTENT_TYPE, **sign(self.secret, notification.id, now, body)}
        return self.egress.post(self.url, body, headers, now=now)
