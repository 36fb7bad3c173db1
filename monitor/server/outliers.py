"""The rows of a window that were least like the reference, of monitors that publish some.

They are read from their topic, where they are as they were captured: what was redacted is redacted.
"""

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Header, Segment
from monitor.kafka.records import Record
from monitor.kafka.tail import tail
from monitor.server.api import Name
from monitor.server.moments import moment
from monitor.server.problems import ProblemError

CLIENT = "driftmeter-outliers"
LAST_RECORDS = 2_000
"""Of the monitor's partition; what lies further back is in the topic alone."""
TIMEOUT_S = 10.0

Document = dict[str, Any]


def routes(broker: Broker | None) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["reports"])

    @router.get(
        "/monitors/{name}/outliers",
        summary="The rows least like the reference, of a range of time",
        description="Of monitors whose `detection.outliers.publish_rows` asks for them, the least "
        "like the reference first. Takes the role operator.",
    )
    def list_outliers(
        name: Name,
        start: Annotated[float, Query(alias="from", ge=0, description="Seconds since 1970.")],
        end: Annotated[float, Query(alias="to", ge=0, description="And not including this.")],
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 50,
    ) -> Document:
        return {"items": rows(broker, name, start=start, end=end, limit=limit)}

    return router


def rows(
    broker: Broker | None,
    monitor: str,
    *,
    start: float,
    end: float,
    limit: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Document]:
    """Those with the least p-values first. Raises a problem without a broker that answers."""
    if broker is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "No broker is known here, so outlying rows are not."
        )
    found = tail(
        broker,
        broker.topics.outliers,
        client_id=CLIENT,
        last=LAST_RECORDS,
        key=monitor,
        timeout_s=TIMEOUT_S,
        monotonic=monotonic,
    )
    try:
        said = [row for row in _latest(found, monitor) if start <= row["time"] < end]
    except BrokerUnavailableError as error:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise ProblemError(status, f"The broker does not answer: {error}.") from error
    chosen = sorted(said, key=lambda row: (row["p_value"], row["id"]))[:limit]
    return [row | {"time": moment(row["time"])} for row in chosen]


def _latest(found: Iterable[Record], monitor: str) -> Iterable[Document]:
    """The rows of the last that was said of every stretch."""
    stretches: dict[bytes, list[Document]] = {}
    for record in found:
        body = orjson.loads(record.value)
        if body["monitor"] == monitor:
            segment = Segment.from_bytes(dict(record.headers)[Header.SEGMENT])
            stretches[segment.key] = body["rows"]
    return [row for told in stretches.values() for row in told]
