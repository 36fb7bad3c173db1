"""The records of one poll, sorted into the groups that are counted together."""

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from monitor.aggregate.intake import Group, Intake
from monitor.aggregate.reading import Refused, UnreadableError
from monitor.aggregate.segments import Segments
from monitor.aggregate.tally import Tally
from monitor.kafka.records import Record, TopicsError

_logger = logging.getLogger(__name__)

_place_and_headers = attrgetter("topic", "partition", "headers")


class Sorting:
    """Takes records in the order of the log; those that are none of ours, or not the next, are
    passed over.

    taken: the others, in runs of one partition. groups: those of them that are to be read.
    refused: those that name no monitor, or must not be read.
    """

    def __init__(self, intakes: Mapping[tuple[str, int], Intake], tally: Tally) -> None:
        self.taken: list[Sequence[Record]] = []
        self.groups: dict[Group, list[Record]] = {}
        self.refused: list[Refused] = []
        self._intakes = intakes
        self._tally = tally

    def take(self, records: Sequence[Record]) -> None:
        """Small messages mostly have the headers of those before them: they are looked at once.

        Raises TopicsError where the log is another one than before.
        """
        for (topic, partition, _), alike in groupby(records, key=_place_and_headers):
            intake = self._intakes.get((topic, partition))
            if intake is None or intake.stopped:
                continue
            run = list(alike)
            if intake.takes_together(run):
                self._take_together(intake, run)
            else:
                self._take_one_by_one(intake, run)

    def _take_together(self, intake: Intake, run: Sequence[Record]) -> None:
        intake.segments.advance(run[-1].offset, run[-1].time, n=len(run))
        self.taken.append(run)
        for part in intake.parts(run):
            self.groups.setdefault(intake.group(part[0]), []).extend(part)

    def _take_one_by_one(self, intake: Intake, run: Sequence[Record]) -> None:
        taken = [record for record in run if self._is_next(intake.segments, record)]
        if taken:
            self.taken.append(taken)
        for record in taken:
            if intake.is_repeated(record):
                if intake.counts(record):
                    self._tally.skipped("", "repeated message")
                continue
            try:
                self.groups.setdefault(intake.group(record), []).append(record)
            except UnreadableError as error:
                self.refused.append((record, error))

    def _is_next(self, segments: Segments, record: Record) -> bool:
        """Whether a record is the next of its partition; a repetition is passed over."""
        if record.offset < segments.next_offset:
            if not segments.could_repeat(record.offset, record.time):
                raise TopicsError(made_anew(segments, record.offset))
            return False
        if n_lost := segments.advance(record.offset, record.time):
            _logger.warning("%s: the log no longer holds the %d before it", record.place, n_lost)
            self._tally.skipped("", "no longer in the log", n_lost)
        return True


def made_anew(segments: Segments, at: int) -> str:
    """What is wrong with a log that is at an offset where it cannot be."""
    return (
        f"the log of {segments.topic}, partition {segments.partition}, is at {at}, but "
        f"{segments.next_offset} messages had been read, and not these: it was made anew. "
        "Give the new topics another --topic-prefix"
    )
