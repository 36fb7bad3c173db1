"""The keeper of windows: one tick is one SQL transaction, from segments to notifications.

The offsets that were read, the segments that they held, the windows that closed, their reports,
alerts and notifications change together or not at all; and only while nobody else owns the
state. So a crash at any point leaves a state from which the log is simply read on.

A window closes when the event time of its monitor's predictions has passed its end by the
lateness. It is judged once, with the evidence of the windows before it. What comes later makes a
new revision of its report, with the decision that was made; the evidence is not stepped again.
A window without a row or a request is no window. When a new reference comes into force its
evidence begins with its own first window; the old one has those before that, and its closed ones go
on to take in late labels. What the old one has counted of a window that the new one has rows of is
not reported.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import NamedTuple, TypeVar

from detectors.artifact import ArtifactError
from monitor.detect import alarms, ending, state, telling
from monitor.detect.clock import Mark, event_time, window_of
from monitor.detect.cutting import at_least_s, kind_of, series_of
from monitor.detect.ending import Bounds
from monitor.detect.judging import Judge
from monitor.detect.reporting import MAX_WINDOWS, Outcome, Reporting, Tick
from monitor.detect.state import Series
from monitor.detect.succession import closing, horizon
from monitor.kafka import profile_messages
from monitor.kafka.messages import Registration, Segment, Topics, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.records import Partition, Record
from monitor.sql import registry
from monitor.sql.database import Database, Ownership
from monitor.sql.store import StoreError
from monitor.telemetry import tracing

TELL_S = 5.0
"""How often it is looked whether somebody may be told now, while nothing else is decided."""

STRAGGLER_S = 3_600.0
"""A source whose rows are older than those of others by so much holds no window open."""

FORGOTTEN_S = 86_400.0
"""After so long a silence a source is nobody's any more."""

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class _Due(NamedTuple):
    """A window that has ended."""

    series: Series
    registration: Registration
    bounds: Bounds


class Keeper:
    """Makes windows of segments.

    idle_s: after which a silent source no longer holds windows open; silence counts from when
        we began to listen. straggler_s: so much older rows than those of others may be for which
        windows wait. base_url: where people reach the pages, for links in notifications.
    max_windows: closed in one tick.
    """

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        topics: Topics,
        judge: Judge,
        *,
        started_at: float,
        idle_s: float,
        straggler_s: float = STRAGGLER_S,
        base_url: str | None = None,
        max_windows: int = MAX_WINDOWS,
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._topics = topics
        self._judge = judge
        self._started_at = started_at
        self._idle_s = idle_s
        self._straggler_s = straggler_s
        self._base_url = base_url
        self._max_windows = max_windows
        self._reporting = Reporting(judge, base_url=base_url)
        self._kept: frozenset[str] | None = None
        self._in_vain: dict[Series, tuple[float | None, float]] = {}
        self._revisions: frozenset[tuple[str, int]] | None = None
        self._tell_at = -math.inf

    def tick(
        self,
        records: Sequence[Record],
        offsets: Mapping[Partition, int],
        now: float,
        *,
        log: str = "",
    ) -> Outcome:
        """Takes records in, together with the offsets to read on from; closes what has ended.

        log: that the offsets are of. Raises StaleOwnerError if another detect has taken over.
        """
        with self._database.write() as connection:
            self._ownership.prove(connection, now)
            tick = Tick(
                connection,
                registry.in_force(connection),
                state.read_closed(connection),
                now,
                Outcome(max_closed=self._max_windows),
            )
            names = frozenset(tick.registrations)
            if names != self._kept:
                state.drop_monitors(connection, but=names)
            newer = self._take(tick, records)
            state.write_offsets(connection, offsets, log=log)
            self._revise(tick, newer)
            marks = state.read_marks(connection, self._topics.predictions)
            self._close(tick, marks)
            self._tell(tick, marks)
        self._kept = names
        self._revisions = _revisions(tick.registrations)
        return tick.outcome

    def _take(self, tick: Tick, records: Iterable[Record]) -> list[Segment]:
        """Keeps what is new among the records; returns the segments that changed."""
        segments: list[SegmentProfile] = []
        marks: list[Watermark] = []
        for record in records:
            match self._read(record):
                case SegmentProfile() as said if self._is_wanted(tick, said.segment):
                    segments.append(said)
                case Watermark() as mark if mark.monitor in tick.registrations:
                    marks.append(mark)
        state.write_watermarks(tick.connection, marks, tick.now)
        revisions = {name: found.revision for name, found in tick.registrations.items()}
        return state.keep_newer(tick.connection, segments, revisions)

    def _read(self, record: Record) -> SegmentProfile | Watermark | None:
        """None for what cannot be used: the topic is ours, so somebody else has written to it."""
        try:
            said = profile_messages.read(record)
            if isinstance(said, SegmentProfile):
                self._judge.check(said.segment, said.profile)
        except (ValueError, ArtifactError, StoreError):
            _logger.exception("%s is passed over", record.place)
            return None
        return said

    def _is_wanted(self, tick: Tick, segment: Segment) -> bool:
        registration = tick.registrations.get(segment.monitor)
        if registration is None:
            return False  # deleted since
        done = horizon(tick.closed, registration)
        if done is None or segment.pane_start + segment.pane_s > done:
            return True
        too_late = tick.outcome.too_late
        too_late[segment.monitor] = too_late.get(segment.monitor, 0) + (segment.subset == 0)
        if segment.subset == 0 and segment.topic == self._topics.predictions:
            state.note_too_late(tick.connection, segment)
        return False

    def _revise(self, tick: Tick, newer: Iterable[Segment]) -> None:
        """Writes the reports of closed windows again that have changed."""
        changed = {
            (series, ending.around(tick.connection, series, segment.pane_start))
            for segment in newer
            for series in _series_of(tick, segment)
        }
        closed = [
            (series, bounds)
            for series, bounds in changed
            if bounds is not None and bounds.end <= tick.closed[series].through
        ]
        for series, bounds in sorted(closed, key=lambda item: (item[0].monitor, item[1])):
            self._reporting.revise(tick, series, bounds)

    def _close(self, tick: Tick, marks: Mapping[str, Sequence[Mark]]) -> None:
        """Of every tenant as many windows as of the others, as long as it has any: one that has a
        backlog keeps none of the others waiting."""
        by_tenant: dict[str, list[_Due]] = {}
        for name, registration in tick.registrations.items():
            until = self._until(registration, marks.get(name, []), tick.now)
            if until is not None:
                due = self._due(tick, registration, until)
                by_tenant.setdefault(registration.monitor.namespace, []).extend(due)
        for due in by_tenant.values():
            due.sort(key=lambda one: one.bounds.end)
        for one in in_turn(by_tenant.values())[: tick.outcome.max_closed]:
            with tracing.span("decide", attributes={"driftmeter.monitor": one.series.monitor}):
                closed = self._reporting.close(tick, one.series, one.registration, one.bounds)
            tick.closed[one.series] = closed
        for name in sorted({one.series.monitor for due in by_tenant.values() for one in due}):
            self._forget(tick, tick.registrations[name])

    def _due(self, tick: Tick, registration: Registration, until: float) -> list[_Due]:
        """The windows of a monitor that are over by then and not closed."""
        return [
            _Due(series, registration, bounds)
            for series, by in self._closing(tick, registration, until)
            for bounds in self._ended(tick, series, registration, by)
        ]

    def _closing(
        self, tick: Tick, registration: Registration, until: float
    ) -> Iterator[tuple[Series, float]]:
        topic = self._topics.predictions
        return closing(tick.connection, tick.closed, registration, topic=topic, until=until)

    def _tell(self, tick: Tick, marks: Mapping[str, Sequence[Mark]]) -> None:
        """What is no matter of one window: silence, alerts that nothing can end, who is told."""
        decided, connection, found = tick.outcome.decided, tick.connection, tick.registrations
        decided.extend(
            alarms.listen(connection, found, marks, now=tick.now, started_at=self._started_at)
        )
        if _revisions(found) != self._revisions:
            decided.extend(alarms.withdraw(connection, found, now=tick.now))
        if decided or tick.now >= self._tell_at:
            decided.extend(telling.tell(connection, found, now=tick.now, base_url=self._base_url))
            self._tell_at = tick.now + TELL_S

    def _until(self, registration: Registration, marks: Iterable[Mark], now: float) -> float | None:
        """The moment by which windows that end before it are closed."""
        heard = [replace(mark, seen_at=max(mark.seen_at, self._started_at)) for mark in marks]
        time = event_time(heard, now=now, idle_s=self._idle_s, straggler_s=self._straggler_s)
        return None if time is None else time - registration.monitor.spec.lateness

    def _ended(
        self, tick: Tick, series: Series, registration: Registration, until: float
    ) -> list[Bounds]:
        closed, kind = tick.closed.get(series), kind_of(series, registration.monitor.spec)
        since = closed.through if closed else None
        if since is not None and until < since + at_least_s(kind):
            return []
        look = since, window_of(until, kind.step_s)
        if self._in_vain.get(series) == look:
            return []  # rows are waited for, and only counted again when a step is over
        panes = ending.KeptPanes(
            tick.connection, series, self._topics.predictions, registration.monitor.pane_s
        )
        found = ending.ended(
            panes, series, kind, since=since, until=until, n_rows=self._judge.n_rows
        )
        if kind.rows and not found:
            self._in_vain[series] = look
        return found

    def _forget(self, tick: Tick, registration: Registration) -> None:
        done = horizon(state.read_closed(tick.connection), registration)
        if done is not None:
            state.drop_segments(tick.connection, registration.name, ended_by=done)
        state.drop_silent(tick.connection, registration.name, since=tick.now - FORGOTTEN_S)


def in_turn(queues: Iterable[Sequence[T]]) -> list[T]:
    """The first of every queue, then the second of those that have one, and so on."""
    rounds = zip_longest(*queues)
    return [one for one in chain.from_iterable(rounds) if one is not None]


def _revisions(registrations: Mapping[str, Registration]) -> frozenset[tuple[str, int]]:
    return frozenset((name, found.revision) for name, found in registrations.items())


def _series_of(tick: Tick, segment: Segment) -> list[Series]:
    """The decided series whose windows a segment is part of."""
    monitor = tick.registrations[segment.monitor].monitor
    if segment.pane_s != monitor.pane_s:
        return []  # counted in panes of another length, before the windows were changed
    every = series_of(monitor, segment.reference_id)
    return [series for series in every if series in tick.closed]
