"""Which windows of a series are over, and which one a moment lies in, as SQL knows."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from monitor.detect import clock, state
from monitor.detect.state import Series
from monitor.spec.windows import Window


class Bounds(NamedTuple):
    """From when to when a window is."""

    start: float
    end: float


class Panes(Protocol):
    """Those that hold predictions, from a moment on or all: where they begin, and what each of
    their segments counted."""

    def starts(self, since: float | None) -> Iterable[float]: ...

    def profiles(self, since: float | None) -> Iterable[tuple[float, bytes]]: ...


@dataclass(frozen=True, slots=True)
class KeptPanes:
    """Those of a series that SQL knows. topic: of predictions."""

    connection: Connection
    series: Series
    topic: str
    pane_s: float

    def starts(self, since: float | None) -> list[float]:
        return state.pane_starts(
            self.connection, self.series, topic=self.topic, pane_s=self.pane_s, since=since
        )

    def profiles(self, since: float | None) -> list[tuple[float, bytes]]:
        return state.profiles_by_pane(
            self.connection, self.series, topic=self.topic, pane_s=self.pane_s, since=since
        )


def ended(
    panes: Panes,
    series: Series,
    kind: Window,
    *,
    since: float | None,
    until: float,
    n_rows: Callable[[Series, bytes], int],
) -> list[Bounds]:
    """The windows that are over by `until`, in order; those that hold a row.

    since: the end of the one before. Of windows that overlap, those that began before the first
    row are none: they would be judged by a part of their length.
    """
    if kind.rows is not None:
        found: Counter[float] = Counter()
        for pane, profile in panes.profiles(since):
            found[pane] += n_rows(series, profile)
        over = clock.filled(found, kind.rows, kind.step_s, since=since, until=until)
        return [Bounds(*one) for one in over]
    starts = list(panes.starts(since))
    if since is None and kind.every is not None:
        since = min(starts, default=None)
    length, phase_s = series.window_s, series.phase_s
    over_at = clock.ended(starts, length, since=since, until=until, phase_s=phase_s)
    return [Bounds(start, start + length) for start in over_at]


def around(connection: Connection, series: Series, time: float) -> Bounds | None:
    """The window that a moment lies in; None if it is none yet: of windows by rows it is not known
    before."""
    if series.rows:
        found = state.window_around(connection, series, time)
        return None if found is None else Bounds(*found)
    start = clock.window_of(time, series.window_s, series.phase_s)
    return Bounds(start, start + series.window_s)
