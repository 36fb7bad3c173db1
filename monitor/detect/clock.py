"""Event time: how far it has come, and which windows have ended by it. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one partition has been counted for a monitor, of the rows of one source.

    event_time: the latest seen. seen_at: when it was seen to move on, by our clock.
    """

    event_time: float
    seen_at: float
    partition: int = 0


def event_time(
    marks: Sequence[Mark], *, now: float, idle_s: float, straggler_s: float
) -> float | None:
    """How far a monitor's event time has come; None if nothing has been seen.

    The slowest source of the slowest partition that moves decides. One that has been silent for
    `idle_s` holds nobody up, nor does one whose rows are `straggler_s` older than those that others
    send at the same time. No clock that is ahead of ours is believed: a window does not end before
    its end. If all are silent, time is taken to pass as it does for us.
    """
    moving: dict[int, list[float]] = {}
    for mark in marks:
        if now - mark.seen_at < idle_s:
            moving.setdefault(mark.partition, []).append(min(mark.event_time, now))
    if moving:
        return min(_slowest(times, straggler_s) for times in moving.values())
    return max((min(m.event_time + now - m.seen_at, now) for m in marks), default=None)


def _slowest(times: Sequence[float], straggler_s: float) -> float:
    head = max(times)
    return min(time for time in times if head - time <= straggler_s)


def window_of(time: float, window_s: float, phase_s: float = 0.0) -> float:
    """The start of the window that a moment lies in; windows begin at multiples of their length,
    or so long after them."""
    return math.floor((time - phase_s) / window_s) * window_s + phase_s


def ended(
    pane_starts: Iterable[float],
    window_s: float,
    *,
    since: float | None,
    until: float,
    phase_s: float = 0.0,
) -> list[float]:
    """Starts of the windows that hold a pane, begin at `since` or later and end by `until`."""
    starts = sorted({window_of(start, window_s, phase_s) for start in pane_starts})
    return [s for s in starts if (since is None or s >= since) and s + window_s <= until]


def filled(
    n_rows: Mapping[float, int],
    enough: int,
    step_s: float,
    *,
    since: float | None,
    until: float,
) -> list[tuple[float, float]]:
    """Start and end of the windows by rows that are over by `until`.

    Each begins where the one before it ends, the first at `since` or with the first row, and ends
    at the first multiple of `step_s` at which it holds `enough` rows.

    n_rows: of each pane, by its start, from `since` on.
    """
    steps: Counter[float] = Counter()
    for pane, n in n_rows.items():
        steps[window_of(pane, step_s)] += n
    found: list[tuple[float, float]] = []
    start, n_seen = since, 0
    for step in sorted(steps):
        if step + step_s > until:
            break
        start, n_seen = step if start is None else start, n_seen + steps[step]
        if n_seen >= enough:
            found.append((start, step + step_s))
            start, n_seen = step + step_s, 0
    return found
