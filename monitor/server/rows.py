"""The API's export of a monitor's rows: what a retrain may learn from."""

import itertools
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from kafka.errors import KafkaError

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.replay.reported import ReplayError
from monitor.retraining import exporting
from monitor.retraining.exporting import TooMuchError
from monitor.server.api import Name
from monitor.server.problems import ProblemError
from monitor.sql import registry
from monitor.sql.database import Database

MEDIA_TYPE = "application/x-ndjson"


def routes(
    database: Database, broker: Broker | None, *, monotonic: Callable[[], float] = time.monotonic
) -> APIRouter:
    """broker: where the rows are; without one there are none to be had."""
    router = APIRouter(prefix="/api/v1", tags=["retraining"])

    @router.get(
        "/monitors/{name}/rows",
        summary="A monitor's predictions of a range of time, with their labels, as JSON lines",
        description="Read from Kafka, for as long as it keeps them. Takes the role operator.",
        response_class=StreamingResponse,
    )
    def export(
        name: Name,
        start: Annotated[float, Query(alias="from", ge=0, description="Seconds since 1970.")],
        end: Annotated[float, Query(alias="to", ge=0, description="And not including this.")],
    ) -> StreamingResponse:
        with database.read() as connection:
            registration = registry.in_force(connection).get(name)
        if broker is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this server knows of no Kafka")
        if registration is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no active monitor named {name!r}")
        lines = exporting.lines(broker, registration, start=start, end=end, monotonic=monotonic)
        try:
            first = next(lines, b"")  # what goes wrong at the beginning can still be answered
        except TooMuchError as error:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from None
        except (BrokerUnavailableError, KafkaError, ReplayError) as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
        return StreamingResponse(itertools.chain([first], lines), media_type=MEDIA_TYPE)

    return router
