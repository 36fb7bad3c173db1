"""One monitor: what its last window says, or another one's; how it came to that; what it is."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from detectors.report import Distribution
from monitor import pictures
from monitor.components import safe
from monitor.server import performance, queries, samples, segments, windows, wording
from monitor.server.moments import seconds_of
from monitor.server.pages import timelines
from monitor.server.pages.history import N_RECENT, events
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import ProblemError
from monitor.sql.database import Database

SPANS = (90, 360, 2160)
"""How many windows back the charts may look."""

N_COLUMNS = 24
"""Drawn at first; the others are a click away."""

N_COLUMN_WINDOWS = 60

JUST_AFTER_S = 1e-3
"""No two windows of one length begin so close to each other."""

Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/monitors/{name}")
    def one_monitor(
        request: Request,
        name: str,
        report: str | None = None,
        span: int = SPANS[0],
        columns: str = "",
        as_decided: bool = False,
    ) -> HTMLResponse:
        with database.read() as connection:
            monitor = found_monitor(connection, name)
            pinned = (
                found_report(connection, name, report, as_decided=as_decided) if report else None
            )
            page = _monitor_page(connection, monitor, pinned, span, is_whole=columns == "all")
        return render(request, "monitor.html", page | {"as_decided": as_decided})

    @router.get("/monitors/{name}/columns/{column:path}")
    def one_column(
        request: Request, name: str, column: str, report: Annotated[str | None, Query()] = None
    ) -> HTMLResponse:
        with database.read() as connection:
            page = _column_page(connection, name, column, report)
        return render(request, "column.html", page)


def found_monitor(connection: Connection, name: str) -> Document:
    monitor = queries.monitor(connection, name)
    if monitor is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no monitor named {name!r}.")
    return monitor


def found_report(
    connection: Connection, name: str, report_id: str, *, as_decided: bool = False
) -> Document:
    report = queries.report(connection, report_id, as_decided=as_decided)
    if report is None or report["monitor"] != name:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"{name} has no report {report_id!r}.")
    return report


def _monitor_page(
    connection: Connection, monitor: Document, pinned: Document | None, span: int, *, is_whole: bool
) -> Document:
    name, report = monitor["name"], pinned or monitor["last_report"]
    alerts = queries.alerts(connection, name=name, limit=200)
    span = span if span in SPANS else SPANS[0]
    page = {
        "m": monitor,
        "report": report,
        "pinned": pinned is not None,
        "span": span,
        "spans": SPANS,
        "events": events(connection, name, limit=N_RECENT),
        "deliveries": queries.deliveries(connection, name=name, limit=8),
    }
    if report is None:
        return page
    return page | _around(connection, report, alerts, span) | _window(report, is_whole)


def _around(
    connection: Connection, report: Document, alerts: Sequence[Document], span: int
) -> Document:
    """The windows up to the one that is shown, and the ways to others."""
    name, series_s = report["monitor"], windows.series_of(connection, report["id"])
    start = seconds_of(report["window"]["start"])
    past = windows.history(connection, name, series_s, limit=span, until=start)
    main = report["expected"] or report["realised"] or {}
    lengths = windows.lengths(connection, name)
    return {
        "evidence_chart": timelines.evidence(past, alerts),
        "error_chart": timelines.performance(past, alerts, main.get("reference")),
        "error_metric": main.get("metric"),
        "error_reference": main.get("reference"),
        "estimate": performance.tracked(past),
        "outlier_chart": timelines.outliers(past),
        "windows_at": _windows_at(name, series_s, span, start),
        "previous": past[-2].report if len(past) > 1 else None,
        "next": windows.after(connection, name, series_s, start),
        "series_s": series_s,
        "lengths": [
            (length, windows.history(connection, name, length, limit=1)[0].report)
            for length in lengths
        ],
    }


def _windows_at(name: str, series_s: float, span: int, start: float) -> str:
    """Where the API tells the figures of the same windows, for charts that answer."""
    asked = {"seconds": series_s, "limit": span, "before": start + JUST_AFTER_S}
    return f"/api/v1/monitors/{quote(name, safe='')}/windows?{urlencode(asked)}"


def _window(report: Document, is_whole: bool) -> Document:
    columns = report["columns"] if is_whole else report["columns"][:N_COLUMNS]
    return {
        "headline": wording.headline(report),
        "explanation": report.get("explanation"),
        "columns": [column_card(column) for column in columns],
        "n_columns": len(report["columns"]),
        "metrics": performance.metrics(report),
        "groups": performance.groups(report),
        "segments": segments.by_column(report),
        "faults": performance.faults(report),
        "row_tests": samples.lines(report["sample"]),
        "row_tests_note": samples.note(report["sample"]),
    }


def column_card(column: Document) -> Document:
    """A column as a card shows it: what moved, in words and as a picture."""
    drawn = Distribution(**column["distribution"])
    title, moved = wording.title_of(column["name"]), wording.moved(column)
    return {
        **column,
        "title": title,
        "chip": ("drift", "moved") if column["named"] else None,
        "moved": moved,
        "picture": safe(pictures.distributions(drawn, title=f"{title}: {moved}")),
        "figures": _figures(column),
    }


def _figures(column: Document) -> list[str]:
    """What a card says of a column beside what moved; what is not there is left out."""
    unit, current, reference = column["effect_unit"], column["current"], column["reference"]
    name = "wasserstein_sd" if unit == "sd" else "total_variation"
    told = [f"effect {wording.figure(column['effect'])} {unit}"]
    if interval := column.get("intervals", {}).get(name):
        told[0] += f" (95 %: {wording.figure(interval[0])} to {wording.figure(interval[1])})"
    if column["p_value"] is not None:
        told.append(f"p {wording.p_value(column['p_value'])}")
    if current["missing"] or reference["missing"]:
        told.append(f"missing {wording.percent(current['missing'])}")
    if column["unseen"]:
        told.append(f"unseen {wording.percent(column['unseen'])}")
    return told


def _column_page(
    connection: Connection, name: str, column_name: str, report_id: str | None
) -> Document:
    monitor = found_monitor(connection, name)
    report = found_report(connection, name, report_id) if report_id else monitor["last_report"]
    column = _named(report, column_name) if report else None
    if column is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"{name} has no column {column_name!r}.")
    past = queries.reports_until(connection, report, limit=N_COLUMN_WINDOWS)
    effects = [(one, _named(one, column_name)) for one in past]
    return {
        "m": monitor,
        "report": report,
        "pinned": report_id is not None,
        "c": column_card(column),
        "statistics": sorted(column["statistics"].items()),
        "quantiles": _sides(column, "quantiles"),
        "shares": _sides(column, "shares"),
        "effect_chart": timelines.effect([(r, c) for r, c in effects if c is not None]),
    }


def _named(report: Document, column: str) -> Document | None:
    return next((one for one in report["columns"] if one["name"] == column), None)


def _sides(column: Document, kind: str) -> list[tuple[str, float | None, float | None]]:
    """Name, reference and current of quantiles or of shares; a side without it has None."""
    before: Mapping[str, float] = column["reference"][kind] or {}
    after: Mapping[str, float] = column["current"][kind] or {}
    names = dict.fromkeys([*before, *after])
    return [(name, before.get(name), after.get(name)) for name in names]
