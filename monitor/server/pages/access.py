"""Logging in and out, tokens, and who changed what."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from monitor.server import audit, tokens
from monitor.server.access import COOKIE, Role, principal
from monitor.server.pages.rendering import Renderer
from monitor.server.problems import ProblemError
from monitor.sql.database import Database

LOGIN_S = 12 * 3600
MAX_FORM_BYTES = 10_000
PER_PAGE = 100


def add(
    router: APIRouter, database: Database, render: Renderer, clock: Callable[[], float]
) -> None:
    _add_login(router, render)
    _add_tokens(router, database, render, clock)

    @router.get("/audit")
    def show_audit(
        request: Request, before: Annotated[int | None, Query(ge=1, le=2**62)] = None
    ) -> HTMLResponse:
        with database.read() as connection:
            found = audit.entries(connection, limit=PER_PAGE + 1, before=before)
        shown = found[:PER_PAGE]
        older = shown[-1]["n"] if len(found) > PER_PAGE else None
        page = {"entries": shown, "older": older, "is_first": before is None}
        return render(request, "audit.html", page)


def _add_login(router: APIRouter, render: Renderer) -> None:
    @router.get("/login")
    def ask(request: Request, next: str = "/", wrong: bool = False) -> HTMLResponse:  # noqa: A002
        return render(request, "login.html", {"next": _ours(next), "is_wrong": wrong})

    @router.post("/login")
    async def login(request: Request) -> Response:
        """The token becomes a cookie that no script can read and no other site can use; the page
        that it leads to finds out whether it opens anything."""
        form = await read_form(request)
        there = RedirectResponse(_ours(form.get("next", "/")), HTTPStatus.SEE_OTHER)
        there.set_cookie(
            COOKIE,
            form.get("token", "").strip(),
            max_age=LOGIN_S,
            httponly=True,
            samesite="strict",
            secure=request.headers.get("x-forwarded-proto", request.url.scheme) == "https",
        )
        return there

    @router.post("/logout")
    def logout() -> Response:
        away = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        away.delete_cookie(COOKIE)
        return away


def _add_tokens(
    router: APIRouter, database: Database, render: Renderer, clock: Callable[[], float]
) -> None:
    def show(request: Request, **values: object) -> HTMLResponse:
        with database.read() as connection:
            page = {"tokens": tokens.every(connection, clock()), "roles": list(Role)}
        return render(request, "tokens.html", page | {"made": None, "secret": None} | values)

    @router.get("/tokens")
    def show_tokens(request: Request) -> HTMLResponse:
        return show(request)

    @router.post("/tokens", name="Make a token")
    async def make_token(request: Request) -> HTMLResponse:
        form = await read_form(request)
        try:
            wanted = tokens.Wanted.model_validate(_filled(form))
        except ValidationError as error:
            faults = [
                {"path": ".".join(map(str, one["loc"])), "message": one["msg"]}
                for one in error.errors()
            ]
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            raise ProblemError(status, "This is no token to be made.", faults) from None
        secret, made = await run_in_threadpool(_made, database, wanted, request, clock)
        return await run_in_threadpool(show, request, made=made, secret=secret)

    @router.post("/tokens/{token_id}/revoke", name="Revoke a token")
    def revoke_token(token_id: str) -> Response:
        with database.write() as connection:
            tokens.revoke(connection, token_id, clock())
        return RedirectResponse("/tokens", HTTPStatus.SEE_OTHER)


def _filled(form: dict[str, str]) -> dict[str, object]:
    """What somebody wrote into the fields; a list of names is one field."""
    filled: dict[str, object] = {key: form[key] for key in form if form[key].strip()}
    if "namespaces" in filled:
        filled["namespaces"] = form["namespaces"].replace(",", " ").split()
    return filled


def _made(
    database: Database, wanted: tokens.Wanted, request: Request, clock: Callable[[], float]
) -> tuple[str, tokens.Document]:
    with database.write() as connection:
        return tokens.create(connection, wanted, principal(request).name, clock())


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it, each once."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too much for a form.")
    return {key: values[-1] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _ours(address: str) -> str:
    """A path of ours, never the way to another site."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_path else "/"
