"""Namespaces: what each one's monitors say, and how much of its quota they use."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from monitor.server import queries
from monitor.server.pages.overview import NEEDS, need_of
from monitor.server.pages.rendering import Renderer
from monitor.sql.database import Database
from monitor.tenants import usage
from monitor.tenants.namespaces import namespace_of
from monitor.tenants.quotas import QuotasInForce

Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer, quotas: QuotasInForce) -> None:
    @router.get("/namespaces")
    def list_namespaces(request: Request) -> HTMLResponse:
        with database.read() as connection:
            used, summaries = usage.usage(connection), queries.summaries(connection)
        shown = [
            {"name": name, "used": used[name], "quota": quotas.of(name)}
            | _now([one for one in summaries if namespace_of(one["name"]) == name])
            for name in sorted(used)
        ]
        return render(request, "namespaces.html", {"namespaces": shown})


def _now(summaries: Sequence[Document]) -> Document:
    """How many monitors are in need of what; the rows a second of their last windows together."""
    needs = Counter(need_of(one) for one in summaries)
    windows = [one["window"] for one in summaries if one["window"]]
    return {
        "needs": [(need, needs[need]) for need in NEEDS if needs[need]],
        "rows_per_second": sum(one.n_rows / one.seconds for one in windows if one.seconds),
    }
