"""What detect keeps in SQL: the latest segments, how far they reach, evidence and reports."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, tuple_

from detectors.decision import Decision
from monitor.detect.clock import Mark
from monitor.kafka.messages import SERVED, Segment, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.records import Partition
from monitor.sql import decided, figures, scraped, tables
from monitor.sql.database import upsert

_CHUNK = 500  # keys in one statement: SQLite takes at most 32,766 parameters


@dataclass(frozen=True, slots=True)
class Series:
    """Windows of one monitor against one reference that follow each other: they share evidence.

    window_s: their length; 0 of windows by rows, whose length varies.
    phase_s: where they begin, modulo their length. rows: of windows by rows, how many are enough.
    """

    monitor: str
    reference_id: str
    window_s: float
    phase_s: float = 0.0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """How far a series has been decided: the end of its last window, and the evidence then."""

    through: float
    evidence: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A segment of a window, as far as it is known.

    monitor_revision: that was in force when it was first heard of. subset: 0 of all rows, n of
    those in the reference's nth segment, those from the future or requests that were served.
    version: how many were counted.
    """

    topic: str
    partition: int
    start: int
    through: int
    monitor_revision: int
    model_version: str
    profile: bytes
    subset: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class StoredReport:
    revision: int
    monitor_revision: int
    decision: Decision


def read_offsets(connection: Connection, topic: str) -> dict[Partition, int]:
    """The next offset to read of each partition that this state has something of."""
    t = tables.offsets
    rows = connection.execute(select(t).where(t.c.topic == topic))
    return {Partition(row.topic, row.partition): row.next_offset for row in rows}


def read_logs(connection: Connection, topic: str) -> dict[Partition, str]:
    """Which log the offset of each partition is of; empty where the broker did not say."""
    t = tables.offsets
    rows = connection.execute(select(t).where(t.c.topic == topic))
    return {Partition(row.topic, row.partition): row.log for row in rows}


def write_offsets(
    connection: Connection, offsets: Mapping[Partition, int], *, log: str = ""
) -> None:
    upsert(
        connection,
        tables.offsets,
        [
            {"topic": at.topic, "partition": at.partition, "next_offset": offset, "log": log}
            for at, offset in offsets.items()
        ],
    )


def keep_newer(
    connection: Connection, said: Iterable[SegmentProfile], revisions: Mapping[str, int]
) -> list[Segment]:
    """Keeps the segments that are newer than what is known of them; returns those.

    revisions: in force, by monitor; a segment belongs to the one that it began with.
    """
    latest: dict[tuple[object, ...], SegmentProfile] = {}
    for one in said:
        known = latest.get(_key(one.segment))
        if known is None or one.segment.version > known.segment.version:
            latest[_key(one.segment)] = one
    known_of = _known(connection, list(latest))
    newer: list[Segment] = []
    rows = []
    for key, one in latest.items():
        version, revision = known_of.get(key, (-1, revisions[one.segment.monitor]))
        if one.segment.version > version:
            newer.append(one.segment)
            rows.append(_segment_row(one) | {"monitor_revision": revision})
    upsert(connection, tables.segments, rows)
    return newer


def note_too_late(connection: Connection, segment: Segment) -> None:
    """Keeps of how many predictions it is known that they came too late for their window, where
    there is a report of that."""
    t, reports = tables.too_late, tables.reports
    reported = select(reports.c.id).where(
        reports.c.monitor == segment.monitor,
        reports.c.reference_id == segment.reference_id,
        reports.c.window_start <= segment.pane_start,
        reports.c.window_end > segment.pane_start,
    )
    if connection.execute(reported.limit(1)).first() is None:
        return
    row = {column.name: getattr(segment, column.name) for column in t.primary_key}
    same = [t.c[name] == value for name, value in row.items()]
    known = connection.scalar(select(t.c.n_rows).where(*same)) or 0
    upsert(connection, t, [row | {"n_rows": max(known, segment.version)}])


def pane_starts(
    connection: Connection, series: Series, *, topic: str, pane_s: float, since: float | None
) -> list[float]:
    """The panes that hold predictions, or requests, from a moment on."""
    t = tables.segments
    query = (
        select(t.c.pane_start)
        .distinct()
        .where(
            t.c.monitor == series.monitor,
            t.c.reference_id == series.reference_id,
            t.c.pane_s == pane_s,
            t.c.topic == topic,
            t.c.subset.in_((0, SERVED)),
        )
    )
    if since is not None:
        query = query.where(t.c.pane_start >= since)
    return list(connection.scalars(query))


def profiles_by_pane(
    connection: Connection, series: Series, *, topic: str, pane_s: float, since: float | None
) -> list[tuple[float, bytes]]:
    """Where the panes begin that hold predictions, from a moment on, and the profiles of them."""
    t = tables.segments
    query = select(t.c.pane_start, t.c.profile).where(
        t.c.monitor == series.monitor,
        t.c.reference_id == series.reference_id,
        t.c.pane_s == pane_s,
        t.c.topic == topic,
        t.c.subset == 0,
    )
    if since is not None:
        query = query.where(t.c.pane_start >= since)
    return [(row.pane_start, row.profile) for row in connection.execute(query)]


def parts(
    connection: Connection, series: Series, *, start: float, end: float, pane_s: float
) -> list[Part]:
    """All segments of one window, those of its subsets too."""
    t = tables.segments
    columns = [t.c[field.name] for field in fields(Part)]
    found = connection.execute(
        select(*columns).where(
            t.c.monitor == series.monitor,
            t.c.reference_id == series.reference_id,
            t.c.pane_s == pane_s,
            t.c.pane_start >= start,
            t.c.pane_start < end,
        )
    )
    return [Part(**row) for row in found.mappings()]


def drop_segments(connection: Connection, monitor: str, *, ended_by: float) -> None:
    """Forgets the panes of a monitor that end by a moment."""
    t = tables.segments
    old = (t.c.monitor == monitor) & (t.c.pane_start + t.c.pane_s <= ended_by)
    connection.execute(delete(t).where(old))


def drop_monitors(connection: Connection, *, but: Collection[str]) -> None:
    """Forgets the segments, watermarks and past windows of all monitors but those, and what scrapes
    show of them; what was reported of the others stays."""
    counted = tables.segments, tables.watermarks, tables.past_windows, tables.too_late
    for t in (*counted, tables.scraped):
        gone = set(connection.scalars(select(t.c.monitor).distinct())) - set(but)
        if gone:
            connection.execute(delete(t).where(t.c.monitor.in_(gone)))


def write_watermarks(connection: Connection, said: Iterable[Watermark], now: float) -> None:
    """Moves marks on, never back; what does not move was not seen."""
    ahead: dict[tuple[str, str, int, str], Watermark] = {}
    for mark in said:
        key = (mark.monitor, mark.topic, mark.partition, mark.source)
        if key not in ahead or mark.event_time > ahead[key].event_time:
            ahead[key] = mark
    t = tables.watermarks
    names = {mark.monitor for mark in ahead.values()}
    known = {
        (row.monitor, row.topic, row.partition, row.source): row.event_time
        for row in connection.execute(select(t).where(t.c.monitor.in_(names)))
    }
    rows = [
        {
            "monitor": mark.monitor,
            "topic": mark.topic,
            "partition": mark.partition,
            "source": mark.source,
            "event_time": mark.event_time,
            "seen_at": now,
        }
        for key, mark in ahead.items()
        if key not in known or mark.event_time > known[key]
    ]
    upsert(connection, t, rows)


def read_marks(connection: Connection, topic: str) -> dict[str, list[Mark]]:
    """The marks of the sources in every monitor's partitions of a topic."""
    t = tables.watermarks
    marks: dict[str, list[Mark]] = {}
    for row in connection.execute(select(t).where(t.c.topic == topic)):
        mark = Mark(row.event_time, row.seen_at, row.partition)
        marks.setdefault(row.monitor, []).append(mark)
    return marks


def drop_silent(connection: Connection, monitor: str, *, since: float) -> None:
    """Forgets the sources of a monitor that have been silent since, but for the one that is
    furthest: collectors come and go, and each has a mark of its own."""
    t = tables.watermarks
    furthest = select(func.max(t.c.event_time)).where(t.c.monitor == monitor)
    silent = (t.c.monitor == monitor) & (t.c.seen_at < since)
    connection.execute(
        delete(t).where(silent, t.c.event_time < (connection.scalar(furthest) or 0.0))
    )


def read_closed(connection: Connection) -> dict[Series, Closed]:
    t = tables.evidence
    found: dict[Series, Closed] = {}
    for row in connection.execute(select(t)):
        series = Series(row.monitor, row.reference_id, row.window_s, row.phase_s, row.rows)
        found[series] = Closed(row.through, row.state)
    return found


def write_closed(connection: Connection, series: Series, closed: Closed) -> None:
    row = {
        "monitor": series.monitor,
        "reference_id": series.reference_id,
        "window_s": series.window_s,
        "phase_s": series.phase_s,
        "rows": series.rows,
        "through": closed.through,
        "state": closed.evidence,
    }
    upsert(connection, tables.evidence, [row])


def read_past(
    connection: Connection, series: Series, *, before: float, span_s: float
) -> list[tuple[float, bytes]]:
    """Age in seconds and profile of the series' windows that began in the `span_s` before one."""
    t = tables.past_windows
    query = select(t.c.window_start, t.c.profile).where(
        *_of(series), t.c.window_start < before, t.c.window_start >= before - span_s
    )
    found = connection.execute(query.order_by(t.c.window_start))
    ages = [(before - row.window_start, row.profile) for row in found]
    if series.window_s == 0:
        return ages
    return [(age_s, profile) for age_s, profile in ages if age_s % series.window_s == 0]


def write_past(connection: Connection, series: Series, start: float, profile: bytes) -> None:
    row = {
        "monitor": series.monitor,
        "reference_id": series.reference_id,
        "window_s": series.window_s,
        "window_start": start,
        "profile": profile,
    }
    upsert(connection, tables.past_windows, [row])


def drop_past(connection: Connection, series: Series, *, before: float) -> None:
    """Forgets the windows that began before a moment."""
    t = tables.past_windows
    connection.execute(delete(t).where(*_of(series), t.c.window_start < before))


def _of(series: Series) -> tuple[ColumnElement[bool], ...]:
    t = tables.past_windows
    return (
        t.c.monitor == series.monitor,
        t.c.reference_id == series.reference_id,
        t.c.window_s == series.window_s,
    )


def read_report(connection: Connection, report_id: str) -> StoredReport | None:
    t = tables.reports
    columns = (t.c.revision, t.c.monitor_revision, t.c.decision)
    row = connection.execute(select(*columns).where(t.c.id == report_id)).first()
    if row is None:
        return None
    return StoredReport(row.revision, row.monitor_revision, Decision.from_dict(row.decision))


def window_around(
    connection: Connection, series: Series, time: float
) -> tuple[float, float] | None:
    """Start and end of the reported window by rows that a moment lies in."""
    t = tables.reports
    query = select(t.c.window_start, t.c.window_end).where(
        t.c.monitor == series.monitor,
        t.c.reference_id == series.reference_id,
        t.c.window_s == series.window_s,
        t.c.window_start <= time,
        t.c.window_end > time,
    )
    found = connection.execute(query.order_by(t.c.window_start.desc()).limit(1)).first()
    return None if found is None else (found.window_start, found.window_end)


def write_report(connection: Connection, row: Mapping[str, Any]) -> None:
    if row["revision"] > 1:
        decided.keep(connection, row["id"])
    upsert(connection, tables.reports, [row])
    figures.write(connection, row)
    scraped.write(connection, row)


def _key(segment: Segment) -> tuple[object, ...]:
    return (
        segment.monitor,
        segment.reference_id,
        segment.pane_start,
        segment.pane_s,
        segment.topic,
        segment.partition,
        segment.start,
        segment.model_version,
        segment.log,
        segment.subset,
    )


def _known(
    connection: Connection, keys: Sequence[tuple[object, ...]]
) -> dict[tuple[object, ...], tuple[int, int]]:
    """By key, the version of a segment and the monitor's revision that it began with."""
    t = tables.segments
    primary = list(t.primary_key)
    found = {}
    for i in range(0, len(keys), _CHUNK):
        among = tuple_(*primary).in_(keys[i : i + _CHUNK])
        columns = (*primary, t.c.version, t.c.monitor_revision)
        for *key, version, revision in connection.execute(select(*columns).where(among)):
            found[tuple(key)] = (version, revision)
    return found


def _segment_row(said: SegmentProfile) -> dict[str, object]:
    names = [column.name for column in tables.segments.primary_key]
    row: dict[str, object] = dict(zip(names, _key(said.segment), strict=True))
    return row | {
        "version": said.segment.version,
        "through": said.segment.through,
        "profile": said.profile,
    }
