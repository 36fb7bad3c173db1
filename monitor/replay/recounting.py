"""Rows of the log counted again, by the code that counts them as they come, up to where they had
been counted when a window was decided and when its report was last made."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from monitor.aggregate.counting import SEGMENT_SIZE, Aggregator, Limits, Registrations
from monitor.aggregate.tally import Tally
from monitor.detect.state import Part
from monitor.kafka.messages import Segment, Topics
from monitor.kafka.records import Partition, Record
from monitor.replay.log import Log
from monitor.replay.reported import Reported, cuts
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Recounted:
    """The segments of a window when it was decided, and those of its last revision."""

    decided: Sequence[Part]
    made: Sequence[Part]


def recount(
    log: Log, topics: Topics, references: References, windows: Sequence[Reported]
) -> list[Recounted]:
    """Of windows against one reference and of one length of panes, in the order of their ends.

    references: for counting. Raises LogGoneError where their rows are no longer there.
    """
    firsts = _firsts(windows)
    begun = log.begin(firsts, before=SEGMENT_SIZE)  # so far back repeated messages are known
    counted = _Counted(windows, topics, references)
    for at, first in firsts.items():
        counted.aggregator.assign(at, first=first, reading_from=begun[at])
    try:
        return _read(log, counted, windows)
    finally:
        counted.aggregator.close()


def _read(log: Log, counted: "_Counted", windows: Sequence[Reported]) -> list[Recounted]:
    decided = []
    for window in windows:
        log.read_through(cuts(window.decided_of), counted.take)
        decided.append(counted.parts_of(window))
    made = []
    for window in windows:
        log.read_through(cuts(window.made_of), counted.take)
        made.append(counted.parts_of(window))
    return [Recounted(*both) for both in zip(decided, made, strict=True)]


class _Counted:
    """An aggregator that nobody else knows, and what it has counted of some windows' panes."""

    def __init__(self, windows: Sequence[Reported], topics: Topics, references: References) -> None:
        limits = Limits(device="cpu", dead_letters=None)
        tally = Tally(Instruments(CollectorRegistry()))
        self.aggregator = Aggregator(topics, references, tally, limits=limits)
        self._registration = windows[-1].registration
        self._since = min(window.start for window in windows)
        self._until = max(window.end for window in windows)
        self._segments: dict[bytes, tuple[Segment, bytes]] = {}

    def take(self, records: list[Record]) -> None:
        self.aggregator.read(records, self._known, records[-1].time)
        for segment, profile in self.aggregator.changed():
            if self._since <= segment.pane_start < self._until:
                self._segments[segment.key] = (segment, profile.to_bytes())
        self.aggregator.settle([])

    def parts_of(self, window: Reported) -> list[Part]:
        return parts_of(window, self._segments.values())

    def _known(self, _: Collection[str]) -> Registrations:
        return {self._registration.name: self._registration}


def parts_of(window: Reported, said: Iterable[tuple[Segment, bytes]]) -> list[Part]:
    """Those of the segments that are a window's."""
    return [
        Part(
            topic=segment.topic,
            partition=segment.partition,
            start=segment.start,
            through=segment.through,
            monitor_revision=window.registration.revision,
            model_version=segment.model_version,
            profile=profile,
            subset=segment.subset,
            version=segment.version,
        )
        for segment, profile in said
        if window.start <= segment.pane_start < window.end
    ]


def _firsts(windows: Sequence[Reported]) -> Mapping[Partition, int]:
    """Where the windows' rows begin."""
    firsts: dict[Partition, int] = {}
    for window in windows:
        for one in window.made_of:
            at = Partition(one.topic, one.partition)
            firsts[at] = min(one.first, firsts.get(at, one.first))
    return firsts
