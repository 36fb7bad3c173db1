"""What the API, the pages and the metrics read from SQL: rows in, JSON-ready documents out."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from monitor.server.samples import with_samples
from monitor.sql import tables

Document = dict[str, Any]


def moment(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, of seconds since 1970."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def monitors(connection: Connection) -> list[Document]:
    """Every monitor that is not deleted, by name, as `monitor` gives it."""
    latest = _latest_revisions(connection)
    names = [row.name for row in latest]
    active = _active_revisions(connection, names)
    reports = last_reports(connection, names)
    alerts_by_name = _latest_alerts(connection, names)
    return [
        _monitor(row, active.get(row.name), reports.get(row.name), alerts_by_name.get(row.name))
        for row in latest
    ]


def monitor(connection: Connection, name: str) -> Document | None:
    """One monitor: its latest revision, the one in force, last report and latest alert."""
    latest = _latest_revisions(connection, name)
    if not latest:
        return None
    last = with_samples(connection, list(last_reports(connection, [name]).values()))
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


def _latest_revisions(connection: Connection, name: str | None = None) -> Sequence[Row[Any]]:
    t = tables.monitors
    newest = select(t.c.name, func.max(t.c.revision).label("revision")).group_by(t.c.name)
    if name is not None:
        newest = newest.where(t.c.name == name)
    chosen = newest.subquery()
    query = (
        select(t)
        .join(chosen, (t.c.name == chosen.c.name) & (t.c.revision == chosen.c.revision))
        .where(t.c.state != "deleted")
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
    return _newest(connection, names)


def last_labelled_reports(connection: Connection, names: Sequence[str]) -> dict[str, Document]:
    """The newest report of each monitor's shortest window that has labels."""
    return _newest(connection, names, tables.reports.c.body["realised"]["n"].as_integer() > 0)


def _newest(
    connection: Connection, names: Sequence[str], *conditions: ColumnElement[bool]
) -> dict[str, Document]:
    t = tables.reports
    shortest = (
        select(t.c.monitor, func.min(t.c.window_s).label("window_s"))
        .where(t.c.monitor.in_(names))
        .group_by(t.c.monitor)
        .subquery()
    )
    newest = (
        select(t.c.monitor, t.c.window_s, func.max(t.c.window_start).label("window_start"))
        .join(shortest, (t.c.monitor == shortest.c.monitor) & (t.c.window_s == shortest.c.window_s))
        .where(*conditions)
        .group_by(t.c.monitor, t.c.window_s)
        .subquery()
    )
    query = (
        select(t.c.monitor, t.c.body)
        .join(
            newest,
            (t.c.monitor == newest.c.monitor)
            & (t.c.window_s == newest.c.window_s)
            & (t.c.window_start == newest.c.window_start),
        )
        .order_by(t.c.created_at)
    )
    return {row.monitor: row.body for row in connection.execute(query)}


def reports(
    connection: Connection, name: str, *, limit: int, before: float | None = None
) -> list[Document]:
    """Reports of a monitor, newest window first; `before` is a window start to page on from."""
    t = tables.reports
    query = select(t.c.body).where(t.c.monitor == name)
    if before is not None:
        query = query.where(t.c.window_start < before)
    query = query.order_by(t.c.window_start.desc(), t.c.window_s).limit(limit)
    return with_samples(connection, list(connection.scalars(query)))


def report(connection: Connection, report_id: str) -> Document | None:
    t = tables.reports
    found = connection.scalar(select(t.c.body).where(t.c.id == report_id))
    return None if found is None else with_samples(connection, [found])[0]


def alerts(connection: Connection, *, name: str | None, limit: int) -> list[Document]:
    """Alerts, the latest begun first."""
    t = tables.alerts
    query = select(t).order_by(t.c.started_at.desc(), t.c.id).limit(limit)
    return [_alert(row) for row in connection.execute(_of_monitor(query, t.c.monitor, name))]


def _latest_alerts(connection: Connection, names: Sequence[str]) -> dict[str, Document]:
    t = tables.alerts
    query = select(t).where(t.c.monitor.in_(names)).order_by(t.c.started_at)
    return {row.monitor: _alert(row) for row in connection.execute(query)}


def _alert(row: Row[Any]) -> Document:
    return {
        "id": row.id,
        "monitor": row.monitor,
        "cause": row.cause,
        "state": row.state,
        "started_at": moment(row.started_at),
        "updated_at": moment(row.updated_at),
        "firing_at": moment(row.firing_at),
        "resolved_at": moment(row.resolved_at),
        **{key: row.body.get(key) for key in ("reason", "evidence", "threshold", "columns")},
    }


def deliveries(connection: Connection, *, name: str | None, limit: int) -> list[Document]:
    """Notifications and what came of them, the latest first."""
    t = tables.outbox
    query = select(t).order_by(t.c.created_at.desc(), t.c.id).limit(limit)
    rows = connection.execute(_of_monitor(query, t.c.monitor, name)).all()
    attempts = _attempts(connection, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "monitor": row.monitor,
            "kind": row.kind,
            "endpoint": row.endpoint,
            "url": row.target.get("url"),
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


def _of_monitor(query: Select[Any], column: Any, name: str | None) -> Select[Any]:
    return query if name is None else query.where(column == name)
