"""The few figures of every report that lists and pictures over time need.

A report is tens of kilobytes and its figures are a hundred bytes, so a thousand monitors' months
are read as fast as one page of reports.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.sql import tables
from monitor.sql.database import upsert


def write(connection: Connection, report: Mapping[str, Any]) -> None:
    """Keeps the figures of a row of `tables.reports`, those of its last revision."""
    upsert(connection, tables.figures, [row_of(report)])


def row_of(report: Mapping[str, Any]) -> dict[str, object]:
    body = report["body"]
    outliers = body["outliers"]
    is_scored = bool(outliers and outliers["n_scored"])
    return {
        "monitor": report["monitor"],
        "window_s": report["window_s"],
        "window_start": report["window_start"],
        "report": report["id"],
        "window_end": datetime.fromisoformat(body["window"]["end"]).timestamp(),
        "verdict": body["verdict"],
        "n_rows": body["n_rows"],
        "evidence": body["evidence"],
        "threshold": body["threshold"],
        "outlier_share": outliers["n_flagged"] / outliers["n_scored"] if is_scored else None,
        **_performance(body, "expected"),
        **_performance(body, "realised"),
    }


def _performance(body: Mapping[str, Any], kind: str) -> dict[str, float | None]:
    """A value, and the limits of its interval where it has one."""
    found = body[kind] or {}
    low, high = found.get("interval") or (None, None)
    return {kind: found.get("value"), f"{kind}_low": low, f"{kind}_high": high}
