"""Answers that are pages."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import HTMLResponse

from monitor import components
from monitor.server.access import principal
from monitor.server.moments import moment

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""What is shown holds names and values of strangers: a page takes no script but its own."""


class Renderer:
    """Makes a page of a template and what it is to show."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._environment = components.environment()

    def __call__(
        self,
        request: Request,
        template: str,
        values: Mapping[str, object],
        *,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HTMLResponse:
        text = self._environment.get_template(template).render(
            values,
            path=request.url.path,
            now=moment(self._clock()),
            user=principal(request),
        )
        return HTMLResponse(text, status_code=status, headers=_HEADERS)
