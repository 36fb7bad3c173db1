"""Rows that a window's report is without: they came too late for it, or said another time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from monitor.server.moments import seconds_of
from monitor.sql import tables

Document = dict[str, Any]


def with_not_counted(connection: Connection, reports: Sequence[Document]) -> list[Document]:
    """Reports whose key "not_counted" also says how many rows came when they could no longer
    change; most often there are none of any."""
    t = tables.too_late
    names = {report["monitor"] for report in reports}
    late = set(connection.scalars(select(t.c.monitor).where(t.c.monitor.in_(names)).distinct()))
    return [
        report
        | {
            "not_counted": {
                "from_the_future": 0,
                **report.get("not_counted", {}),
                "too_late": _too_late(connection, report) if report["monitor"] in late else 0,
            }
        }
        for report in reports
    ]


def _too_late(connection: Connection, report: Document) -> int:
    t, window = tables.too_late, report["window"]
    query = select(func.sum(t.c.n_rows)).where(
        t.c.monitor == report["monitor"],
        t.c.reference_id == report["reference_id"],
        t.c.pane_start >= seconds_of(window["start"]),
        t.c.pane_start < seconds_of(window["end"]),
    )
    return int(connection.scalar(query) or 0)
