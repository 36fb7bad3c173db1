"""All monitors: those that need somebody first."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from monitor import pictures
from monitor.components import safe
from monitor.server import charts, queries, windows
from monitor.server.pages.rendering import Renderer
from monitor.server.windows import Window
from monitor.sql.database import Database
from monitor.tenants.namespaces import namespace_of

PER_PAGE = 50
WINDOWS_SHOWN = 60

NEEDS = ("firing", "failed", "drift", "pending", "undecided", "resolving", "waiting", "quiet")
"""What a monitor may be in need of, the most urgent first."""

Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/")
    def overview(
        request: Request,
        q: Annotated[str, Query(max_length=200)] = "",
        state: str = "",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> HTMLResponse:
        with database.read() as connection:
            every = [
                summary | {"need": need_of(summary)} for summary in queries.summaries(connection)
            ]
            found = [one for one in every if _matches(one, q)]
            chosen = sorted(
                (one for one in found if state in ("", one["need"])),
                key=lambda one: (NEEDS.index(one["need"]), one["name"]),
            )
            shown = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
            for one in shown:
                one["sparkline"] = _sparkline(_past(connection, one["window"]))
        needs = Counter(one["need"] for one in found)
        values = {
            "monitors": shown,
            "n_all": len(every),
            "n_namespaces": len({namespace_of(one["name"]) for one in every}),
            "n_found": len(found),
            "n_chosen": len(chosen),
            "needs": [(need, needs[need]) for need in NEEDS if needs[need]],
            "q": q,
            "state": state,
            "page": page,
            "n_pages": -(-len(chosen) // PER_PAGE),
        }
        return render(request, "monitors.html", values)


def need_of(summary: Document) -> str:
    """What a monitor is in need of, one of `NEEDS`."""
    alert, window = summary["alert"], summary["window"]
    if alert and alert["state"] == "firing":
        return "firing"
    if summary["status"] != "active":
        return str(summary["status"])
    if alert and alert["state"] == "pending":
        return "pending"
    return window.verdict if window else "waiting"


def _matches(summary: Document, q: str) -> bool:
    """Whether every word of a search is in the name, or in a label, or is its namespace."""
    namespace = f"namespace:{namespace_of(summary['name'])}"
    text = " ".join([summary["name"], *(f"{k}:{v}" for k, v in summary["labels"].items())]).lower()
    words = q.lower().replace(": ", ":").split()
    return all(word == namespace or word in text for word in words)


def _past(connection: Connection, last: Window | None) -> list[Window]:
    if last is None:
        return []
    return windows.history(connection, last.monitor, last.series_s, limit=WINDOWS_SHOWN)


def _sparkline(past: Sequence[Window]) -> object:
    """Evidence in powers of ten. Times without a window, such as weekends, take no room."""
    if not past:
        return ""
    last = past[-1]
    drawn = pictures.sparkline(
        [charts.power_of_ten(window.evidence) for window in past],
        title=f"evidence of the last {len(past)} windows, now {pictures.number(last.evidence)} "
        f"of {pictures.number(last.threshold)}",
        threshold=charts.power_of_ten(last.threshold),
    )
    return safe(drawn)
