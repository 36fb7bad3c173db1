"""The lines that scrapes show of reports, of the last ones, next to each other on the disk."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from monitor.sql import tables
from monitor.sql.database import upsert
from monitor.telemetry.shown import FORMAT, Shown

_CHUNK = 500  # ids in one statement


def write(connection: Connection, report: Mapping[str, Any]) -> None:
    """Keeps the lines of a row of `tables.reports`, where it is of its monitor's last window of
    that length, or of the last that has labels."""
    realised, shown = report["body"]["realised"], Shown.of(report["body"]).to_json()
    row = {
        "monitor": report["monitor"],
        "window_s": report["window_s"],
        "window_start": report["window_start"],
        "report": report["id"],
        "revision": report["revision"],
        "format": FORMAT,
        "lines": shown,
    }
    _keep(connection, row | {"is_labelled": False})
    if realised and realised["value"] is not None:
        _keep(connection, row | {"is_labelled": True})


def read(connection: Connection, revisions: Mapping[str, int]) -> dict[str, Shown]:
    """What is kept of some revisions of reports, by report."""
    t, wanted = tables.scraped, list(revisions)
    found: dict[str, Shown] = {}
    for i in range(0, len(wanted), _CHUNK):
        some = t.c.report.in_(wanted[i : i + _CHUNK])
        query = select(t.c.report, t.c.revision, t.c.lines).where(some, t.c.format == FORMAT)
        for row in connection.execute(query):
            if row.revision == revisions[row.report]:
                found[row.report] = Shown(**row.lines)
    return found


def _keep(connection: Connection, row: Mapping[str, Any]) -> None:
    t = tables.scraped
    known = connection.scalar(
        select(t.c.window_start).where(
            t.c.monitor == row["monitor"],
            t.c.window_s == row["window_s"],
            t.c.is_labelled == row["is_labelled"],
        )
    )
    if known is None or known <= row["window_start"]:
        upsert(connection, t, [row])
