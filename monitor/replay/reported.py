"""What was reported of the windows of a range, and of which stretches of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from detectors.report import Reason
from monitor.detect.cutting import series_of
from monitor.detect.judging import Stretch, report_id
from monitor.detect.state import Series
from monitor.kafka.messages import Registration
from monitor.kafka.records import Partition
from monitor.spec.model import Spec
from monitor.sql import registry, tables


class ReplayError(Exception):
    """What cannot be replayed; the message says why, and from when on it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A window as its report stands.

    registration: the revision that it was judged by.
    evidence_before: of the series, None before its first window.
    decided_of, made_of: the stretches of the log that its decision and its last revision rest on.
    """

    series: Series
    start: float
    end: float
    revision: int
    registration: Registration
    evidence_before: bytes | None
    decided_of: Sequence[Stretch]
    made_of: Sequence[Stretch]
    body: Mapping[str, Any]

    @property
    def spec(self) -> Spec:
        return self.registration.monitor.spec

    @property
    def pane_s(self) -> float:
        return self.registration.monitor.pane_s

    @property
    def is_paused(self) -> bool:
        """Whether the monitor was paused when the window ended: the log does not tell."""
        return bool(self.body["reason"] == Reason.PAUSED)


def reported(connection: Connection, monitor: str, since: float, until: float) -> list[Reported]:
    """The windows that lie in a range, in the order in which they ended.

    Raises ReplayError where there are none, or where it is not known what they were made of.
    """
    t = tables.reports
    query = (
        select(t)
        .where(t.c.monitor == monitor, t.c.window_start >= since, t.c.window_end <= until)
        .order_by(t.c.window_end, t.c.window_start, t.c.id)
    )
    rows = connection.execute(query).all()
    if not rows:
        raise ReplayError(f"no window of {monitor!r} was reported that lies in the range")
    revisions = {row.monitor_revision for row in rows}
    known = {number: registry.at(connection, monitor, number) for number in revisions}
    return [_reported(row, known[row.monitor_revision]) for row in rows]


def cuts(stretches: Sequence[Stretch]) -> dict[Partition, int]:
    """Up to where each partition was read, by the offset behind the last message."""
    return {Partition(one.topic, one.partition): one.through for one in stretches}


def _reported(row: Row[Any], registration: Registration | None) -> Reported:
    if registration is None or row.made_of is None or row.decided_of is None:
        raise ReplayError(
            f"the report {row.id} does not say what it was made of: it is of an earlier Driftmeter"
        )
    return Reported(
        series=_series(row, registration),
        start=row.window_start,
        end=row.window_end,
        revision=row.revision,
        registration=registration,
        evidence_before=row.evidence_before,
        decided_of=[Stretch(**one) for one in row.decided_of],
        made_of=[Stretch(**one) for one in row.made_of],
        body=row.body,
    )


def _series(row: Row[Any], registration: Registration) -> Series:
    """The one among the monitor's that the report's id follows from."""
    found = [
        series
        for series in series_of(registration.monitor, row.reference_id)
        if report_id(series, row.window_start) == row.id
        and (series.rows or (row.window_start - series.phase_s) % series.window_s == 0)
    ]
    if not found:
        raise ReplayError(f"the report {row.id} is of windows that revision lacks")
    return found[0]
