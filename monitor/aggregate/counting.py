"""From records to segments: everything of aggregate that is not Kafka, clock or disk."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from detectors.backend.choice import AUTO
from detectors.profile import Profile
from detectors.reference import Reference
from monitor.aggregate.attempts import Attempts
from monitor.aggregate.intake import Group, Intake
from monitor.aggregate.join_store import DEFAULT_LIMIT_BYTES, JoinStore
from monitor.aggregate.lane import Lane, prediction_field
from monitor.aggregate.limits import DEFAULT_LIMIT, DeadLetterLimit
from monitor.aggregate.outlying import OutlyingRow
from monitor.aggregate.reading import (
    Batch,
    Refused,
    dead_letter,
    read_labels,
    read_predictions,
    with_served,
)
from monitor.aggregate.segments import Segments
from monitor.aggregate.sorting import Sorting, made_anew
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import Registration, Segment, Topics, Watermark
from monitor.kafka.publishing import Message
from monitor.kafka.records import Partition, Record, TopicsError
from monitor.kafka.served import Served
from monitor.sql.store import References, StoreError

SEGMENT_SIZE = 2_000

CUT_SHORT_PATIENCE_S = 60.0
"""So long may a log seem to end before what was read of it."""

Registrations = Mapping[str, Registration]
Known = Callable[[Collection[str]], Registrations]
"""The registrations in force, for whoever wants those of these names."""
Ends = Mapping[Partition, int]
"""The offset behind the last message of each partition, as far as is known."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of what an aggregator does.

    segment_size: messages in a stretch. All replicas must use the same number, always.
    device: where rows are counted, as `detectors.backend.choose` takes it.
    dead_letters: beyond which a partition is not read on; None never.
    join_folder, join_bytes: where each partition's join remembers, in memory by default, and how
        much at most.
    """

    segment_size: int = SEGMENT_SIZE
    device: str = AUTO
    dead_letters: DeadLetterLimit | None = DEFAULT_LIMIT
    join_folder: Path | None = None
    join_bytes: int = DEFAULT_LIMIT_BYTES


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
        limits: Limits = Limits(),
        attempts: Attempts | None = None,
    ) -> None:
        """attempts: where it is written down what is being read; without, nowhere."""
        self._topics = topics
        self._references = references
        self._tally = tally
        self._limits = limits
        self._attempts = attempts
        self._lanes: dict[int, Lane] = {}
        self._intakes: dict[tuple[str, int], Intake] = {}
        self._said: dict[tuple[str, int, str], Watermark] = {}

    @property
    def stopped(self) -> set[Partition]:
        """Partitions of which too much cannot be read; they are not read on."""
        return {Partition(*at) for at, intake in self._intakes.items() if intake.stopped}

    def assign(self, partition: Partition, *, first: int, reading_from: int, log: str = "") -> None:
        """Begins a partition. Rows count from `first`; those before only feed the join.

        log: which one is behind the partition's name.
        """
        lane = self._lanes.setdefault(partition.partition, self._lane(partition.partition))
        segments = Segments(*partition, first=first, size=self._limits.segment_size, log=log)
        segments.next_offset = reading_from
        self._intakes[partition] = Intake(
            segments, limit=self._limits.dead_letters, attempts=self._attempts
        )
        if partition.topic == self._topics.predictions:
            lane.predictions = segments
        else:
            lane.labelling.segments = segments

    def revoke(self, partition: Partition) -> None:
        """Forgets a partition: whoever reads it now begins where this one last committed."""
        lane = self._lanes[partition.partition]
        del self._intakes[partition]
        if partition.topic == self._topics.predictions:
            lane.predictions = None
        else:
            lane.labelling.segments = None
        if lane.predictions is None and lane.labels is None:
            self._lanes.pop(partition.partition).close()
            self._said = {key: w for key, w in self._said.items() if key[1] != partition.partition}

    def read(self, records: Sequence[Record], known: Known, now: float) -> list[Message]:
        """Counts what has not been read before; returns the dead letters.

        Raises TopicsError where the log is another one than before.
        """
        sorting = Sorting(self._intakes, self._tally)
        sorting.take(records)
        groups, refused = sorting.groups, sorting.refused
        registrations = known({group.monitor for group in groups})
        for group, found in groups.items():
            refused += self._read_group(group, found, registrations, now)
            if self._attempts is not None:
                self._attempts.done()
        return self._set_aside(sorting.taken, refused)

    def changed(self) -> list[tuple[Segment, Profile]]:
        """The segments that have grown since `settle`."""
        return [found for segments in self._all_segments() for found in segments.changed()]

    def outlying(self) -> list[tuple[Segment, list[OutlyingRow]]]:
        """Of the segments in `changed`, the rows that monitors ask to be shown."""
        return [found for segments in self._all_segments() for found in segments.outlying()]

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
            behind = max(0, ends[at] - segments.next_offset)
            self._tally.lag(at, behind, segments.lag_s(ends[at], now))
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
        self._said.update({(mark.monitor, mark.partition, mark.source): mark for mark in said})
        offsets: dict[Partition, int] = {}
        for number, lane in self._lanes.items():
            offsets |= lane.settle()
            self._tally.join(number, lane.labelling.size_bytes)
        if self._attempts is not None:
            self._attempts.settle(offsets)
        return offsets

    def counted(self) -> dict[Partition, int]:
        """By partition, the offset behind the last message that has been counted."""
        read = [one for lane in self._lanes.values() for one in (lane.predictions, lane.labels)]
        return {
            Partition(one.topic, one.partition): one.next_offset for one in read if one is not None
        }

    def give_up_waiting(self, now: float) -> None:
        """Ends the wait of labels for predictions that should have been here by now."""
        for lane in self._lanes.values():
            if lane.predictions is not None and lane.predictions.has_caught_up:
                lane.give_up(now)

    def close(self) -> None:
        """Lets go of what the joins have on the disk."""
        for lane in self._lanes.values():
            lane.close()

    def _all_segments(self) -> list[Segments]:
        found = [s for lane in self._lanes.values() for s in (lane.predictions, lane.labels)]
        return [segments for segments in found if segments is not None]

    def _lane(self, number: int) -> Lane:
        limits = self._limits
        return Lane(
            number,
            self._topics,
            self._references,
            self._tally,
            device=limits.device,
            open_store=partial(JoinStore, limits.join_folder, limit_bytes=limits.join_bytes),
        )

    def _read_group(
        self, group: Group, records: Sequence[Record], registrations: Registrations, now: float
    ) -> list[Refused]:
        """Counts one group, where its monitor is to be counted; returns what cannot be read."""
        registration = registrations.get(group.monitor)
        if registration is None:
            if group.counts:
                self._tally.skipped("", "unknown monitor", len(records))
            return []
        is_prediction = group.topic == self._topics.predictions
        if not group.counts and registration.monitor.spec.label is None:
            return []  # nothing waits for what was counted before
        sound, served, refused = with_served(records) if is_prediction else (records, [], [])
        read = read_predictions if is_prediction else read_labels
        batches, unread = read(sound, registration, self._reading)
        batches = [batch for batch in batches if batch.rows.num_rows]
        n_rows = sum(batch.rows.num_rows for batch in batches)
        if reason := _objection(registration, is_prediction=is_prediction):
            if group.counts:
                self._tally.skipped(group.monitor, reason, n_rows)
        elif batches or served:
            self._reading(records[0], records[-1])
            self._count(group, registration, batches, served if group.counts else [], now)
        return refused + unread

    def _reading(self, first: Record, last: Record) -> None:
        if self._attempts is not None:
            self._attempts.reading(first, last)

    def _count(
        self,
        group: Group,
        registration: Registration,
        batches: Sequence[Batch],
        served: Sequence[tuple[Record, Served]],
        now: float,
    ) -> None:
        lane = self._lanes[group.partition]
        reference = self._reference(registration, sum(batch.rows.num_rows for batch in batches))
        if reference is None:
            return
        if group.topic == self._topics.predictions:
            lane.count_served(registration, reference, served)
            if batches:
                lane.count_predictions(batches, reference, model_version=group.model_version)
        elif (prediction := prediction_field(reference)) is not None:
            for batch in batches:
                lane.join_labels(batch, prediction, now)

    def _set_aside(
        self, taken: Iterable[Sequence[Record]], refused: Sequence[Refused]
    ) -> list[Message]:
        """The dead letters of what is read for the first time; a partition with too many stops."""
        bad: dict[Partition, set[int]] = {}
        for record, _ in refused:
            bad.setdefault(Partition(record.topic, record.partition), set()).add(record.offset)
        for run in taken:
            at = Partition(run[0].topic, run[0].partition)
            if reason := self._intakes[at].note(run, bad.get(at, ())):
                _logger.error("%s, partition %d, is not read on: %s", *at, reason)
                self._tally.stopped(at)
        letters = []
        for record, error in sorted(refused, key=lambda one: one[0].offset):
            if self._intakes[record.topic, record.partition].counts(record):
                self._tally.dead_letter(error.reason)
                letters.append(dead_letter(self._topics.dead_letters, record, error))
        return letters

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
            for source, event_time in lane.latest[name].times():
                said = self._said.get((name, number, source))
                if said is None or event_time > said.event_time:
                    marks.append(
                        Watermark(
                            monitor=name,
                            topic=self._topics.predictions,
                            partition=number,
                            event_time=event_time,
                            offset=lane.predictions.next_offset,
                            source=source,
                        )
                    )
        return marks


def _check_end(segments: Segments, end: int, now: float) -> None:
    if end >= segments.next_offset:
        segments.cut_short_since = None
        return
    since = segments.cut_short_since = segments.cut_short_since or now
    if now - since >= CUT_SHORT_PATIENCE_S:
        raise TopicsError(made_anew(segments, end))


def _objection(registration: Registration, *, is_prediction: bool) -> str | None:
    if registration.state == "deleted":
        return "deleted monitor"
    if registration.reference_id is None:
        return "no reference yet"
    if not is_prediction and registration.monitor.spec.label is None:
        return "labels not expected"
    return None
