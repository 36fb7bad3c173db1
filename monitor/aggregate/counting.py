"""From records to segments: everything of aggregate that is not Kafka, clock or disk."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from detectors.backend.choice import AUTO
from detectors.profile import Profile
from detectors.reference import Reference
from monitor.aggregate.lane import Lane, prediction_field
from monitor.aggregate.reading import (
    Batch,
    UnreadableError,
    dead_letter,
    monitor_of,
    read_labels,
    read_predictions,
)
from monitor.aggregate.segments import Segments
from monitor.aggregate.tally import Tally
from monitor.messages import Registration, Segment, Topics, Watermark
from monitor.publishing import Message
from monitor.records import Partition, Record, TopicsError
from monitor.store import References, StoreError

SEGMENT_SIZE = 2_000
"""Messages in a stretch. All replicas must use the same number, always."""

CUT_SHORT_PATIENCE_S = 60.0
"""So long may a log seem to end before what was read of it."""

Registrations = Mapping[str, Registration]
Ends = Mapping[Partition, int]
"""The offset behind the last message of each partition, as far as is known."""

_logger = logging.getLogger(__name__)


class Aggregator:
    """Counts the records of the partitions assigned to it.

    The order of calls is `read`, then `changed` and `watermarks`, whose messages are delivered,
    then `settle`, whose offsets are committed: what is committed is always in the log before.
    """

    def __init__(
        self,
        topics: Topics,
        references: References,
        tally: Tally,
        *,
        segment_size: int = SEGMENT_SIZE,
        device: str = AUTO,
    ) -> None:
        self._device = device
        self._topics = topics
        self._references = references
        self._tally = tally
        self._segment_size = segment_size
        self._lanes: dict[int, Lane] = {}
        self._said: dict[tuple[str, int], Watermark] = {}

    def assign(self, partition: Partition, *, first: int, reading_from: int) -> None:
        """Begins a partition. Rows count from `first`; those before only feed the join."""
        lane = self._lanes.setdefault(
            partition.partition,
            Lane(
                partition.partition,
                self._topics,
                self._references,
                self._tally,
                device=self._device,
            ),
        )
        segments = Segments(*partition, first=first, size=self._segment_size)
        segments.next_offset = reading_from
        if partition.topic == self._topics.predictions:
            lane.predictions = segments
        else:
            lane.labels = segments

    def revoke(self, partition: Partition) -> None:
        """Forgets a partition: whoever reads it now begins where this one last committed."""
        lane = self._lanes[partition.partition]
        if partition.topic == self._topics.predictions:
            lane.predictions = None
        else:
            lane.labels = None
        if lane.predictions is None and lane.labels is None:
            del self._lanes[partition.partition]
            self._said = {key: w for key, w in self._said.items() if key[1] != partition.partition}

    def unknown(self, records: Iterable[Record], registrations: Registrations) -> set[str]:
        """Names in the records that are no monitor's, as far as the registrations know."""
        named = {name for record in records if (name := _name_or_none(record)) is not None}
        return named - registrations.keys()

    def read(
        self, records: Sequence[Record], registrations: Registrations, now: float
    ) -> list[Message]:
        """Counts what has not been read before; returns the dead letters."""
        dead: list[Message] = []
        batches: list[Batch] = []
        for record in records:
            if not self._advance(record):
                continue
            try:
                batch = self._batch(record, registrations)
            except UnreadableError as error:
                self._tally.dead_letter(error.reason)
                dead.append(dead_letter(self._topics.dead_letters, record, error))
                continue
            if batch is not None:
                batches.append(batch)
        for group in self._groups(batches):
            self._count(group, now)
        return dead

    def changed(self) -> list[tuple[Segment, Profile]]:
        """The segments that have grown since `settle`."""
        return [found for segments in self._all_segments() for found in segments.changed()]

    def note_ends(self, ends: Ends, now: float) -> None:
        """Takes note of where the partitions end now: the lag, and at first the backlog.

        Raises TopicsError where a log has ended before what was read of it, and not just for the
        moment that a new leader may need: then it is another log, and its segments would have
        the names of those before.
        """
        for segments in self._all_segments():
            at = Partition(segments.topic, segments.partition)
            if at not in ends:
                continue
            if segments.backlog_end is None:
                segments.backlog_end = ends[at]
            self._tally.lag(at, max(0, ends[at] - segments.next_offset))
            _check_end(segments, ends[at], now)

    def watermarks(self) -> list[Watermark]:
        """What is new about how far predictions have been counted, to follow the segments.

        A monitor's are held back while another of our partitions has a backlog that may hold
        the first rows of that monitor: its windows would close without them.
        """
        unread = {
            number
            for number, lane in self._lanes.items()
            if lane.predictions is not None and not lane.predictions.has_caught_up
        }
        marks = []
        for name in {name for lane in self._lanes.values() for name in lane.latest}:
            if not any(name not in self._lanes[number].latest for number in unread):
                marks += self._watermarks_of(name)
        return marks

    def settle(self, said: Iterable[Watermark]) -> dict[Partition, int]:
        """Takes note that `changed` and these watermarks are in the log; offsets to commit."""
        self._said.update({(mark.monitor, mark.partition): mark for mark in said})
        return {at: offset for lane in self._lanes.values() for at, offset in lane.settle().items()}

    def give_up_waiting(self, now: float) -> None:
        """Ends the wait of labels for predictions that should have been here by now."""
        for lane in self._lanes.values():
            if lane.predictions is not None and lane.predictions.has_caught_up:
                lane.give_up(now)

    def _all_segments(self) -> list[Segments]:
        found = [s for lane in self._lanes.values() for s in (lane.predictions, lane.labels)]
        return [segments for segments in found if segments is not None]

    def _segments(self, record: Record) -> Segments | None:
        lane = self._lanes.get(record.partition)
        if lane is None:
            return None
        return lane.predictions if record.topic == self._topics.predictions else lane.labels

    def _advance(self, record: Record) -> bool:
        """Whether a record is the next of a partition of ours; a repetition is passed over."""
        segments = self._segments(record)
        if segments is None or record.offset < segments.next_offset:
            return False
        if n_lost := record.offset - segments.next_offset:
            _logger.warning("%s: the log no longer holds the %d before it", record.place, n_lost)
            self._tally.skipped("", "no longer in the log", n_lost)
        segments.next_offset = record.offset + 1
        return True

    def _batch(self, record: Record, registrations: Registrations) -> Batch | None:
        """None where the monitor is not to be counted, which is counted."""
        name = monitor_of(record)
        registration = registrations.get(name)
        if registration is None:
            self._tally.skipped("", "unknown monitor")
            return None
        is_prediction = record.topic == self._topics.predictions
        read = read_predictions if is_prediction else read_labels
        batch = read(record, registration)
        if batch.rows.num_rows == 0:
            return None
        if reason := _objection(registration, is_prediction=is_prediction):
            self._tally.skipped(name, reason, batch.rows.num_rows)
            return None
        return batch

    def _groups(self, batches: Iterable[Batch]) -> list[list[Batch]]:
        """Batches of one monitor and one stretch, in the order of the log."""

        def group(batch: Batch) -> tuple[str, int, int, bool, str]:
            record, segments = batch.record, self._segments(batch.record)
            assert segments is not None  # `_advance` has seen to it
            return (
                record.topic,
                record.partition,
                segments.start_of(record.offset),
                record.offset >= segments.first,
                batch.registration.name,
            )

        return [list(found) for _, found in groupby(sorted(batches, key=group), key=group)]

    def _count(self, batches: Sequence[Batch], now: float) -> None:
        record, registration = batches[0].record, batches[0].registration
        lane = self._lanes[record.partition]
        reference = self._reference(registration, sum(b.rows.num_rows for b in batches))
        if reference is None:
            return
        if record.topic == self._topics.predictions:
            lane.count_predictions(batches, reference)
        elif (prediction := prediction_field(reference)) is not None:
            for batch in batches:
                lane.join_labels(batch, prediction, now)

    def _reference(self, registration: Registration, n_rows: int) -> Reference | None:
        assert registration.reference_id is not None
        try:
            return self._references.get(registration.reference_id)
        except StoreError:
            _logger.exception("%s: %d rows are not counted", registration.name, n_rows)
            self._tally.skipped(registration.name, "reference not readable", n_rows)
            return None

    def _watermarks_of(self, name: str) -> list[Watermark]:
        marks = []
        for number, lane in self._lanes.items():
            if lane.predictions is None or name not in lane.latest:
                continue
            mark = Watermark(
                monitor=name,
                topic=self._topics.predictions,
                partition=number,
                event_time=lane.latest[name],
                offset=lane.predictions.next_offset,
            )
            said = self._said.get((name, number))
            if said is None or mark.event_time > said.event_time:
                marks.append(mark)
        return marks


def _check_end(segments: Segments, end: int, now: float) -> None:
    if end >= segments.next_offset:
        segments.cut_short_since = None
        return
    since = segments.cut_short_since = segments.cut_short_since or now
    if now - since >= CUT_SHORT_PATIENCE_S:
        raise TopicsError(
            f"the log of {segments.topic}, partition {segments.partition}, ends at {end}, but "
            f"{segments.next_offset} messages had been read: it was made anew. "
            "Give the new topics another --topic-prefix"
        )


def _objection(registration: Registration, *, is_prediction: bool) -> str | None:
    if registration.state == "deleted":
        return "deleted monitor"
    if registration.reference_id is None:
        return "no reference yet"
    if not is_prediction and registration.monitor.spec.label is None:
        return "labels not expected"
    return None


def _name_or_none(record: Record) -> str | None:
    try:
        return monitor_of(record)
    except UnreadableError:
        return None
