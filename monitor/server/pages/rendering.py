"""Templates, with the words and pictures that all of them may use."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from monitor import pictures
from monitor.server import wording
from monitor.server.access import principal
from monitor.server.moments import moment

_WORDS = (
    wording.age,
    wording.comparison,
    wording.count,
    wording.figure,
    wording.length_of,
    wording.metric,
    wording.movement,
    wording.p_value,
    wording.percent,
    wording.span,
    wording.statistic,
    wording.title_of,
    wording.version,
    wording.when,
)


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
        self._environment = _environment()

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


def safe(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - monitor.pictures escapes what it is given


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for word in _WORDS:
        environment.filters[word.__name__] = word
    environment.filters["in_path"] = _in_path
    environment.globals["picture_style"] = safe(pictures.STYLE)
    return environment


def _in_path(text: str) -> str:
    """A name as a part of an address, whatever it holds."""
    return quote(text, safe="")
