"""Windows by their figures: what lists and pictures over time show of many reports at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from monitor.server.moments import moment
from monitor.sql import tables
from monitor.sql.seen import seen

_F = tables.figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one report says in figures.

    report: its id. series_s: the length of the windows that it is one of, 0 of windows by rows.
    start, end: seconds since 1970. expected, realised: of the model's main metric, the value and
    the limits of its interval; None where they are not known.
    """

    monitor: str
    report: str
    series_s: float
    start: float
    end: float
    verdict: str
    n_rows: int
    evidence: float
    threshold: float
    outlier_share: float | None
    expected: "Estimate"
    realised: "Estimate"

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def ended(self) -> str:
        return moment(self.end)

    def to_json(self) -> dict[str, object]:
        return {
            "report": self.report,
            "start": moment(self.start),
            "end": moment(self.end),
            "seconds": self.seconds,
            "verdict": self.verdict,
            "n_rows": self.n_rows,
            "evidence": self.evidence,
            "threshold": self.threshold,
            "outlier_share": self.outlier_share,
            "expected": self.expected.value,
            "expected_interval": self.expected.interval,
            "realised": self.realised.value,
            "realised_interval": self.realised.interval,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both limits; None where they are not known."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def lengths(connection: Connection, name: str) -> list[float]:
    """The lengths of a monitor's windows in seconds, the shortest first; 0 of windows by rows."""
    found = _F.alias("found")
    query = select(func.min(found.c.window_s)).where(found.c.monitor == name)
    lengths: list[float] = []
    while (shortest := connection.scalar(query)) is not None:
        lengths.append(shortest)
        query = select(func.min(found.c.window_s)).where(
            found.c.monitor == name, found.c.window_s > shortest
        )
    return lengths


def history(
    connection: Connection,
    name: str,
    series_s: float,
    *,
    limit: int,
    until: float | None = None,
    before: float | None = None,
) -> list[Window]:
    """The latest windows of one length, oldest first.

    until, before: only windows that start by then, or before then, in seconds since 1970.
    """
    query = select(_F).where(_F.c.monitor == name, _F.c.window_s == series_s)
    if until is not None:
        query = query.where(_F.c.window_start <= until)
    if before is not None:
        query = query.where(_F.c.window_start < before)
    rows = connection.execute(query.order_by(_F.c.window_start.desc()).limit(limit)).all()
    return [_window(row) for row in reversed(rows)]


def after(connection: Connection, name: str, series_s: float, start: float) -> str | None:
    """The report of the next window of that length, if there is one."""
    query = select(_F.c.report).where(
        _F.c.monitor == name, _F.c.window_s == series_s, _F.c.window_start > start
    )
    return connection.scalar(query.order_by(_F.c.window_start).limit(1))


def newest(
    connection: Connection, names: Sequence[str] | None = None, *, is_labelled: bool = False
) -> dict[str, Window]:
    """The last window of each monitor's shortest length; of all monitors without names.

    is_labelled: only of the windows that have labels.
    """
    query = _newest(is_labelled=is_labelled).where(seen(connection, _F.c.monitor))
    if names is not None:
        query = query.where(_F.c.monitor.in_(names))
    return {row.monitor: _window(row) for row in connection.execute(query)}


def series_of(connection: Connection, report_id: str) -> float:
    """The length of the windows that a report's is one of, 0 of windows by rows."""
    t = tables.reports
    found: float = connection.execute(select(t.c.window_s).where(t.c.id == report_id)).scalar_one()
    return found


def _newest(*, is_labelled: bool) -> Select[Any]:
    """Every step of it is a seek in the primary key, however many windows there are."""
    shorter, later, m = _F.alias("shorter"), _F.alias("later"), tables.monitors
    names = select(m.c.name).group_by(m.c.name).subquery()
    shortest = (
        select(func.min(shorter.c.window_s))
        .where(shorter.c.monitor == names.c.name)
        .scalar_subquery()
    )
    series = select(names.c.name, shortest.label("window_s")).subquery()
    start = select(func.max(later.c.window_start)).where(
        later.c.monitor == series.c.name, later.c.window_s == series.c.window_s
    )
    if is_labelled:
        start = start.where(later.c.realised.is_not(None))
    return select(_F).join(
        series,
        and_(
            _F.c.monitor == series.c.name,
            _F.c.window_s == series.c.window_s,
            _F.c.window_start == start.scalar_subquery(),
        ),
    )


def _window(row: Row[Any]) -> Window:
    return Window(
        monitor=row.monitor,
        report=row.report,
        series_s=row.window_s,
        start=row.window_start,
        end=row.window_end,
        verdict=row.verdict,
        n_rows=row.n_rows,
        evidence=row.evidence,
        threshold=row.threshold,
        outlier_share=row.outlier_share,
        expected=Estimate(row.expected, row.expected_low, row.expected_high),
        realised=Estimate(row.realised, row.realised_low, row.realised_high),
    )
