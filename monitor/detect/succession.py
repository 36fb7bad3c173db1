"""One revision follows another, and one reference another, while windows are running."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from monitor.detect import state
from monitor.detect.cutting import series_of
from monitor.detect.state import Closed, Series
from monitor.kafka.messages import Registration
from monitor.sql import registry


def of_revision(
    connection: Connection, current: Registration, revision: int | None
) -> Registration:
    """The revision that a window began with; the one in force where that has other windows."""
    if revision is None or revision == current.revision:
        return current
    begun = registry.at(connection, current.name, revision)
    if begun is None or begun.monitor.spec.windows != current.monitor.spec.windows:
        return current
    return begun


def closing(
    connection: Connection,
    closed: Mapping[Series, Closed],
    registration: Registration,
    *,
    topic: str,
    until: float,
) -> Iterator[tuple[Series, float]]:
    """The series of which windows close, and the moment by which they must have ended.

    Until the reference in force has closed its first window, those are also of the reference
    before it: the windows that were over before the first row of the one in force.
    """
    assert registration.reference_id is not None  # it is active
    for series in series_of(registration.monitor, registration.reference_id):
        before = None if series in closed else _before(series, closed)
        if before is not None:
            pane_s = registration.monitor.pane_s
            panes = state.pane_starts(connection, series, topic=topic, pane_s=pane_s, since=None)
            yield before, min([until, *panes])
        yield series, until


def _before(series: Series, closed: Mapping[Series, Closed]) -> Series | None:
    """The latest of the monitor's series of the same windows against other references."""
    kind = series.monitor, series.window_s, series.phase_s, series.rows
    others = [
        (known.through, other.reference_id, other)
        for other, known in closed.items()
        if (other.monitor, other.window_s, other.phase_s, other.rows) == kind
    ]
    return max(others, default=(0.0, "", None), key=lambda one: one[:2])[2]


def horizon(closed: Mapping[Series, Closed], registration: Registration) -> float | None:
    """Panes that end by this moment can no longer change; None if nothing is decided yet."""
    spec = registration.monitor.spec
    decided: dict[str, float] = {}
    for series, until in closed.items():
        if series in series_of(registration.monitor, series.reference_id):
            earlier = decided.get(series.reference_id, until.through)
            decided[series.reference_id] = min(earlier, until.through)
    if not decided:
        return None
    return max(decided.values()) - spec.label_horizon - spec.lateness
