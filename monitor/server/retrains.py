"""The API of retrains: what was asked for, approving it, and what pipelines report."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import Connection

from alerts.channels import settings as secrets
from alerts.channels.settings import SecretFileError
from alerts.retraining.lifecycle import RetrainState
from alerts.webhooks import SecretError, SignatureError, verify
from monitor.retraining import news, records, telling
from monitor.retraining.news import News
from monitor.retraining.records import Record
from monitor.server.access import principal
from monitor.server.api import Limit, OfMonitor
from monitor.server.problems import ProblemError, invalid_document
from monitor.sql.database import Database

Document = dict[str, Any]

MAX_CALLBACK_BYTES = 20_000


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    """The API over a database; `clock` gives seconds since 1970."""
    router = APIRouter(prefix="/api/v1/retrains", tags=["retraining"])
    _add_reading(router, database)
    _add_approving(router, database, clock)
    _add_reporting(router, database, clock)
    return router


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get("", summary="Retrains, the latest first")
    def list_retrains(
        monitor: OfMonitor = None,
        state: Annotated[RetrainState | None, Query(description="Only in this state.")] = None,
        limit: Limit = 50,
    ) -> Document:
        with database.read() as connection:
            found = records.latest(connection, monitor=monitor, state=state, limit=limit)
            return {"items": [telling.document(connection, record) for record in found]}

    @router.get("/{retrain_id}", summary="One retrain")
    def get_retrain(retrain_id: str) -> Document:
        with database.read() as connection:
            return telling.document(connection, _known(connection, retrain_id))


def _add_approving(router: APIRouter, database: Database, clock: Callable[[], float]) -> None:
    def decide(retrain_id: str, who: str, *, approved: bool) -> Document:
        verdict = news.approve if approved else news.reject
        with database.write() as connection:
            record = _known(connection, retrain_id)
            if not verdict(connection, record, by=who, now=clock()):
                raise ProblemError(
                    HTTPStatus.CONFLICT, f"it does not wait for approval: it is {record.state}"
                )
            return telling.document(connection, _known(connection, retrain_id))

    @router.post("/{retrain_id}/approve", summary="Approve a retrain: it is asked for now")
    def approve(request: Request, retrain_id: str) -> Document:
        return decide(retrain_id, principal(request).name, approved=True)

    @router.post("/{retrain_id}/reject", summary="Reject a retrain: nobody is asked")
    def reject(request: Request, retrain_id: str) -> Document:
        return decide(retrain_id, principal(request).name, approved=False)

    @router.post("/{retrain_id}/decision", include_in_schema=False)
    def decide_on_page(request: Request, retrain_id: str, approved: bool) -> RedirectResponse:
        """The buttons of the page of retrains."""
        told = decide(retrain_id, principal(request).name, approved=approved)
        return RedirectResponse(f"/retrains?monitor={told['monitor']}", HTTPStatus.SEE_OTHER)


def _add_reporting(router: APIRouter, database: Database, clock: Callable[[], float]) -> None:
    @router.post(
        "/{retrain_id}/callback",
        summary="What a pipeline reports, signed",
        description="Signed as Standard Webhooks asks, by the secret in the subscription's "
        "`callback_secret_file`. Takes no bearer token.",
    )
    def callback(
        retrain_id: str, request: Request, body: Annotated[bytes, Depends(_bounded)]
    ) -> Document:
        now = clock()
        with database.write() as connection:
            record = _known(connection, retrain_id)
            _verify(record, request, body, now)
            return _take(connection, record, _news(body), by="callback", now=now)

    @router.post("/{retrain_id}/news", summary="What somebody says of a retrain, by hand")
    def tell(request: Request, retrain_id: str, said: Annotated[News, Body()]) -> Document:
        with database.write() as connection:
            record = _known(connection, retrain_id)
            return _take(connection, record, said, by=principal(request).name, now=clock())


def _take(connection: Connection, record: Record, said: News, *, by: str, now: float) -> Document:
    taken = news.take(connection, record, said, by=by, now=now)
    state = said.state if taken.is_new else record.state
    return {"id": record.id, "state": state, "changed": taken.is_new, "revision": taken.revision}


async def _bounded(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_CALLBACK_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_CALLBACK_BYTES:,} bytes"
            )
    return body


def _verify(record: Record, request: Request, body: bytes, now: float) -> None:
    path = record.settings.get("callback_secret_file")
    if path is None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "the subscription names no callback_secret_file to verify by"
        )
    try:
        verify(secrets.lines(path), request.headers, body, now=now)
    except (SecretFileError, SecretError) as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
    except SignatureError as error:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, str(error)) from None


def _news(body: bytes) -> News:
    try:
        return News.model_validate_json(body)
    except ValidationError as error:
        raise invalid_document(error) from None


def _known(connection: Connection, retrain_id: str) -> Record:
    found = records.get(connection, retrain_id)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no retrain {retrain_id!r}")
    return found
