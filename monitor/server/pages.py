"""The web pages, rendered here and readable without a script."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import jinja2
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from detectors.report import Distribution
from monitor import pictures
from monitor.server import performance, queries, samples, wording
from monitor.server.problems import ProblemError
from monitor.sql.database import Database

WINDOWS_SHOWN = 90
"""How many windows the pictures over time look back."""

Document = dict[str, Any]


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    render = _renderer(clock)

    @router.get("/")
    def overview() -> str:
        with database.read() as connection:
            monitors = queries.monitors(connection)
            for monitor in monitors:
                history = queries.reports(connection, monitor["name"], limit=WINDOWS_SHOWN)
                monitor["sparkline"] = _sparkline(history)
        firing = sum(bool(m["alert"]) and m["alert"]["state"] == "firing" for m in monitors)
        return render("monitors.html", {"monitors": monitors, "firing": firing})

    @router.get("/monitors/{name}")
    def one_monitor(name: str, report: Annotated[str | None, Query()] = None) -> str:
        with database.read() as connection:
            monitor = queries.monitor(connection, name)
            if monitor is None:
                raise ProblemError(HTTPStatus.NOT_FOUND, f"no monitor named {name!r}")
            pinned = queries.report(connection, report) if report else None
            history = queries.reports(connection, name, limit=WINDOWS_SHOWN)
            recent = {
                "alerts": queries.alerts(connection, name=name, limit=20),
                "deliveries": queries.deliveries(connection, name=name, limit=20),
            }
        shown = pinned or monitor["last_report"]
        page = {"m": monitor, "report": shown, "pinned": pinned is not None, **recent}
        return render("monitor.html", page | (_window(shown, history) if shown else {}))

    return router


def _renderer(clock: Callable[[], float]) -> Callable[[str, Mapping[str, object]], str]:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for word in (
        wording.when,
        wording.span,
        wording.metric,
        wording.count,
        wording.figure,
        wording.percent,
        wording.p_value,
        wording.title_of,
        wording.comparison,
    ):
        environment.filters[word.__name__] = word

    environment.globals["picture_style"] = _safe(pictures.STYLE)

    def render(template: str, values: Mapping[str, object]) -> str:
        return environment.get_template(template).render(values, now=queries.moment(clock()))

    return render


def _window(report: Document, history: Sequence[Document]) -> Document:
    seconds = report["window"]["seconds"]
    past = [r for r in reversed(history) if r["window"]["seconds"] == seconds]
    return {
        "headline": wording.headline(report),
        "columns": [_column(column) for column in report["columns"]],
        "metrics": performance.metrics(report),
        "groups": performance.groups(report),
        "faults": performance.faults(report),
        "row_tests": samples.lines(report["sample"]),
        "row_tests_note": samples.note(report["sample"]),
        "evidence_picture": _evidence_picture(past),
        "error_picture": _error_picture(past),
        "error_metric": (report["expected"] or report["realised"] or {}).get("metric"),
    }


def _column(column: Document) -> Document:
    drawn = Distribution(**column["distribution"])
    picture = pictures.distributions(drawn, title=wording.title_of(column["name"]))
    return {**column, "moved": wording.moved(column), "picture": _safe(picture)}


def _sparkline(history: Sequence[Document]) -> Markup:
    evidence = [_power_of_ten(report["evidence"]) for report in reversed(history)]
    return _safe(pictures.sparkline(evidence, title="evidence of the last windows"))


def _evidence_picture(past: Sequence[Document]) -> Markup:
    return _safe(
        pictures.lines_over_time(
            [_end(report) for report in past],
            {"evidence": [_power_of_ten(report["evidence"]) for report in past]},
            title="evidence of drift over time, in powers of ten",
            threshold=_power_of_ten(past[-1]["threshold"]),
        )
    )


def _error_picture(past: Sequence[Document]) -> Markup | None:
    kinds = [kind for kind in ("expected", "realised") if any(report[kind] for report in past)]
    if not kinds:
        return None
    series = {
        kind: [report[kind]["value"] if report[kind] else None for report in past] for kind in kinds
    }
    times = [_end(report) for report in past]
    return _safe(pictures.lines_over_time(times, series, title="the model's error over time"))


def _power_of_ten(evidence: float) -> float:
    """Evidence multiplies: its logarithm is what grows steadily. Less than a tenth is none."""
    return math.log10(max(evidence, 0.1))


def _end(report: Document) -> float:
    return datetime.fromisoformat(report["window"]["end"]).timestamp()


def _safe(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - monitor.pictures escapes what it is given
