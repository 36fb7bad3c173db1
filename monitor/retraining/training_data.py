"""Where the rows are that a retrain may learn from: offsets of Kafka for a range of time."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import TopicPartition

from alerts.retraining.event import Rows, Stretch, TrainingData
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.spec.model import Monitor

CLIENT = "driftmeter-retrain"
FETCH_MS = 5_000

_logger = logging.getLogger(__name__)


def training_data(
    broker: Broker, monitor: Monitor, *, start: float, end: float, export: str | None
) -> TrainingData:
    """Where a monitor's predictions, and its labels, of a range of event time are.

    A row is written after it happened, so what was written since `start` holds all of them, with
    rows of later and of other monitors. Without an answer of Kafka's only the times are said.
    """
    topics = [broker.topics.predictions]
    if monitor.spec.label is not None:
        topics.append(broker.topics.labels)
    try:
        found = stretches(broker, topics, start)
    except (KafkaError, BrokerUnavailableError) as error:
        _logger.warning("%s: where its rows are is not known: %s", monitor.name, error)
        found = {}
    predictions, *labels = (Rows(topic=topic, stretches=found.get(topic)) for topic in topics)
    return TrainingData(
        start=start,
        end=end,
        predictions=predictions,
        labels=labels[0] if labels else None,
        export=export,
    )


def stretches(
    broker: Broker, topics: Iterable[str], start: float
) -> Mapping[str, tuple[Stretch, ...]]:
    """What was written to the topics since `start`, by topic; partitions without are left out.

    Raises KafkaError and BrokerUnavailableError.
    """
    with closing(broker.consumer(client_id=CLIENT)) as consumer:
        return {topic: tuple(_of_topic(consumer, topic, start)) for topic in topics}


def _of_topic(consumer: Any, topic: str, start: float) -> Iterable[Stretch]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    partitions = [TopicPartition(topic, number) for number in numbers]
    since_ms = max(0, round(start * 1000))
    asked = consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
    # Where nothing has been written since, Kafka says nothing, and the embedded broker -1.
    begins = {one: found.offset for one, found in asked.items() if found and found.timestamp >= 0}
    for partition, end in sorted(_ends(consumer, begins).items()):
        yield Stretch(partition.partition, begins[partition], end)


def _ends(consumer: Any, begins: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The offsets after the last record, as fetches tell them: asked for the latest offset, the
    embedded broker gives the beginning of its last batch."""
    consumer.assign(list(begins))
    for partition, offset in begins.items():
        consumer.seek(partition, offset)
    ends: dict[TopicPartition, int] = {}
    while len(ends) < len(begins):
        polled = consumer.poll(timeout_ms=FETCH_MS, max_records=1)
        found = {one: consumer.highwater(one) for one in begins if one not in ends}
        ends |= {one: end for one, end in found.items() if end is not None}
        consumer.pause(*ends)
        if not polled:
            raise KafkaTimeoutError("a partition that has records gives none")
    return ends
