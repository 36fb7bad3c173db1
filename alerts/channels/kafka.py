"""A topic of Kafka, told by the CloudEvent that webhooks are sent: the binding's structured mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md

What is told of one alert has its id as the key, and stays in order. A repeat has the same `id`.
"""

from dataclasses import dataclass, field
from typing import Self

from alerts.channels.settings import Settings
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.log import Record, UnwritableError
from alerts.notification import CONTENT_TYPE, Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """A topic of the cluster that Driftmeter itself uses."""

    topic: str
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        return cls(topic=settings["topic"], egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:  # noqa: ARG002  others'
        if self.egress.log is None:
            return Outcome(result=Result.FAILED, detail="this process has no Kafka")
        try:
            self.egress.log.write(self._record(notification), timeout_s=self.egress.timeout_s)
        except UnwritableError as error:
            # A topic may yet be made, and rights to it be given: no fault is for good.
            return Outcome(result=Result.RETRY, detail=str(error))
        return Outcome(result=Result.DELIVERED, detail="acknowledged")

    def _record(self, notification: Notification) -> Record:
        return Record(
            topic=self.topic,
            key=str(notification.data["alert"]["id"]).encode(),
            value=notification.body(),
            headers=(("content-type", CONTENT_TYPE.encode()),),
        )
