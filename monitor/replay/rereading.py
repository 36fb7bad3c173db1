"""Profiles of the log read again, where the rows that they were made of are no longer there."""

from collections.abc import Mapping, Sequence

from detectors.artifact import ArtifactError
from monitor.detect.judging import Stretch, stretches
from monitor.kafka import profile_messages
from monitor.kafka.messages import Segment, Topics
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.records import Partition, Record
from monitor.replay.log import Log, LogGoneError
from monitor.replay.recounting import Recounted, parts_of
from monitor.replay.reported import Reported, cuts


def reread(log: Log, topics: Topics, windows: Sequence[Reported]) -> list[Recounted]:
    """Of the segments of each window, the versions that it was decided by, and its last ones.

    Raises LogGoneError where not all of them are in the topic any more.
    """
    partitions = log.partitions(topics.profiles)
    until = log.ends(partitions)
    log.begin_at_the_beginning(partitions)
    found = [_Found(window) for window in windows]

    def take(records: list[Record]) -> None:
        for said in map(_read, records):
            if said is not None:
                for one in found:
                    one.take(said)

    log.read_through(until, take)
    return [one.recounted() for one in found]


def _read(record: Record) -> SegmentProfile | None:
    """None for watermarks, and for what detect could not read either."""
    try:
        said = profile_messages.read(record)
    except (ValueError, ArtifactError):
        return None
    return said if isinstance(said, SegmentProfile) else None


class _Found:
    """What has been found of one window."""

    def __init__(self, window: Reported) -> None:
        self._window = window
        self._decided: dict[bytes, tuple[Segment, bytes]] = {}
        self._made: dict[bytes, tuple[Segment, bytes]] = {}

    def take(self, said: SegmentProfile) -> None:
        window, segment = self._window, said.segment
        if (segment.monitor, segment.reference_id, segment.pane_s) != (
            window.series.monitor,
            window.series.reference_id,
            window.pane_s,
        ) or not window.start <= segment.pane_start < window.end:
            return
        _keep(self._decided, said, cuts(window.decided_of))
        _keep(self._made, said, cuts(window.made_of))

    def recounted(self) -> Recounted:
        """Raises LogGoneError where some of it is missing."""
        decided = parts_of(self._window, self._decided.values())
        made = parts_of(self._window, self._made.values())
        for parts, wanted in ((decided, self._window.decided_of), (made, self._window.made_of)):
            if stretches(parts) != sorted(wanted, key=_place):
                raise LogGoneError("not all of its profiles are there")
        return Recounted(decided, made)


def _keep(
    kept: dict[bytes, tuple[Segment, bytes]], said: SegmentProfile, through: Mapping[Partition, int]
) -> None:
    """The newest version of a segment that a report can have known."""
    segment = said.segment
    if segment.through > through.get(Partition(segment.topic, segment.partition), -1):
        return
    known = kept.get(segment.key)
    if known is None or segment.version > known[0].version:
        kept[segment.key] = (segment, said.profile)


def _place(stretch: Stretch) -> tuple[str, int]:
    return stretch.topic, stretch.partition
