"""Retrains as the API, the pages and the command line show them: rows in, documents out."""

from typing import Any

from sqlalchemy import Connection, select

from alerts.retraining.lifecycle import RetrainState
from monitor.retraining import records
from monitor.retraining.records import Record
from monitor.server.moments import moment
from monitor.sql import tables

LATEST = 20
"""Promotions of a monitor that a report is looked for in."""

Document = dict[str, Any]


def document(connection: Connection, record: Record) -> Document:
    """All that is known of a retrain, and after its promotion whether it helped."""
    return {
        "id": record.id,
        "monitor": record.monitor,
        "subscription": record.subscription,
        "alert": record.alert,
        "cause": record.event["data"]["retrain"]["cause"],
        "state": record.state,
        "at": moment(record.at),
        "created_at": moment(record.created_at),
        "sent_at": moment(record.sent_at),
        "answer_by": moment(record.answer_by),
        "history": [{**entry, "at": moment(entry["at"])} for entry in record.history],
        "promoted": _promoted(connection, record),
        "request": record.event,
    }


def _promoted(connection: Connection, record: Record) -> Document | None:
    if record.state != RetrainState.PROMOTED:
        return None
    told = record.promoted or {}
    return {
        "at": moment(told.get("at")),
        "model_version": told.get("model_version"),
        "revision": told.get("revision"),
        "result": result(connection, record),
    }


def result(connection: Connection, record: Record) -> Document | None:
    """What the first window says that closed with the new model; None until there is one.

    helped: whether it is quiet, None if that cannot be said. realised, expected: the model's
    performance in the window that asked for the retrain, and in this one.
    """
    report = _first_report(connection, record)
    if report is None:
        return None
    before = record.event["data"]
    return {
        "report": report["id"],
        "window": report["window"],
        "verdict": report["verdict"],
        "helped": {"quiet": True, "drift": False}.get(report["verdict"]),
        "realised": _change(before["realised"], report["realised"]),
        "expected": _change(before["expected"], report["expected"]),
    }


def of_report(connection: Connection, report: Document) -> Document | None:
    """What a report says of a retrain, if it is the first since that was promoted."""
    promoted = records.latest(
        connection, monitor=report["monitor"], state=RetrainState.PROMOTED, limit=LATEST
    )
    for record in promoted:
        said = result(connection, record)
        if said is not None and said["report"] == report["id"]:
            return {"id": record.id, **said}
    return None


def _first_report(connection: Connection, record: Record) -> Document | None:
    """Of windows that began after the one that asked, against the new reference if there is one."""
    told, t = record.promoted or {}, tables.reports
    query = select(t.c.body).where(
        t.c.monitor == record.monitor,
        t.c.window_s == record.event["data"]["window"]["seconds"],
        t.c.window_start >= record.at,
        t.c.created_at >= told.get("at", record.created_at),
    )
    if told.get("revision") is not None:
        query = query.where(t.c.monitor_revision >= told["revision"])
    return connection.scalar(query.order_by(t.c.window_start).limit(1))


def _change(before: Document | None, after: Document | None) -> Document | None:
    if not before or not after:
        return None
    return {"metric": after["metric"], "before": before["value"], "after": after["value"]}
