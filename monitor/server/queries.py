"""What the API, the pages and the metrics read from SQL: rows in, JSON-ready documents out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, true

from monitor.server import windows
from monitor.server.moments import moment, seconds_of
from monitor.server.not_counted import with_not_counted
from monitor.server.problems import missing
from monitor.server.samples import with_samples
from monitor.server.windows import Window
from monitor.sql import decided, tables
from monitor.sql.seen import seen

Document = dict[str, Any]

ALERT_FACTS = (
    "reason",
    "ruling",
    "evidence",
    "threshold",
    "columns",
    "shift",
    "because",
    "measured",
    "probable_cause",
)
"""What of an alert's facts is shown with it."""

_CHUNK = 500  # ids in one statement


def monitors(
    connection: Connection,
    *,
    labels: Sequence[str] = (),
    state: str | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Document]:
    """Monitors that are not deleted, by name, as `monitor` gives them.

    labels: only those that have all of these, as in "owner:transit". state: only those whose last
    window says so. after: only names that come after this one.
    """
    last = windows.newest(connection) if state is not None else {}
    latest = [
        row
        for row in _latest_revisions(connection)
        if row.name > after
        and all(label in _labels(row) for label in labels)
        and (state is None or (row.name in last and last[row.name].verdict == state))
    ][:limit]
    names = [row.name for row in latest]
    active = _active_revisions(connection, names)
    reports = last_reports(connection, names)
    alerts_by_name = _latest_alerts(connection, names)
    return [
        _monitor(row, active.get(row.name), reports.get(row.name), alerts_by_name.get(row.name))
        for row in latest
    ]


def _labels(row: Row[Any]) -> set[str]:
    labels = row.document["metadata"].get("labels", {})
    return {f"{key}:{value}" for key, value in labels.items()}


def summaries(connection: Connection) -> list[Document]:
    """Every monitor that is not deleted, by name: no document and no report, the figures of its
    last window instead."""
    last = windows.newest(connection)
    alerts_by_name = _latest_alerts(connection)
    return [
        {
            "name": row.name,
            "labels": row.document["metadata"].get("labels", {}),
            "paused": row.document["spec"].get("paused", False),
            "status": row.state,
            "revision": row.revision,
            "window": last.get(row.name),
            "alert": alerts_by_name.get(row.name),
        }
        for row in _latest_revisions(connection)
    ]


def monitor(connection: Connection, name: str) -> Document | None:
    """One monitor: its latest revision, the one in force, last report and latest alert."""
    latest = _latest_revisions(connection, name)
    if not latest:
        return None
    last = _with_all(connection, list(last_reports(connection, [name]).values()))
    return _monitor(
        latest[0],
        _active_revisions(connection, [name]).get(name),
        last[0] if last else None,
        _latest_alerts(connection, [name]).get(name),
    )


def revisions(connection: Connection, name: str) -> list[Document]:
    """Everything that a monitor has been declared to be, the latest revision first."""
    t = tables.monitors
    rows = connection.execute(select(t).where(t.c.name == name).order_by(t.c.revision.desc()))
    return [
        {
            "revision": row.revision,
            "status": row.state,
            "reason": row.reason,
            "reference": {"id": row.reference_id} if row.reference_id else None,
            "created_at": moment(row.created_at),
            "document": row.document,
        }
        for row in rows
    ]


def known_revisions(connection: Connection, name: str) -> list[Document]:
    """As `revisions`; raises a problem if no monitor was ever named so."""
    found = revisions(connection, name)
    if not found:
        raise missing(f"no monitor was ever named {name!r}")
    return found


def _latest_revisions(connection: Connection, name: str | None = None) -> Sequence[Row[Any]]:
    t = tables.monitors
    newest = select(t.c.name, func.max(t.c.revision).label("revision")).group_by(t.c.name)
    if name is not None:
        newest = newest.where(t.c.name == name)
    chosen = newest.subquery()
    query = (
        select(t)
        .join(chosen, (t.c.name == chosen.c.name) & (t.c.revision == chosen.c.revision))
        .where(t.c.state != "deleted", seen(connection, t.c.name))
        .order_by(t.c.name)
    )
    return connection.execute(query).all()


def _active_revisions(connection: Connection, names: Sequence[str]) -> dict[str, Row[Any]]:
    t = tables.monitors
    query = (
        select(t).where(t.c.name.in_(names), t.c.state == "active").order_by(t.c.name, t.c.revision)
    )
    return {row.name: row for row in connection.execute(query)}


def _monitor(
    latest: Row[Any], active: Row[Any] | None, report: Document | None, alert: Document | None
) -> Document:
    return {
        "name": latest.name,
        "labels": latest.document["metadata"].get("labels", {}),
        "status": latest.state,
        "reason": latest.reason,
        "revision": latest.revision,
        "active_revision": active.revision if active else None,
        "reference": {"id": active.reference_id} if active else None,
        "state": report["verdict"] if report else None,
        "document": latest.document,
        "last_report": report,
        "alert": alert,
    }


def last_reports(connection: Connection, names: Sequence[str]) -> dict[str, Document]:
    """The newest report of each monitor's shortest window."""
    newest = windows.newest(connection, names)
    bodies = report_bodies(connection, [window.report for window in newest.values()])
    return {name: bodies[window.report] for name, window in newest.items()}


def last_labelled_windows(connection: Connection) -> dict[str, Window]:
    """The newest of each monitor's shortest windows that has labels."""
    return windows.newest(connection, is_labelled=True)


def report_revisions(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """How often each of some reports was made."""
    t = tables.reports
    found = _in_chunks(connection, select(t.c.id, t.c.revision), ids)
    return {row.id: row.revision for row in found}


def report_bodies(connection: Connection, ids: Iterable[str]) -> dict[str, Document]:
    """Reports by their ids."""
    t = tables.reports
    return {row.id: row.body for row in _in_chunks(connection, select(t.c.id, t.c.body), ids)}


def _in_chunks(
    connection: Connection, query: Select[Any], ids: Iterable[str]
) -> Iterator[Row[Any]]:
    wanted = list(ids)
    for i in range(0, len(wanted), _CHUNK):
        some = tables.reports.c.id.in_(wanted[i : i + _CHUNK])
        yield from connection.execute(query.where(some))


def reports(
    connection: Connection, name: str, *, limit: int, before: float | None = None
) -> list[Document]:
    """Reports of a monitor, newest window first; `before` is a window start to page on from."""
    f = tables.figures
    query = select(f.c.report).where(f.c.monitor == name)
    if before is not None:
        query = query.where(f.c.window_start < before)
    query = query.order_by(f.c.window_start.desc(), f.c.window_s).limit(limit)
    return _in_order(connection, list(connection.scalars(query)))


def reports_until(connection: Connection, report: Document, *, limit: int) -> list[Document]:
    """A report and those of the windows of its length before it, oldest first."""
    start = seconds_of(report["window"]["start"])
    past = windows.history(
        connection,
        report["monitor"],
        windows.series_of(connection, report["id"]),
        limit=limit,
        until=start,
    )
    return _in_order(connection, [window.report for window in past])


def _in_order(connection: Connection, ids: Sequence[str]) -> list[Document]:
    t = tables.reports
    rows = connection.execute(select(t.c.id, t.c.body).where(t.c.id.in_(ids)))
    bodies = {row.id: row.body for row in rows}
    return _with_all(connection, [bodies[one] for one in ids if one in bodies])


def _with_all(connection: Connection, reports: Sequence[Document]) -> list[Document]:
    """Reports with what came to be known after they were written."""
    return with_not_counted(connection, with_samples(connection, reports))


def report(connection: Connection, report_id: str, *, as_decided: bool = False) -> Document | None:
    """One report; as_decided: as it was when its window was decided, whatever came later."""
    t = tables.reports
    mine = seen(connection, t.c.monitor)
    found = connection.scalar(select(t.c.body).where(t.c.id == report_id, mine))
    if found is None:
        return None
    first = decided.body(connection, report_id) if as_decided else None
    return _with_all(connection, [first or found])[0]


def alerts(
    connection: Connection,
    *,
    name: str | None,
    state: str | None = None,
    limit: int,
    offset: int = 0,
) -> list[Document]:
    """Alerts, the latest begun first."""
    t = tables.alerts
    query = select(t).where(seen(connection, t.c.monitor))
    query = query.order_by(t.c.started_at.desc(), t.c.id).limit(limit).offset(offset)
    chosen = _where(query, (t.c.monitor, name), (t.c.state, state))
    return [_alert(row) for row in connection.execute(chosen)]


def alert(connection: Connection, alert_id: str) -> Document | None:
    t = tables.alerts
    mine = seen(connection, t.c.monitor)
    row = connection.execute(select(t).where(t.c.id == alert_id, mine)).first()
    return None if row is None else _alert(row)


def alert_counts(connection: Connection, *, name: str | None) -> dict[str, int]:
    """How many alerts are in each state."""
    return _counts(connection, tables.alerts, name)


def delivery_counts(connection: Connection, *, name: str | None) -> dict[str, int]:
    """How many deliveries are in each state."""
    return _counts(connection, tables.outbox, name)


def _counts(connection: Connection, t: Table, name: str | None) -> dict[str, int]:
    counted = select(t.c.state, func.count().label("n")).group_by(t.c.state)
    query = _where(counted.where(seen(connection, t.c.monitor)), (t.c.monitor, name))
    return {row.state: row.n for row in connection.execute(query)}


def _latest_alerts(
    connection: Connection, names: Sequence[str] | None = None
) -> dict[str, Document]:
    """The alert of each monitor that matters most: one that fires, or else the latest."""
    t = tables.alerts
    of_these = true() if names is None else t.c.monitor.in_(names)
    begun = select(t.c.monitor, func.max(t.c.started_at).label("at")).where(of_these)
    latest = begun.group_by(t.c.monitor).subquery()
    is_open = t.c.state.in_(("pending", "firing"))
    query = (
        select(t)
        .join(latest, t.c.monitor == latest.c.monitor)
        .where(is_open | (t.c.started_at == latest.c.at))
    )
    rows = connection.execute(query.order_by(t.c.state == "firing", t.c.started_at))
    return {row.monitor: _alert(row) for row in rows}


def _alert(row: Row[Any]) -> Document:
    return {
        "id": row.id,
        "monitor": row.monitor,
        "cause": row.cause,
        "rule": row.rule,
        "severity": row.severity,
        "state": row.state,
        "telling": row.telling,
        "told": row.told,
        "started_at": moment(row.started_at),
        "updated_at": moment(row.updated_at),
        "firing_at": moment(row.firing_at),
        "resolved_at": moment(row.resolved_at),
        "window": {end: moment(at) for end, at in row.body.get("window", {}).items()},
        **{key: row.body.get(key) for key in ALERT_FACTS},
    }


def deliveries(
    connection: Connection,
    *,
    name: str | None,
    state: str | None = None,
    kind: str | None = None,
    alert: str | None = None,
    limit: int,
    offset: int = 0,
) -> list[Document]:
    """Notifications and what came of them, the latest first."""
    t = tables.outbox
    query = select(t).where(seen(connection, t.c.monitor))
    query = query.order_by(t.c.created_at.desc(), t.c.id).limit(limit).offset(offset)
    chosen = _where(
        query, (t.c.monitor, name), (t.c.state, state), (t.c.kind, kind), (t.c.alert, alert)
    )
    return _deliveries(connection, connection.execute(chosen).all())


def delivery(connection: Connection, delivery_id: str) -> Document | None:
    t = tables.outbox
    mine = seen(connection, t.c.monitor)
    rows = connection.execute(select(t).where(t.c.id == delivery_id, mine)).all()
    return _deliveries(connection, rows)[0] if rows else None


def _deliveries(connection: Connection, rows: Sequence[Row[Any]]) -> list[Document]:
    attempts = _attempts(connection, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "monitor": row.monitor,
            "kind": row.kind,
            "endpoint": row.endpoint,
            "url": row.target.get("url"),
            "alert": row.alert,
            "state": row.state,
            "created_at": moment(row.created_at),
            "next_attempt_at": moment(row.next_attempt_at) if row.state == "pending" else None,
            "payload": row.payload,
            "attempts": attempts.get(row.id, []),
        }
        for row in rows
    ]


def _attempts(connection: Connection, ids: Iterable[str]) -> dict[str, list[Document]]:
    t = tables.attempts
    query = select(t).where(t.c.delivery.in_(list(ids))).order_by(t.c.delivery, t.c.n)
    found: dict[str, list[Document]] = {}
    for row in connection.execute(query):
        found.setdefault(row.delivery, []).append(
            {
                "n": row.n,
                "at": moment(row.at),
                "duration_s": row.duration_s,
                "status": row.status,
                "outcome": row.outcome,
                "detail": row.detail,
            }
        )
    return found


def _where(query: Select[Any], *conditions: tuple[ColumnElement[Any], str | None]) -> Select[Any]:
    """A column is any value where None is given."""
    for column, value in conditions:
        if value is not None:
            query = query.where(column == value)
    return query
