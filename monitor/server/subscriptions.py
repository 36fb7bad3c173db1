"""The API of retrain subscriptions: declared apart from monitors, by label or name."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path

from monitor.retraining import asking, subscriptions
from monitor.server.api import OfMonitor
from monitor.server.moments import moment
from monitor.server.operating_examples import SUBSCRIPTION
from monitor.server.problems import ProblemError, read_document
from monitor.spec.retraining import RetrainSubscription
from monitor.spec.strict import NAME_PATTERN
from monitor.sql import seen
from monitor.sql.database import Database
from monitor.tenants.namespaces import Namespaces

Document = dict[str, Any]
Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["nightly"])]


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    """The API over a database; `clock` gives seconds since 1970."""
    router = APIRouter(prefix="/api/v1/subscriptions", tags=["retraining"])

    @router.get("", summary="All retrain subscriptions")
    def list_subscriptions() -> Document:
        with database.read() as connection:
            return {"items": subscriptions.every(connection)}

    @router.get("/decisions", summary="What every subscription answered last, and why")
    def list_decisions(monitor: OfMonitor = None) -> Document:
        with database.read() as connection:
            found = asking.decisions(connection, monitor)
        return {"items": [{**one, "at": moment(one["at"])} for one in found]}

    @router.get("/{name}", summary="One retrain subscription")
    def get_subscription(name: Name) -> Document:
        with database.read() as connection:
            found = subscriptions.get(connection, name)
        if found is None:
            raise _unknown(name)
        return found

    @router.put("/{name}", summary="Create or change a retrain subscription")
    def put_subscription(
        name: Name, document: Annotated[Document, Body(examples=[SUBSCRIPTION])]
    ) -> Document:
        wanted = read_document(RetrainSubscription, document, name)
        with database.write() as connection:
            confined = _confined(wanted, seen.namespaces(connection))
            if subscriptions.is_taken(connection, name):
                raise ProblemError(HTTPStatus.FORBIDDEN, f"{name!r} is somebody else's")
            subscriptions.put(connection, confined, clock())
        return confined.to_json()

    @router.delete(
        "/{name}", summary="Delete a retrain subscription", status_code=HTTPStatus.NO_CONTENT
    )
    def delete_subscription(name: Name) -> None:
        with database.write() as connection:
            if not subscriptions.remove(connection, name):
                raise _unknown(name)

    return router


def _confined(wanted: RetrainSubscription, own: Namespaces) -> RetrainSubscription:
    """Whose monitors are selected is said, where the caller may not see everybody's."""
    select = wanted.spec.select
    if select.namespaces is not None and not own.cover(Namespaces.of(select.namespaces)):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"you may select monitors of: {own}")
    if select.namespaces is not None or own.names is None:
        return wanted
    within = select.model_copy(update={"namespaces": tuple(sorted(own.names))})
    return wanted.model_copy(update={"spec": wanted.spec.model_copy(update={"select": within})})


def _unknown(name: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, f"no subscription named {name!r}")
