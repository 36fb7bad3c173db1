"""What people answer with: silences, redelivery, retrains."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from monitor.retraining import records, telling
from monitor.server.deliveries import endpoints
from monitor.server.deliveries.again import redeliver
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import ProblemError, missing
from monitor.server.silences import document
from monitor.sql import silences
from monitor.sql.database import Database

SHOWN = 100

Document = dict[str, Any]


def add(
    router: APIRouter, database: Database, render: Renderer, clock: Callable[[], float]
) -> None:
    @router.post("/deliveries/{delivery_id}/redeliver", name="Tell it again")
    def tell_again(delivery_id: str) -> Response:
        with database.write() as connection:
            row = redeliver(connection, delivery_id, clock())
            if row is None:
                raise missing(f"There is no delivery {delivery_id!r}.")
            if endpoints.is_disabled(connection, row.place):
                raise ProblemError(HTTPStatus.CONFLICT, "Its endpoint is disabled: enable it.")
        return RedirectResponse(f"/deliveries/{delivery_id}", HTTPStatus.SEE_OTHER)

    @router.get("/silences")
    def list_silences(request: Request) -> HTMLResponse:
        now = clock()
        with database.read() as connection:
            rows = silences.rows(connection, now=now, with_ended=True, limit=SHOWN)
        page = {"silences": [document(row, now) for row in rows]}
        return render(request, "silences.html", page)

    @router.post("/silences/{silence_id}/end", name="End a silence now")
    def end_silence(silence_id: str) -> Response:
        with database.write() as connection:
            if silences.get(connection, silence_id) is None:
                raise missing(f"There is no silence {silence_id!r}.")
            silences.end(connection, silence_id, clock())
        return RedirectResponse("/silences", HTTPStatus.SEE_OTHER)

    @router.get("/retrains")
    def list_retrains(request: Request, monitor: str = "") -> HTMLResponse:
        with database.read() as connection:
            found = records.latest(connection, monitor=monitor or None, state=None, limit=SHOWN)
            told_of = [telling.document(connection, record) for record in found]
        return render(request, "retrains.html", {"retrains": told_of, "monitor": monitor})
