"""Who calls and what they may do: viewers look, operators change things, admins make tokens.

Each of them may be confined to some namespaces; then nobody else's monitors are there for them.
"""

import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.server.problems import ProblemError, response, wants_page
from monitor.tenants.namespaces import ALL, Namespaces, namespace_of

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/logout"})
"""Probes carry no secrets and hold none."""
OPEN_FOLDERS = ("/static/",)
SIGNED_PATHS = re.compile(r"/api/v1/retrains/[^/]+/callback")
"""A pipeline shows who it is by a signature instead, without which it is refused there."""
ROW_PATHS = re.compile(r"(/api/v1)?/monitors/[^/]+/(rows|outliers)")
"""Rows as they came are more than pages show: operators may have them."""
ADMIN_PATHS = re.compile(r"(/api/v1)?/(tokens|audit)(/.*)?")
FOR_ALL_NAMESPACES = re.compile(r"(/api/v1)?/audit")
"""What was changed by whom is told of the whole installation."""
NAMED_PATHS = re.compile(
    r"(?:/api/v1)?/(?:monitors|subscriptions(?!/decisions$))/([^/]+)(?:/.*)?", re.DOTALL
)
"""Of a monitor, or of something else that is named as monitors are."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

COOKIE = "driftmeter_token"
_PRINCIPAL = "driftmeter.principal"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        """Whether this role may do all that the other may."""
        roles = list(Role)
        return roles.index(self) >= roles.index(other)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who calls. via: how they showed who they are. namespaces: that are theirs."""

    name: str
    role: Role
    via: str
    namespaces: Namespaces = ALL


LOCAL = Principal("local", Role.ADMIN, "loopback")
"""Where nobody is asked who they are: everybody on this machine."""

Identify = Callable[[Request], Principal | None]
"""One way to know a caller; it may read from SQL."""


def anyone(_: Request) -> Principal:
    return LOCAL


def principal(request: Request) -> Principal:
    """Who makes a request that has come through the gate."""
    found: Principal = request.scope.get(_PRINCIPAL, LOCAL)
    return found


_CALLER: ContextVar[Principal] = ContextVar("caller", default=LOCAL)


def namespaces() -> Namespaces:
    """Those of whoever makes the request that is being answered."""
    return _CALLER.get().namespaces


async def check_namespace(request: Request) -> None:
    """Raises a problem where an address names what is not the caller's.

    Whether there is something of that name, they do not learn.
    """
    match, own = NAMED_PATHS.fullmatch(request.scope["path"]), namespaces()
    if match is not None and not own.has(match[1]):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"{match[1]!r} is of the namespace {namespace_of(match[1])!r}; you may see: {own}",
        )


def credential(request: Request) -> str | None:
    """The token that a request carries: in its header, or in the cookie of a browser."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.cookies.get(COOKIE)


def needed(method: str, path: str) -> Role:
    if ADMIN_PATHS.fullmatch(path):
        return Role.ADMIN
    looks = method in SAFE_METHODS and not ROW_PATHS.fullmatch(path)
    return Role.VIEWER if looks else Role.OPERATOR


class Gate:
    """Lets a request pass whose caller is known and may do that; else answers 401 or 403.

    A change that a page of another site asks a browser for is refused, whosever browser it is.
    """

    def __init__(self, app: ASGIApp, *, identify: Sequence[Identify]) -> None:
        self._app = app
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = await self._refusal(request)
        caller = _CALLER.set(principal(request))
        try:
            await (refusal or self._app)(scope, receive, send)
        finally:
            _CALLER.reset(caller)

    async def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if request.method not in SAFE_METHODS and _is_foreign(request.headers):
            return response(HTTPStatus.FORBIDDEN, "a page of another site asked for this change")
        if SIGNED_PATHS.fullmatch(path):
            request.scope[_PRINCIPAL] = Principal("pipeline", Role.VIEWER, "signature")
            return None
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            return None
        found = await run_in_threadpool(self._known, request)
        if found is None:
            return _unknown(request)
        request.scope[_PRINCIPAL] = found
        return _forbidden(found, request.method, path)

    def _known(self, request: Request) -> Principal | None:
        found = (identify(request) for identify in self._identify)
        return next((one for one in found if one is not None), None)


def _forbidden(caller: Principal, method: str, path: str) -> Response | None:
    least = needed(method, path)
    if not caller.role.covers(least):
        said = f"this takes the role {least}, not {caller.role}"
    elif FOR_ALL_NAMESPACES.fullmatch(path) and caller.namespaces != ALL:
        said = "this takes somebody who may see all namespaces"
    else:
        return None
    return response(HTTPStatus.FORBIDDEN, said)


def _is_foreign(headers: Headers) -> bool:
    """Browsers say from where they were told to send something; programs do not."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _unknown(request: Request) -> Response:
    if wants_page(request) and request.method in SAFE_METHODS:
        there = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        return RedirectResponse(f"/login?next={there}", HTTPStatus.SEE_OTHER)
    refusal = response(
        HTTPStatus.UNAUTHORIZED, "this address needs a header 'Authorization: Bearer TOKEN'"
    )
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal
