"""The web pages, rendered here and readable without a script."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from monitor.kafka.connecting import Broker
from monitor.server.pages import (
    access,
    alerting,
    answering,
    comparing,
    history,
    log,
    monitor,
    namespaces,
    overview,
    subscriptions,
)
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import Page, ProblemError
from monitor.sql.database import Database
from monitor.tenants.quotas import QuotasInForce


def routes(
    database: Database,
    render: Renderer,
    clock: Callable[[], float],
    broker: Broker | None,
    quotas: QuotasInForce,
) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    for page in (overview, monitor, comparing, history, alerting):
        page.add(router, database, render)
    answering.add(router, database, render, clock)
    subscriptions.add(router, database, render, clock)
    access.add(router, database, render, clock)
    log.add(router, database, broker, render)
    namespaces.add(router, database, render, quotas)
    return router


def error_page(render: Renderer) -> Page:
    """What somebody with a browser sees of a problem."""

    def page(request: Request, problem: ProblemError) -> Response:
        values = {
            "title": problem.status.phrase,
            "detail": problem.detail,
            "faults": problem.faults,
        }
        return render(request, "error.html", values, status=problem.status)

    return page
