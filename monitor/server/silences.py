"""The API of silences and maintenance windows."""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import ValidationError
from sqlalchemy import Row

from monitor.server.moments import moment
from monitor.server.problems import ProblemError, invalid_document
from monitor.spec.silence import SilenceRequest
from monitor.sql import silences
from monitor.sql.database import Database

Document = dict[str, Any]

EXAMPLE = {
    "matchers": ["monitor=free-seats", "severity!=critical"],
    "duration": "2h",
    "comment": "the tram line is rebuilt",
}


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    """The API over a database; `clock` gives seconds since 1970."""
    router = APIRouter(prefix="/api/v1/silences", tags=["alerts"])

    @router.get("", summary="Silences and maintenance windows, the latest made first")
    def list_silences(
        ended: Annotated[bool, Query(description="Those that are over, too.")] = False,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    ) -> Document:
        now = clock()
        with database.read() as connection:
            found = silences.rows(connection, now=now, with_ended=ended, limit=limit)
        return {"items": [document(row, now) for row in found]}

    @router.get("/{silence_id}", summary="One silence")
    def get_silence(silence_id: str) -> Document:
        with database.read() as connection:
            return document(_found(silences.get(connection, silence_id), silence_id), clock())

    @router.post(
        "",
        summary="Tell nobody of some alerts",
        status_code=HTTPStatus.CREATED,
        description="Alerts are decided as ever. What still fires when the silence ends is told "
        "then, and so is the end of what people knew to be firing.",
    )
    def post_silence(wanted: Annotated[Document, Body(examples=[EXAMPLE])]) -> Document:
        now = clock()
        row = _row(_read(wanted), now)
        with database.write() as connection:
            silences.put(connection, row)
            return document(_found(silences.get(connection, row["id"]), row["id"]), now)

    @router.delete("/{silence_id}", summary="End a silence now", status_code=HTTPStatus.NO_CONTENT)
    def end_silence(silence_id: str) -> None:
        with database.write() as connection:
            _found(silences.get(connection, silence_id), silence_id)
            silences.end(connection, silence_id, clock())

    return router


def _read(wanted: Document) -> SilenceRequest:
    try:
        return SilenceRequest.model_validate(wanted)
    except ValidationError as error:
        raise invalid_document(error) from None


def _row(wanted: SilenceRequest, now: float) -> Document:
    try:
        starts_at, ends_at = wanted.times(now, for_ever=silences.FOR_EVER)
    except ValueError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    weekly = wanted.weekly.model_dump(by_alias=True) if wanted.weekly else None
    return {
        "id": f"silence_{secrets.token_hex(16)}",
        "matchers": list(wanted.matchers),
        "weekly": weekly,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "comment": wanted.comment,
        "created_by": wanted.created_by,
        "created_at": now,
    }


def _found(row: Row[Any] | None, silence_id: str) -> Row[Any]:
    if row is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no silence {silence_id!r}")
    return row


def document(row: Row[Any], now: float) -> Document:
    """A silence as the API and the pages tell it."""
    return {
        "id": row.id,
        "state": _state(row, now),
        "matchers": row.matchers,
        "namespaces": row.namespaces,
        "weekly": row.weekly,
        "starts_at": moment(row.starts_at),
        "ends_at": None if row.ends_at >= silences.FOR_EVER else moment(row.ends_at),
        "comment": row.comment,
        "created_by": row.created_by,
        "created_at": moment(row.created_at),
    }


def _state(row: Row[Any], now: float) -> str:
    if row.ends_at <= now:
        return "ended"
    return "pending" if row.starts_at > now else "active"
