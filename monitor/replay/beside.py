"""What reports say beside their decision, as far as it is known what they said it of: comparisons
with the windows before, and tests of sampled rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from monitor.detect.judging import beside
from monitor.detect.state import Series
from monitor.replay.reported import Reported
from monitor.sql import tables


class Kind(NamedTuple):
    """Windows that are compared with each other, if one begins whole lengths after the other."""

    monitor: str
    reference_id: str
    window_s: float

    @staticmethod
    def of(series: Series) -> "Kind":
        return Kind(series.monitor, series.reference_id, series.window_s)


class Tested(NamedTuple):
    """named: the tests that were asked for. said: what each of them said."""

    named: Sequence[str]
    said: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Beside:
    """starts: where the windows of a kind began that were reported. profiles: of those of them that
    are still kept, by where they began. tested: by report, the tests of its sampled rows."""

    starts: Mapping[Kind, Sequence[float]]
    profiles: Mapping[Kind, Mapping[float, bytes]]
    tested: Mapping[str, Tested]


def span_s(window: Reported) -> float:
    """How far back a window is compared with others; 0 where it is with none."""
    return max((beside(one).span_s for one in window.spec.compared_with), default=0.0)


def read(connection: Connection, windows: Sequence[Reported]) -> Beside:
    """Of some windows, and of those that they may have been compared with."""
    since: dict[Kind, float] = {}
    for window in windows:
        if span := span_s(window):
            kind, first = Kind.of(window.series), window.start - span
            since[kind] = min(first, since.get(kind, first))
    return Beside(
        {kind: _starts(connection, kind, first) for kind, first in since.items()},
        {kind: _profiles(connection, kind, first) for kind, first in since.items()},
        _tested(connection, (window.body["id"] for window in windows)),
    )


def _starts(connection: Connection, kind: Kind, since: float) -> list[float]:
    t = tables.reports
    query = select(t.c.window_start).where(
        t.c.monitor == kind.monitor,
        t.c.reference_id == kind.reference_id,
        t.c.window_s == kind.window_s,
        t.c.window_start >= since,
        t.c.body["n_rows"].as_integer() > 0,
    )
    return list(connection.scalars(query.order_by(t.c.window_start)))


def _profiles(connection: Connection, kind: Kind, since: float) -> dict[float, bytes]:
    t = tables.past_windows
    query = select(t.c.window_start, t.c.profile).where(
        t.c.monitor == kind.monitor,
        t.c.reference_id == kind.reference_id,
        t.c.window_s == kind.window_s,
        t.c.window_start >= since,
    )
    return {row.window_start: row.profile for row in connection.execute(query)}


def _tested(connection: Connection, reports: Iterable[str]) -> dict[str, Tested]:
    """Where nothing is said yet, or why nothing can be, there is nothing to be made again."""
    t = tables.examinations
    query = select(t.c.report, t.c.asked, t.c.said).where(
        t.c.report.in_(list(reports)), ~t.c.is_waiting
    )
    return {
        row.report: Tested(row.asked["sample_tests"], row.said["tests"])
        for row in connection.execute(query)
        if row.said is not None and row.said["tests"]
    }
