"""Errors as RFC 9457 problem documents: what is wrong, where, and what to do."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem document.

    faults: every single thing wrong with the request, each {"path": …, "message": …}.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, faults: Sequence[dict[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults


def response(
    status: HTTPStatus, detail: str, faults: Sequence[dict[str, str]] = ()
) -> JSONResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
    }
    if faults:
        body["faults"] = list(faults)
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of the application leaves as a problem document."""

    @app.exception_handler(ProblemError)
    def _problem(_: Request, error: ProblemError) -> JSONResponse:
        return response(error.status, error.detail, error.faults)

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        return response(HTTPStatus(error.status_code), str(error.detail))

    @app.exception_handler(RequestValidationError)
    def _request(_: Request, error: RequestValidationError) -> JSONResponse:
        return response(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "the request does not fit",
            [_fault(e["loc"], e["msg"]) for e in error.errors()],
        )


def invalid_document(error: ValidationError) -> ProblemError:
    """All faults of a document at once, each with its path."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"the document has {error.error_count()} fault(s)",
        [_document_fault(e) for e in error.errors(include_url=False)],
    )


def _document_fault(error: ErrorDetails) -> dict[str, str]:
    return _fault(error["loc"], error["msg"].removeprefix("Value error, "))


def _fault(path: Sequence[int | str], message: str) -> dict[str, str]:
    return {"path": ".".join(str(part) for part in path), "message": message}
