"""Profiles of the segments of one input partition: cut by the log alone, replaced as they grow.

A partition is cut at every multiple of a number of messages. The rows of a stretch are counted
pane by pane; what was counted so far is published again and again under the same name with a
growing version, and the offset that is committed only ever points at the beginning of a stretch
that is not complete. Whoever reads on from there writes the same names with the same content,
so a crash, a rebalance or a repetition cannot count anything twice.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from detectors.profile import Profile
from monitor.aggregate.outlying import OutlyingRow, least
from monitor.aggregate.repeats import Repeats
from monitor.kafka.messages import Segment

MAX_PROFILES = 2_000
"""Of one stretch: so many monitors times panes. A bound on memory that depends on the log alone."""


MAX_MODEL_VERSIONS = 8
"""Of one monitor in one stretch that have profiles of their own."""

OTHER_VERSIONS = "other versions"
"""The rows of all further versions are counted together under this name."""


class Pane(NamedTuple):
    """What a profile is of: one monitor's rows of one pane against one reference, by one version of
    its model.

    subset: 0 of all rows; n of those in the reference's nth segment, whatever the version; those
        `FROM_THE_FUTURE`; or of requests that were `SERVED`.
    """

    monitor: str
    reference_id: str
    start: float
    length_s: float
    model_version: str = ""
    subset: int = 0

    def of_segment(self, index: int) -> "Pane":
        """The same pane's rows that are in one of the reference's segments."""
        return self._replace(model_version="", subset=index + 1)


@dataclass(slots=True)
class _Stretch:
    """n_counted: by pane, the rows or labels in its profile. n_subsets: how many of the panes are
    of segments. repeats, model_versions: by monitor. outlying: the rows that are least like the
    reference, where they are asked for."""

    profiles: dict[Pane, Profile] = field(default_factory=dict)
    changed: set[Pane] = field(default_factory=set)
    n_counted: Counter[Pane] = field(default_factory=Counter)
    n_subsets: int = 0
    repeats: dict[str, Repeats] = field(default_factory=dict)
    model_versions: dict[str, set[str]] = field(default_factory=dict)
    outlying: dict[Pane, list[OutlyingRow]] = field(default_factory=dict)


class Segments:
    """The open stretches of one partition of one topic.

    first: the offset from which rows count; earlier ones have been counted and committed.
    size: messages in a stretch.
    backlog_end: the end of what was there already when we began, None until it is known.
    cut_short_since: since when the log ends before what was read of it, None if it does not.
    read_until: time in the log of the latest message read, None before the first.
    """

    def __init__(self, topic: str, partition: int, *, first: int, size: int, log: str = "") -> None:
        self.topic = topic
        self.partition = partition
        self.first = first
        self.next_offset = first
        self.backlog_end: int | None = None
        self.cut_short_since: float | None = None
        self.read_until: float | None = None
        self.size = size
        self._log = log
        self._stretches: dict[int, _Stretch] = {}

    @property
    def has_caught_up(self) -> bool:
        """Whether everything that was there when we began has been read."""
        return self.backlog_end is not None and self.next_offset >= self.backlog_end

    def are_next(self, offsets: Sequence[int]) -> bool:
        """Whether these are of the following messages, with none left out."""
        return offsets == list(range(self.next_offset, self.next_offset + len(offsets)))

    def advance(self, offset: int, time: float, *, n: int = 1) -> int:
        """Goes on to the message behind this one, the last of `n` in a row; how many there should
        have been before them."""
        n_missing = offset - self.next_offset - (n - 1)
        self.next_offset, self.read_until = offset + 1, time
        return n_missing

    def could_repeat(self, offset: int, time: float) -> bool:
        """Whether a message from before may be the one that was read there; of the latest it is
        known when it was written."""
        return offset != self.next_offset - 1 or self.read_until in (None, time)

    def lag_s(self, end: int, now: float) -> float:
        """How old what was read last is, in seconds; 0 where nothing is left to be read."""
        if self.read_until is None or self.next_offset >= end:
            return 0.0
        return max(0.0, now - self.read_until)

    def start_of(self, offset: int) -> int:
        """The beginning of the stretch that an offset lies in."""
        return offset // self.size * self.size

    def has_room(self, start: int, pane: Pane) -> bool:
        """Whether a pane may be added to a stretch: it is there already, or there are not yet
        `MAX_PROFILES`. Those of segments take no room from the others."""
        stretch = self._stretches.get(start)
        if stretch is None or pane in stretch.profiles:
            return True
        n_subsets = stretch.n_subsets
        n_alike = n_subsets if pane.subset > 0 else len(stretch.profiles) - n_subsets
        return n_alike < MAX_PROFILES

    def add(self, start: int, pane: Pane, profile: Profile, *, n: int) -> None:
        """Adds rows of the stretch that begins at `start`, a multiple of the size.

        n: how many rows, labels or requests the profile has counted; 0 of what is told of rows
            added with it.
        """
        stretch = self._stretches.setdefault(start, _Stretch())
        seen = stretch.profiles.get(pane)
        stretch.n_subsets += seen is None and pane.subset > 0
        stretch.profiles[pane] = profile if seen is None else seen + profile
        stretch.changed.add(pane)
        stretch.n_counted[pane] += n

    def add_outlying(
        self, start: int, pane: Pane, rows: Sequence[OutlyingRow], *, limit: int
    ) -> None:
        """Keeps the rows of a pane that are least like the reference, at most so many."""
        kept = self._stretches.setdefault(start, _Stretch()).outlying
        kept[pane] = least(kept.get(pane, []), rows, limit)

    def repeats(self, start: int, monitor: str) -> Repeats:
        """The ids of a monitor that the stretch has held so far."""
        return self._stretches.setdefault(start, _Stretch()).repeats.setdefault(monitor, Repeats())

    def model_version(self, start: int, monitor: str, version: str) -> str:
        """Under which name the rows of a version are counted in a stretch: its own, for the first
        few that the stretch holds."""
        stretch = self._stretches.setdefault(start, _Stretch())
        known = stretch.model_versions.setdefault(monitor, set())
        if version not in known and len(known) >= MAX_MODEL_VERSIONS:
            return OTHER_VERSIONS
        known.add(version)
        return version

    def changed(self) -> list[tuple[Segment, Profile]]:
        """What was added to since `settle`, each under its name, oldest first."""
        return [
            (self._segment(start, stretch, pane), stretch.profiles[pane])
            for start, stretch in sorted(self._stretches.items())
            for pane in sorted(stretch.changed)
        ]

    def outlying(self) -> list[tuple[Segment, list[OutlyingRow]]]:
        """Of the segments in `changed`, the rows that are least like the reference."""
        return [
            (self._segment(start, stretch, pane), stretch.outlying[pane])
            for start, stretch in sorted(self._stretches.items())
            for pane in sorted(stretch.changed & stretch.outlying.keys())
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
        through = min(self.next_offset, start + self.size)
        return Segment(
            monitor=pane.monitor,
            reference_id=pane.reference_id,
            pane_start=pane.start,
            pane_s=pane.length_s,
            topic=self.topic,
            partition=self.partition,
            start=start,
            version=stretch.n_counted[pane],
            through=through,
            model_version=pane.model_version,
            log=self._log,
            subset=pane.subset,
        )
