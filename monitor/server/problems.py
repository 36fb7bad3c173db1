"""Errors as RFC 9457 problem documents: what is wrong, where, and what to do."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Protocol, Self, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_EXAMPLE = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "no monitor named 'free-seats'",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": _EXAMPLE}},
    }
    for status, description in (
        ("4XX", "The request is at fault: what about it, in words and place by place (RFC 9457)"),
        ("5XX", "It cannot be answered now: the database or the broker is away (RFC 9457)"),
    )
}
"""How every operation of the API may fail."""


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


def missing(message: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, message)


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


class Page(Protocol):
    """Says to somebody with a browser what a problem document says to a program."""

    def __call__(self, request: Request, problem: ProblemError, /) -> Response: ...


def install(app: FastAPI, page: Page) -> None:
    """Every error of the application leaves as a problem document, or as a page to a browser."""

    def answer(request: Request, problem: ProblemError) -> Response:
        if wants_page(request):
            return page(request, problem)
        return response(problem.status, problem.detail, problem.faults)

    @app.exception_handler(ProblemError)
    def _problem(request: Request, error: ProblemError) -> Response:
        return answer(request, error)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        answered = answer(
            request, ProblemError(HTTPStatus(error.status_code), _detail(request, error))
        )
        answered.headers.update(error.headers or {})
        return answered

    @app.exception_handler(RequestValidationError)
    def _request(request: Request, error: RequestValidationError) -> Response:
        faults = [_fault(e["loc"], e["msg"]) for e in error.errors()]
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return answer(request, ProblemError(status, "The request does not fit.", faults))

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    def _database(request: Request, error: DBAPIError) -> Response:
        log.warning("the database did not answer: %s", error)
        return answer(request, _away())

    @app.exception_handler(Exception)
    def _bug(request: Request, error: Exception) -> Response:  # it is raised again, and so logged
        if isinstance(error, OperationalError | InterfaceError):  # of who calls, or of the audit
            return answer(request, _away())
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return answer(
            request, ProblemError(status, "This is a fault of Driftmeter's: see its log.")
        )


def _detail(request: Request, error: HTTPException) -> str:
    """What is wrong; the router itself says no more than the title."""
    if error.detail == HTTPStatus.NOT_FOUND.phrase:
        return f"There is nothing at {request.url.path}."
    return str(error.detail)


def _away() -> ProblemError:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return ProblemError(status, "The database does not answer. Try again.")


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and for something other than the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")


def invalid_document(error: ValidationError) -> ProblemError:
    """All faults of a document at once, each with its path."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"the document has {error.error_count()} fault(s)",
        [_document_fault(e) for e in error.errors(include_url=False)],
    )


class Named(Protocol):
    @property
    def name(self) -> str: ...

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...


_Named = TypeVar("_Named", bound=Named)


def read_document(kind: type[_Named], document: dict[str, Any], name: str) -> _Named:
    """What a caller declares at an address of that name. Raises ProblemError."""
    try:
        wanted = kind.model_validate(document)
    except ValidationError as error:
        raise invalid_document(error) from None
    if wanted.name != name:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"the document names {wanted.name!r}, the address {name!r}",
        )
    return wanted


def _document_fault(error: ErrorDetails) -> dict[str, str]:
    return _fault(error["loc"], error["msg"].removeprefix("Value error, "))


def _fault(path: Sequence[int | str], message: str) -> dict[str, str]:
    return {"path": ".".join(str(part) for part in path), "message": message}
