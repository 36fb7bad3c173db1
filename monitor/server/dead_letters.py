"""What could not be read, as the API tells it and sends it back."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.deadletters import Letter, letters, printable, send_back
from monitor.server.access import namespaces
from monitor.server.moments import moment
from monitor.server.problems import ProblemError, missing
from monitor.tenants.namespaces import ALL

MOST = 1000
"""Letters of each partition that can be seen and sent back here; the command line reaches all."""
TIMEOUT_S = 10.0
SHOWN_BYTES = 400

Document = dict[str, Any]


class Replay(BaseModel):
    """Which letters are to be sent back to where they lay."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ids": ["17", "18"]}]}
    )

    ids: Annotated[list[str], Field(min_length=1, max_length=MOST, description="As listed.")]


def routes(broker: Broker | None) -> APIRouter:
    router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])

    @router.get("", summary="What could not be read, the latest first")
    def list_letters(
        monitor: Annotated[str | None, Query(description="Only for this monitor.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = 50,
    ) -> Document:
        found = latest(broker, limit=limit, monitor=monitor)
        return {"items": [document(letter) for letter in found]}

    @router.post(
        "/replay",
        summary="Send dead letters back to where they lay",
        status_code=HTTPStatus.ACCEPTED,
        description="What cannot be read this time either becomes a dead letter again.",
    )
    def replay(wanted: Replay) -> Document:
        return {"sent": replayed(broker, wanted.ids)}

    return router


def latest(broker: Broker | None, *, limit: int, monitor: str | None = None) -> list[Letter]:
    """The latest letters, the last one first."""
    found = [one for one in _known(broker, limit) if monitor in (None, one.monitor)]
    return sorted(found, key=lambda one: (one.record.time, one.record.offset), reverse=True)[:limit]


def replayed(broker: Broker | None, ids: Sequence[str]) -> list[str]:
    """Sends back the letters of these ids; those of them that came to lie here twice, once."""
    known = {letter.id: letter for letter in _known(broker, MOST)}
    if unknown := sorted(set(ids) - set(known)):
        raise missing(f"There is no dead letter {', '.join(unknown)}.")
    homeless = [one for one in ids if known[one].source is None]
    if homeless:
        raise ProblemError(
            HTTPStatus.CONFLICT, f"{', '.join(homeless)} has no place in the log to go back to."
        )
    ready = {known[one].source: known[one] for one in ids}
    try:
        send_back(_connected(broker), list(ready.values()))
    except BrokerUnavailableError as error:
        raise _away(error) from error
    return [letter.id for letter in ready.values()]


def document(letter: Letter) -> Document:
    """Nothing of it can be taken for markup or for a terminal's commands."""
    record = letter.record
    value = record.value[:SHOWN_BYTES].decode("utf-8", errors="backslashreplace")
    return {
        "id": letter.id,
        "at": moment(record.time),
        "monitor": letter.monitor,
        "source": printable(letter.came_from),
        "reason": printable(letter.reason),
        "can_go_back": letter.source is not None,
        "bytes": len(record.value),
        "begins": printable(value),
    }


def _known(broker: Broker | None, limit: int) -> list[Letter]:
    try:
        found = letters(_connected(broker), last=limit, timeout_s=TIMEOUT_S)
        return [letter for letter in found if _is_seen(letter)]
    except BrokerUnavailableError as error:
        raise _away(error) from error


def _is_seen(letter: Letter) -> bool:
    """What names no monitor is the operator's."""
    own = namespaces()
    return own == ALL or (letter.monitor is not None and own.has(letter.monitor))


def _connected(broker: Broker | None) -> Broker:
    if broker is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "No broker is known here, so dead letters are not."
        )
    return broker


def _away(error: BrokerUnavailableError) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"The broker does not answer: {error}.")
