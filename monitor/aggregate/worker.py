"""The tick of aggregate: poll → decode → count → deliver → commit, always in this order.

What is committed has been delivered before; so a crash at any point repeats work and loses none.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

from monitor import profile_messages, tracing
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.following import Follower
from monitor.aggregate.poller import Assigned, Event, Polled, Poller, Revoked
from monitor.aggregate.tally import Tally
from monitor.messages import Header, Topics, Watermark, header
from monitor.profile_messages import SegmentProfile
from monitor.publishing import DeliveryError, Message, Publisher
from monitor.records import Record

MAX_DEAD_LETTERS = 1_000
"""Kept until the next flush; at so many it is due."""

RETRY_S = 1.0
"""Between two attempts at a flush that the broker does not take."""

UNKNOWN_FOR_S = 5.0
"""A name that was no monitor's is not waited for again so soon."""

REGISTRATION_WAIT_S = 0.5
"""Rows may overtake the registration of their monitor, by so much."""

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
    ) -> None:
        self._topics = topics
        self._poller = poller
        self._follower = follower
        self._aggregator = aggregator
        self._publisher = publisher
        self._tally = tally
        self._flush_s = flush_s
        self._flush_at = 0.0
        self._blocked = False
        self._dead: list[Message] = []
        self._origins: list[str] = []
        self._unknown: dict[str, float] = {}

    def tick(self, *, now: float, elapsed: float, timeout_s: float = 0.2) -> None:
        """Counts what has come and publishes when it is time.

        now: seconds since 1970. elapsed: seconds on a clock that never jumps.
        """
        if not self._blocked:
            self._follower.poll()
            self._take(self._poller.events(timeout_s=timeout_s), now, elapsed)
        if elapsed >= self._flush_at or len(self._dead) >= MAX_DEAD_LETTERS:
            self._blocked = not self.flush(now)
            self._flush_at = elapsed + (RETRY_S if self._blocked else self._flush_s)

    def flush(self, now: float) -> bool:
        """Publishes what has changed, watermarks last; False if the broker does not take it.

        Then nothing is read on: what waits is bounded, and the poller keeps the membership.
        """
        self._aggregator.note_ends(self._poller.ends, now)
        self._aggregator.give_up_waiting(now)
        changed, marks = self._aggregator.changed(), self._aggregator.watermarks()
        segments = [SegmentProfile(segment, profile.to_bytes()) for segment, profile in changed]
        try:
            self._publish(segments, marks)
        except DeliveryError as error:
            _logger.warning("profiles are not delivered and are tried again: %s", error)
            return False
        self._dead, self._origins = [], []
        self._tally.published(len(segments))
        self._poller.commit(self._aggregator.settle(marks))
        return True

    def _take(self, events: Iterable[Event], now: float, elapsed: float) -> None:
        records: list[Record] = []
        for event in events:
            match event:
                case Polled():
                    records += event.records
                case Assigned():
                    self._read(records, now, elapsed)
                    records = []
                    _logger.info("assigned %s from %d", event.partition, event.first)
                    self._aggregator.assign(
                        event.partition, first=event.first, reading_from=event.reading_from
                    )
                case Revoked():
                    self._read(records, now, elapsed)
                    records = []
                    _logger.info("revoked %s", event.partition)
                    self._aggregator.revoke(event.partition)
                    self._tally.left(event.partition)
        self._read(records, now, elapsed)

    def _read(self, records: Sequence[Record], now: float, elapsed: float) -> None:
        if not records:
            return
        self._wait_for_registrations(records, elapsed)
        origins = [header(record.headers, Header.TRACEPARENT) for record in records]
        self._origins = [*self._origins, *filter(None, origins)][: tracing.MAX_LINKS]
        with tracing.processing(self._topics.predictions, n=len(records), origins=origins):
            registrations = self._follower.registry.registrations
            self._dead += self._aggregator.read(records, registrations, now)

    def _wait_for_registrations(self, records: Sequence[Record], elapsed: float) -> None:
        registrations = self._follower.registry.registrations
        unknown = {
            name
            for name in self._aggregator.unknown(records, registrations)
            if self._unknown.get(name, 0.0) <= elapsed
        }
        if unknown:
            self._follower.wait_for(unknown, timeout_s=REGISTRATION_WAIT_S)
            self._unknown = dict.fromkeys(unknown, elapsed + UNKNOWN_FOR_S)

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

    def _sending(self, n: int) -> AbstractContextManager[object]:
        if not n:
            return nullcontext()
        return tracing.sending(self._topics.profiles, n=n, origins=self._origins)
