"""Event time: how far it has come, and which windows have ended by it. Pure."""

import math
from collections.abc import Iterable, Sequence
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


def window_of(time: float, window_s: float) -> float:
    """The start of the window that a moment lies in; windows begin at multiples of their length."""
    return math.floor(time / window_s) * window_s


def ended(
    pane_starts: Iterable[float], window_s: float, *, since: float | None, until: float
) -> list[float]:
    """Starts of the windows that hold a pane, begin at `since` or later and end by `until`."""
    starts = sorted({window_of(start, window_s) for start in pane_starts})
    return [s for s in starts if (since is None or s >= since) and s + window_s <= until]
