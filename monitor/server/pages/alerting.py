"""Alerts, and what was told of them to whom."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from monitor.server import queries
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import missing
from monitor.sql.database import Database

PER_PAGE = 50

Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Document = dict[str, Any]


def add(router: APIRouter, database: Database, render: Renderer) -> None:
    _add_alerts(router, database, render)
    _add_deliveries(router, database, render)


def _add_alerts(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/alerts")
    def list_alerts(
        request: Request, monitor: str = "", state: str = "", offset: Offset = 0
    ) -> HTMLResponse:
        with database.read() as connection:
            found = queries.alerts(
                connection,
                name=monitor or None,
                state=state or None,
                limit=PER_PAGE + 1,
                offset=offset,
            )
            counts = queries.alert_counts(connection, name=monitor or None)
        page = {"alerts": found[:PER_PAGE], "counts": counts}
        return render(request, "alerts.html", page | _paged(found, monitor, state, offset))

    @router.get("/alerts/{alert_id}")
    def one_alert(request: Request, alert_id: str) -> HTMLResponse:
        with database.read() as connection:
            alert = queries.alert(connection, alert_id)
            if alert is None:
                raise missing(f"There is no alert {alert_id!r}.")
            told = queries.deliveries(connection, name=alert["monitor"], alert=alert_id, limit=100)
        return render(request, "alert.html", {"alert": alert, "deliveries": told})


def _add_deliveries(router: APIRouter, database: Database, render: Renderer) -> None:
    @router.get("/deliveries")
    def list_deliveries(
        request: Request, monitor: str = "", state: str = "", offset: Offset = 0
    ) -> HTMLResponse:
        with database.read() as connection:
            found = queries.deliveries(
                connection,
                name=monitor or None,
                state=state or None,
                limit=PER_PAGE + 1,
                offset=offset,
            )
            counts = queries.delivery_counts(connection, name=monitor or None)
        page = {"deliveries": found[:PER_PAGE], "counts": counts}
        return render(request, "deliveries.html", page | _paged(found, monitor, state, offset))

    @router.get("/deliveries/{delivery_id}")
    def one_delivery(request: Request, delivery_id: str) -> HTMLResponse:
        with database.read() as connection:
            delivery = queries.delivery(connection, delivery_id)
        if delivery is None:
            raise missing(f"There is no delivery {delivery_id!r}.")
        return render(request, "delivery.html", {"d": delivery})


def _paged(found: list[Document], monitor: str, state: str, offset: int) -> Document:
    return {
        "monitor": monitor,
        "state": state,
        "offset": offset,
        "previous": max(0, offset - PER_PAGE) if offset else None,
        "next": offset + PER_PAGE if len(found) > PER_PAGE else None,
    }
