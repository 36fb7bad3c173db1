"""Profiles of the segments of one input partition: cut by the log alone, replaced as they grow.

A partition is cut at every multiple of a number of messages. The rows of a stretch are counted
pane by pane; what was counted so far is published again and again under the same name with a
growing version, and the offset that is committed only ever points at the beginning of a stretch
that is not complete. Whoever reads on from there writes the same names with the same content,
so a crash, a rebalance or a repetition cannot count anything twice.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from detectors.profile import Profile
from monitor.aggregate.repeats import Repeats
from monitor.messages import Segment

MAX_PROFILES = 2_000
"""Of one stretch: so many monitors times panes. A bound on memory that depends on the log alone."""


class Pane(NamedTuple):
    """What a profile is of: one monitor's rows of one pane against one reference."""

    monitor: str
    reference_id: str
    start: float
    length_s: float


@dataclass(slots=True)
class _Stretch:
    """n_joined: labels of this stretch that have met their prediction. repeats: by monitor."""

    profiles: dict[Pane, Profile] = field(default_factory=dict)
    changed: set[Pane] = field(default_factory=set)
    n_joined: int = 0
    repeats: dict[str, Repeats] = field(default_factory=dict)


class Segments:
    """The open stretches of one partition of one topic.

    first: the offset from which rows count; earlier ones have been counted and committed.
    size: messages in a stretch.
    backlog_end: the end of what was there already when we began, None until it is known.
    cut_short_since: since when the log ends before what was read of it, None if it does not.
    """

    def __init__(self, topic: str, partition: int, *, first: int, size: int) -> None:
        self.topic = topic
        self.partition = partition
        self.first = first
        self.next_offset = first
        self.backlog_end: int | None = None
        self.cut_short_since: float | None = None
        self._size = size
        self._stretches: dict[int, _Stretch] = {}

    @property
    def has_caught_up(self) -> bool:
        """Whether everything that was there when we began has been read."""
        return self.backlog_end is not None and self.next_offset >= self.backlog_end

    def start_of(self, offset: int) -> int:
        """The beginning of the stretch that an offset lies in."""
        return offset // self._size * self._size

    def has_room(self, start: int, pane: Pane) -> bool:
        """Whether a pane may be added to a stretch: it is there already, or there are not yet
        `MAX_PROFILES`."""
        stretch = self._stretches.get(start)
        return stretch is None or pane in stretch.profiles or len(stretch.profiles) < MAX_PROFILES

    def add(self, start: int, pane: Pane, profile: Profile, *, n_joined: int = 0) -> None:
        """Adds rows of the stretch that begins at `start`, a multiple of the size."""
        stretch = self._stretches.setdefault(start, _Stretch())
        seen = stretch.profiles.get(pane)
        stretch.profiles[pane] = profile if seen is None else seen + profile
        stretch.changed.add(pane)
        stretch.n_joined += n_joined

    def repeats(self, start: int, monitor: str) -> Repeats:
        """The ids of a monitor that the stretch has held so far."""
        return self._stretches.setdefault(start, _Stretch()).repeats.setdefault(monitor, Repeats())

    def changed(self) -> list[tuple[Segment, Profile]]:
        """What was added to since `settle`, each under its name, oldest first."""
        return [
            (self._segment(start, stretch, pane), stretch.profiles[pane])
            for start, stretch in sorted(self._stretches.items())
            for pane in sorted(stretch.changed)
        ]

    def settle(self, *, oldest_waiting: int | None = None) -> int:
        """Takes note that what `changed` said is in the log; returns the offset to commit.

        oldest_waiting: the offset of the first message that may still change its stretch.
        """
        for stretch in self._stretches.values():
            stretch.changed.clear()
        open_from = self.next_offset if oldest_waiting is None else oldest_waiting
        resume = self.start_of(min(open_from, self.next_offset))
        for start in [start for start in self._stretches if start < resume]:
            del self._stretches[start]
        return max(resume, self.first)

    def _segment(self, start: int, stretch: _Stretch, pane: Pane) -> Segment:
        return Segment(
            monitor=pane.monitor,
            reference_id=pane.reference_id,
            pane_start=pane.start,
            pane_s=pane.length_s,
            topic=self.topic,
            partition=self.partition,
            start=start,
            version=min(self.next_offset, start + self._size) + stretch.n_joined,
        )
