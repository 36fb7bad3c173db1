"""Notifications on a topic of a real broker, and on one that is not there."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from alerts import channels
from alerts.delivery import Outcome, Result
from alerts.guard import Guard
from alerts.log import Record, UnwritableError
from monitor.kafka.connecting import Broker
from monitor.kafka.log import KafkaLog
from tests.alerts.channels import told


@pytest.fixture
def log(embedded_broker: Broker) -> Iterator[KafkaLog]:
    with closing(KafkaLog(embedded_broker, client_id="test")) as opened:
        yield opened


def send(log: KafkaLog, topic: str) -> Outcome:
    target = {"kind": "kafka", "topic": topic, "timeout_s": 10.0}
    return channels.open(target, Guard(), log).send(told.FIRING, now=0.0)


def test_a_notification_is_on_the_topic_that_its_channel_names(
    log: KafkaLog, embedded_broker: Broker
) -> None:
    topic = embedded_broker.topics.alerts
    assert send(log, topic).result is Result.DELIVERED
    consumer = embedded_broker.consumer(topic, client_id="test-consumer")
    try:
        record = next(consumer)
    finally:
        consumer.close()
    assert json.loads(record.value) == json.loads(told.FIRING.body())
    assert record.key == b"alert_1"


def test_where_no_broker_answers_it_is_tried_again(free_port: Callable[[], int]) -> None:
    nowhere = Broker(servers=(f"127.0.0.1:{free_port()}",), connect_timeout_s=0.3)
    with closing(KafkaLog(nowhere, client_id="test")) as log:
        outcome = send(log, "model-alerts")
    assert outcome.result is Result.RETRY
    assert "no Kafka broker answers" in outcome.detail


def test_after_a_failure_it_writes_on(log: KafkaLog, embedded_broker: Broker) -> None:
    record = Record(topic=embedded_broker.topics.alerts, key=b"k", value=b"v")
    with pytest.raises(UnwritableError, match="MessageSizeTooLargeError"):
        log.write(replace(record, value=bytes(9 * 1024 * 1024)), timeout_s=10.0)
    log.write(record, timeout_s=10.0)
