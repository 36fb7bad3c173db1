"""The tick of aggregate: poll → decode → count → deliver → commit, always in this order.

What is committed has been delivered before; so a crash at any point repeats work and loses none.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from monitor.aggregate.counting import Aggregator, Registrations
from monitor.aggregate.following import Follower
from monitor.aggregate.layout import Layout
from monitor.aggregate.outlying import message_of
from monitor.aggregate.poller import Assigned, Event, Polled, Poller, Revoked
from monitor.aggregate.tally import Tally
from monitor.kafka import profile_messages
from monitor.kafka.messages import Header, Topics, Watermark, header
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.records import Partition, Record
from monitor.telemetry import tracing

MAX_READ_BYTES = 16 * 1024 * 1024
"""Of records that are counted at once: what counting takes beside them is ten times as much."""

MAX_DEAD_LETTERS = 1_000
"""Kept until the next flush; at so many it is due."""

MAX_ORIGINS = 500
"""Of one batch of records so many are asked for the trace that they belong to."""

RETRY_S = 1.0
"""Between two attempts at a flush that the broker does not take."""

REGISTRATION_WAIT_S = 2.0
"""Rows may overtake the registration of their monitor, which is then read for at most so long."""

_logger = logging.getLogger(__name__)


class Worker:
    """Drives an aggregator: events in, profiles out, offsets committed."""

    def __init__(
        self,
        topics: Topics,
        poller: Poller,
        follower: Follower,
        aggregator: Aggregator,
        publisher: Publisher,
        tally: Tally,
        *,
        flush_s: float,
        tell: Callable[[Mapping[Partition, int]], None],
    ) -> None:
        """tell: who is told with every flush how far each partition has been counted."""
        self._topics = topics
        self._tell = tell
        self._poller = poller
        self._follower = follower
        self._aggregator = aggregator
        self._publisher = publisher
        self._tally = tally
        self._layout = Layout(topics, publisher)
        self._flush_s = flush_s
        self._flush_at = 0.0
        self._blocked = False
        self._dead: list[Message] = []
        self._origins: list[str] = []

    def tick(self, *, now: float, elapsed: float, timeout_s: float = 0.2) -> None:
        """Counts what has come and publishes when it is time.

        now: seconds since 1970. elapsed: seconds on a clock that never jumps.
        Raises TopicsError where the topics cannot be counted.
        """
        self._layout.watch(elapsed)
        if not self._blocked:
            self._follower.poll()
            self._take(self._poller.events(timeout_s=timeout_s), now)
        if elapsed >= self._flush_at or len(self._dead) >= MAX_DEAD_LETTERS:
            self._blocked = not self.flush(now)
            self._flush_at = elapsed + (RETRY_S if self._blocked else self._flush_s)

    def flush(self, now: float) -> bool:
        """Publishes what has changed, watermarks last; False if the broker does not take it.

        Then nothing is read on: what waits is bounded, and the poller keeps the membership.
        """
        self._aggregator.note_ends(self._poller.ends, now)
        self._aggregator.give_up_waiting(now)
        offsets = self._publish_all()
        if offsets is None:
            return False
        self._poller.commit(offsets)
        self._tell(self._aggregator.counted())
        return True

    def _publish_all(self) -> Mapping[Partition, int] | None:
        """The offsets that may be committed then; None if the broker does not take it."""
        changed, marks = self._aggregator.changed(), self._aggregator.watermarks()
        segments = [SegmentProfile(segment, profile.to_bytes()) for segment, profile in changed]
        try:
            self._publish_outlying()
            self._publish(segments, marks)
        except DeliveryError as error:
            _logger.warning("profiles are not delivered and are tried again: %s", error)
            return None
        self._dead, self._origins = [], []
        self._tally.published(len(segments))
        return self._aggregator.settle(marks)

    def _begin(self, event: Assigned) -> None:
        if event.is_anew:
            _logger.warning(
                "the log of %s was made anew: it is read from its beginning", event.partition
            )
            self._tally.made_anew(event.partition)
        self._aggregator.assign(
            event.partition,
            first=event.first,
            reading_from=event.reading_from,
            log=event.log,
        )

    def _take(self, events: Iterable[Event], now: float) -> None:
        records: list[Record] = []
        for event in events:
            match event:
                case Polled():
                    records += event.records
                case Assigned():
                    self._read(records, now)
                    records = []
                    _logger.info("assigned %s from %d", event.partition, event.first)
                    self._begin(event)
                case Revoked():
                    self._read(records, now)
                    records = []
                    _logger.info("revoked %s", event.partition)
                    if event.is_gone:
                        self._publish_all()  # what was read of it can never be read again
                    self._aggregator.revoke(event.partition)
                    self._tally.left(event.partition)
        self._read(records, now)

    def _read(self, records: Sequence[Record], now: float) -> None:
        if not records:
            return
        asked = (header(record.headers, Header.TRACEPARENT) for record in records[:MAX_ORIGINS])
        origins = [origin for origin in asked if origin is not None]
        self._origins = [*self._origins, *origins][: tracing.MAX_LINKS]
        with tracing.processing(self._topics.predictions, n=len(records), origins=origins):
            for part in parts_of(records):
                self._dead += self._aggregator.read(part, self._registrations, now)
        self._poller.held = self._aggregator.stopped

    def _registrations(self, names: Collection[str]) -> Registrations:
        """Those in force. Where one of them is not, whoever sent the rows may have heard more."""
        known = self._follower.registry.registrations
        if not all(name in known and known[name].state == "active" for name in names):
            self._follower.catch_up(timeout_s=REGISTRATION_WAIT_S)
        return self._follower.registry.registrations

    def _publish(self, changed: Sequence[SegmentProfile], marks: Sequence[Watermark]) -> None:
        """Watermarks last: one in the log says that the segments it covers are there too."""
        topic = self._topics.profiles
        n = self._publisher.n_partitions(topic)
        with self._sending(len(changed)):
            headers = tracing.kafka_headers()
            segments = [profile_messages.of_segment(said, topic, n, headers) for said in changed]
            self._publisher.deliver([*self._dead, *segments])
            self._publisher.deliver(
                [profile_messages.of_watermark(mark, topic, n, headers) for mark in marks]
            )

    def _publish_outlying(self) -> None:
        topic, found = self._topics.outliers, self._aggregator.outlying()
        if found:
            n = self._publisher.n_partitions(topic)
            self._publisher.deliver(
                [message_of(segment, rows, topic, n) for segment, rows in found]
            )

    def _sending(self, n: int) -> AbstractContextManager[object]:
        if not n:
            return nullcontext()
        return tracing.sending(self._topics.profiles, n=n, origins=self._origins)


def parts_of(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in their order, as few together as their bytes allow, at least one."""
    start, size = 0, 0
    for i, record in enumerate(records):
        size += len(record.value)
        if size > MAX_READ_BYTES and i > start:
            yield records[start:i]
            start, size = i, len(record.value)
    yield records[start:]
