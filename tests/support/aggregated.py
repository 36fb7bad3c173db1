"""An aggregator on logs that are lists: no Kafka, no clock; and messages for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from detectors.reference import Reference
from detectors.target import Target
from monitor import batches
from monitor.aggregate.attempts import Attempts
from monitor.aggregate.counting import Aggregator, Limits
from monitor.aggregate.limits import DeadLetterLimit
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import Header, Registration, Segment, Topics, Watermark
from monitor.kafka.records import Partition, Record
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.support.counted import monitor, predictions, record, registered

TOPICS = Topics("t.")
PREDICTIONS, LABELS = Partition("t.predictions", 0), Partition("t.labels", 0)
SIZE = 4


def predicted(offset: int, ids: Sequence[str], times: Sequence[float], **about: Any) -> Record:
    x = np.array([hash_of(i) for i in ids])
    return record(TOPICS.predictions, offset, predictions(ids, times, x), **about)


def sent_by(collector: str, record: Record) -> Record:
    """The same message with the id of its collector."""
    marks = (Header.COLLECTOR.value, collector.encode())
    return record._replace(headers=[*record.headers, marks])


def hash_of(prediction_id: str) -> float:
    """A value that is a function of the id."""
    return float(sum(prediction_id.encode()) % 7 - 3)


def labelled(offset: int, ids: Sequence[str], labels: Sequence[object]) -> Record:
    batch = batches.labels(ids, [0.0] * len(ids), labels)
    return record(TOPICS.labels, offset, batch)


@dataclass
class World:
    """Registry, store and metrics around an aggregator; and what is left of it after a crash."""

    reference: Reference
    references: References
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
    published: dict[bytes, tuple[Segment, Profile]] = field(default_factory=dict)
    committed: dict[Partition, int] = field(default_factory=dict)
    attempts: Attempts | None = None
    asked_for: set[str] = field(default_factory=set)
    aggregator: Aggregator = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(Instruments(self.metrics))
        self.registrations: dict[str, Registration] = {}
        self.register(label="truth")
        self.start()

    def register(self, name: str = "seats", **spec: Any) -> None:
        self.registrations[name] = registered(self.reference, monitor(name, **spec))

    def start(self) -> None:
        """A new process; it reads both partitions from their beginning to rebuild the join."""
        if hasattr(self, "aggregator"):
            self.aggregator.close()
        limits = Limits(segment_size=SIZE, dead_letters=DeadLetterLimit(run=3, ratio=0.2, among=20))
        self.aggregator = Aggregator(
            TOPICS, self.references, self.tally, limits=limits, attempts=self.attempts
        )
        for partition in (PREDICTIONS, LABELS):
            first = self.committed.get(partition, 0)
            self.aggregator.assign(partition, first=first, reading_from=0)

    def known(self, names: Collection[str]) -> Mapping[str, Registration]:
        self.asked_for |= set(names)
        return self.registrations

    def read(self, *records: Record, now: float = 0.0) -> list[str]:
        letters = self.aggregator.read(records, self.known, now)
        return [letter.topic for letter in letters]

    def flush(self, *, commits: bool = True) -> None:
        for segment, profile in self.aggregator.changed():
            known = self.published.get(segment.key)
            if known is None or segment.version > known[0].version:
                self.published[segment.key] = (segment, profile)
        if commits:
            self.committed |= self.aggregator.settle([])

    def watermarks(self, others: Mapping[Partition, int] | None = None) -> list[Watermark]:
        """With the partition read to its end, and others that end where they are said to."""
        lane = self.aggregator._lanes.get(0)
        read_to = lane.predictions.next_offset if lane and lane.predictions else 0
        self.aggregator.note_ends({PREDICTIONS: read_to, **(others or {})}, 0.0)
        return self.aggregator.watermarks()

    @property
    def target(self) -> Target:
        assert self.reference.target is not None
        return self.reference.target

    def corrected(self) -> float:
        name = "driftmeter_aggregate_corrected_labels_total"
        return self.metrics.get_sample_value(name, {"monitor": "seats"}) or 0.0

    def skipped(self, reason: str, name: str = "seats") -> float:
        labels = {"monitor": name, "reason": reason}
        found = self.metrics.get_sample_value("driftmeter_aggregate_skipped_total", labels)
        return found or 0.0

    def panes(self) -> dict[float, Profile]:
        """What detect makes of it: the sum of all segments, by pane."""
        totals: dict[float, Profile] = {}
        for segment, profile in self.published.values():
            known = totals.get(segment.pane_start)
            totals[segment.pane_start] = profile if known is None else known + profile
        return totals


def poison(offset: int, **about: Any) -> Record:
    """A message for the monitor that nobody can read."""
    sound = predicted(offset, ["a"], [1.0], **about)
    return sound._replace(value=b"poison")


def sent(offset: int, collector: str, sequence: int, name: str = "a") -> Record:
    """A message as a collector sends it."""
    plain = predicted(offset, [f"{name}{sequence}"], [1.0])
    marks = [(Header.COLLECTOR.value, collector), (Header.SEQUENCE.value, str(sequence))]
    headers = [*plain.headers, *((key, value.encode()) for key, value in marks)]
    return plain._replace(headers=headers)


def outcome(world: World) -> dict[bytes, Profile]:
    return {key: profile for key, (_, profile) in world.published.items()}
