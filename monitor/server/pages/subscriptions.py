"""Who is told of alerts and how that goes, and who is asked for retrains of which monitors."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from monitor.retraining import asking, subscriptions
from monitor.server.deliveries import endpoints
from monitor.server.moments import moment
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import missing
from monitor.spec.durations import format_duration
from monitor.spec.retraining import RetrainSubscription, Selector
from monitor.sql.database import Database

Document = dict[str, Any]


def add(
    router: APIRouter, database: Database, render: Renderer, clock: Callable[[], float]
) -> None:
    @router.get("/subscriptions")
    def list_subscriptions(request: Request) -> HTMLResponse:
        with database.read() as connection:
            page = {
                "endpoints": endpoints.known(connection),
                "subscriptions": [_told(one) for one in subscriptions.every(connection)],
                "decisions": [
                    one | {"at": moment(one["at"])} for one in asking.decisions(connection)
                ],
            }
        return render(request, "subscriptions.html", page)

    @router.post("/endpoints/{endpoint_id}/enable", name="Call an endpoint again")
    def enable(endpoint_id: str) -> Response:
        with database.write() as connection:
            if endpoints.enable(connection, endpoint_id, clock()) is None:
                raise missing(f"There is no endpoint {endpoint_id!r}.")
        return RedirectResponse("/subscriptions", HTTPStatus.SEE_OTHER)


def _told(document: Document) -> Document:
    """A subscription as people read it."""
    spec = RetrainSubscription.model_validate(document).spec
    limits = [f"every {format_duration(spec.cooldown)} at most"]
    if spec.per_day is not None:
        limits.append(f"{spec.per_day} a day at most")
    if spec.approval:
        limits.append("after approval")
    if spec.dry_run:
        limits.append("dry run")
    return {
        "name": document["metadata"]["name"],
        "select": _selected(spec.select),
        "causes": ", ".join(spec.causes),
        "asks": ", ".join(one.name for one in spec.endpoints()) or "the topic retrain",
        "limits": ", ".join(limits),
    }


def _selected(select: Selector) -> str:
    labels = [f"{key}: {value}" for key, value in select.labels.items()]
    chosen = [*select.monitors, *(select.namespaces or ()), *labels]
    return ", ".join(chosen) or "all monitors"
