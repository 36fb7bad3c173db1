"""What is written to a topic, to a log that is kept here; a real one is in tests/monitor/kafka."""

import json
from dataclasses import dataclass, field

from alerts.channels.kafka import Kafka
from alerts.delivery import Result
from alerts.egress import Egress
from alerts.log import Record, UnwritableError
from tests.alerts.channels import told


@dataclass
class Kept:
    """A log in memory; `fault` is what writing meets."""

    fault: str | None = None
    records: list[tuple[Record, float]] = field(default_factory=list)

    def write(self, record: Record, /, *, timeout_s: float) -> None:
        if self.fault:
            raise UnwritableError(self.fault)
        self.records.append((record, timeout_s))


def test_a_record_is_the_event_keyed_by_its_alert() -> None:
    log = Kept()
    channel = Kafka(topic="model-alerts", egress=Egress(log=log, timeout_s=7.0))
    assert channel.send(told.FIRING, now=0.0).result is Result.DELIVERED
    [(record, timeout_s)] = log.records
    assert json.loads(record.value) == json.loads(told.FIRING.body())
    assert (record.topic, record.key, timeout_s) == ("model-alerts", b"alert_1", 7.0)
    assert record.headers == (("content-type", b"application/cloudevents+json; charset=utf-8"),)


def test_what_is_not_acknowledged_is_tried_again() -> None:
    channel = Kafka(topic="model-alerts", egress=Egress(log=Kept(fault="no such topic")))
    outcome = channel.send(told.FIRING, now=0.0)
    assert (outcome.result, outcome.detail) == (Result.RETRY, "no such topic")


def test_where_there_is_no_log_it_says_so() -> None:
    outcome = Kafka(topic="model-alerts").send(told.FIRING, now=0.0)
    assert (outcome.result, outcome.detail) == (Result.FAILED, "this process has no Kafka")
