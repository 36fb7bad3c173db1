"""The rows that a retrain may learn from, read from Kafka and joined with their labels."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import orjson

from monitor.aggregate.reading import UnreadableError, monitor_of, read_labels, read_predictions
from monitor.batches.wire import ID, LABEL, TIME
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration
from monitor.kafka.records import Partition, Record
from monitor.replay.log import Log
from monitor.retraining.training_data import stretches

MESSAGES_AT_ONCE = 100
MAX_LABELS = 5_000_000
"""Held in memory while predictions are read; a longer time has to be asked for in parts."""

Row = dict[str, Any]


class TooMuchError(Exception):
    """There are more labels than are held; the message says what to do."""


def lines(
    broker: Broker,
    registration: Registration,
    *,
    start: float,
    end: float,
    monotonic: Callable[[], float],
    max_labels: int = MAX_LABELS,
) -> Iterator[bytes]:
    """A JSON line for every prediction from `start` to `end`, in the order of each partition.

    The columns are those of the log, with the prediction's id and time; where the monitor expects
    labels, the latest label is there under its column's name. A row that was sent twice is there
    twice, with one id. Raises TooMuchError before the first line, and ReplayError.
    """
    labels = _labels(broker, registration, start, monotonic, max_labels)
    label = registration.monitor.spec.label
    topic = broker.topics.predictions
    for records in _records(broker, topic, registration.name, start, monotonic):
        for batch in read_predictions(records, registration)[0]:
            for row in batch.rows.to_pylist():
                if start <= row[TIME].timestamp() < end:
                    known = {} if label is None else {label: labels.get(row[ID])}
                    yield orjson.dumps({**row, **known}, default=str) + b"\n"


def _labels(
    broker: Broker,
    registration: Registration,
    start: float,
    monotonic: Callable[[], float],
    most: int,
) -> dict[str, Any]:
    """The latest label of every prediction that has one; none where none are expected."""
    found: dict[str, Any] = {}
    if registration.monitor.spec.label is None:
        return found
    topic = broker.topics.labels
    for records in _records(broker, topic, registration.name, start, monotonic):
        for batch in read_labels(records, registration)[0]:
            found |= {row[ID]: row[LABEL] for row in batch.rows.to_pylist()}
        if len(found) > most:
            raise TooMuchError(f"there are more than {most:,} labels: ask for a shorter time")
    return found


def _records(
    broker: Broker, topic: str, monitor: str, start: float, monotonic: Callable[[], float]
) -> Iterator[list[Record]]:
    """A monitor's messages since `start`, a few at a time."""
    found = stretches(broker, [topic], start)[topic]
    with closing(Log(broker, clock=monotonic)) as log:
        log.begin({Partition(topic, one.partition): one.start for one in found})
        for one in found:
            for cut in _cuts(one.start, one.end):
                records: list[Record] = []
                log.read_through({Partition(topic, one.partition): cut}, records.extend)
                yield list(_of_monitor(records, monitor))


def _cuts(start: int, end: int) -> Iterator[int]:
    yield from range(start + MESSAGES_AT_ONCE, end, MESSAGES_AT_ONCE)
    yield end


def _of_monitor(records: Iterable[Record], monitor: str) -> Iterator[Record]:
    for record in records:
        try:
            if monitor_of(record) == monitor:
                yield record
        except UnreadableError:
            continue  # aggregate has set it aside as a dead letter
