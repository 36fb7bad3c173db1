"""The API of deliveries: what was told, telling it again, and the endpoints that are told."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import Connection

from alerts.notification import delivery_id
from alerts.sample import sample
from monitor.detect.alarms import origin_of
from monitor.kafka.messages import Registration
from monitor.server import queries
from monitor.server.deliveries import endpoints
from monitor.server.deliveries.again import redeliver
from monitor.server.problems import ProblemError, missing
from monitor.spec.strict import NAME_PATTERN
from monitor.sql import outbox, registry
from monitor.sql.database import Database

Document = dict[str, Any]

Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["free-seats"])]
Id = Annotated[str, Path(max_length=64, pattern=r"^[a-z]+_[0-9a-f]+$")]


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["alerts"])
    _add_deliveries(router, database, clock)
    _add_endpoints(router, database, clock)
    return router


def _add_deliveries(router: APIRouter, database: Database, clock: Callable[[], float]) -> None:
    @router.get("/deliveries/{delivery_id}", summary="One notification and its attempts")
    def get_delivery(delivery_id: Id) -> Document:
        with database.read() as connection:
            return _delivery(connection, delivery_id)

    @router.post(
        "/deliveries/{delivery_id}/redeliver",
        summary="Tell it again",
        status_code=HTTPStatus.ACCEPTED,
        description="At once, with the same id, whatever came of it before. It is refused while "
        "the endpoint is disabled.",
    )
    def redeliver_one(delivery_id: Id) -> Document:
        with database.write() as connection:
            row = redeliver(connection, delivery_id, clock())
            if row is not None and endpoints.is_disabled(connection, row.place):
                raise ProblemError(
                    HTTPStatus.CONFLICT, f"{row.place} is disabled: enable it, and it is told"
                )
            return _delivery(connection, delivery_id)

    @router.post(
        "/monitors/{name}/channels/{channel}/test",
        summary="Tell a channel of a made-up incident",
        status_code=HTTPStatus.ACCEPTED,
        description="That it fires, and that it is over. The deliveries show what came of it.",
    )
    def test_channel(name: Name, channel: Name) -> Document:
        with database.write() as connection:
            found = registry.get(connection, name)
            if found is None or found.state == "deleted":
                raise missing(f"no monitor named {name!r}")
            return {"deliveries": _test(connection, found, channel, clock())}


def _add_endpoints(router: APIRouter, database: Database, clock: Callable[[], float]) -> None:
    @router.get("/endpoints", summary="Whom monitors tell, and how that goes")
    def list_endpoints() -> Document:
        with database.read() as connection:
            return {"items": endpoints.known(connection)}

    @router.post(
        "/endpoints/{endpoint_id}/enable",
        summary="Call an endpoint again that was disabled",
        description="What has waited for it is sent at once.",
    )
    def enable_endpoint(endpoint_id: Id) -> Document:
        with database.write() as connection:
            if endpoints.enable(connection, endpoint_id, clock()) is None:
                raise missing(f"no endpoint {endpoint_id!r}")
            return next(one for one in endpoints.known(connection) if one["id"] == endpoint_id)


def _delivery(connection: Connection, wanted: str) -> Document:
    found = queries.delivery(connection, wanted)
    if found is None:
        raise missing(f"no delivery {wanted!r}")
    return found


def _test(connection: Connection, found: Registration, name: str, now: float) -> list[str]:
    """Puts the samples for the channel or webhook of this name into the outbox; gives their ids."""
    named = {one.name: one.endpoints() for one in found.monitor.spec.alerts.told}
    if name not in named:
        there = ", ".join(named) or "none"
        raise missing(f"{found.name} has no channel {name!r}, it has: {there}")
    origin = origin_of(found, found.reference_id, None)
    samples = sample(found.name, origin, key=f"{name} {now}", now=now)
    outbox.put(connection, "test", samples, named[name], now=now)
    return [delivery_id(one.id, endpoint.name) for one in samples for endpoint in named[name]]
