"""Every change that somebody asks for is written down: who, when, what, and what came of it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection, insert, select, update
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.server.access import OPEN_PATHS, SAFE_METHODS, principal
from monitor.server.moments import moment
from monitor.sql import tables
from monitor.sql.database import Database

MAX_PATH = 500

Document = dict[str, Any]

_T = tables.audit


class Audited:
    """Writes a row before a change is tried, and its outcome afterwards.

    A change that cannot be written down is not made. A row without an outcome is of a change during
    which the process died: it may or may not have been made.
    """

    def __init__(self, app: ASGIApp, *, database: Database, clock: Callable[[], float]) -> None:
        self._app = app
        self._database = database
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] in SAFE_METHODS
            or scope["path"] in OPEN_PATHS
        ):
            await self._app(scope, receive, send)
            return
        entry = await run_in_threadpool(self._begin, Request(scope))
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            await run_in_threadpool(self._end, entry, status, _named(scope))

    def _begin(self, request: Request) -> int:
        who = principal(request)
        row = {
            "at": self._clock(),
            "who": who.name,
            "role": who.role.value,
            "via": who.via,
            "address": request.client.host if request.client else None,
            "method": request.method,
            "path": request.url.path[:MAX_PATH],
        }
        with self._database.write() as connection:
            key = connection.execute(insert(_T).values(row)).inserted_primary_key
        assert key is not None  # a row was inserted
        return int(key[0])

    def _end(self, entry: int, status: int, what: str) -> None:
        with self._database.write() as connection:
            outcome = update(_T).where(_T.c.n == entry).values(status=status, what=what)
            connection.execute(outcome)


def entries(connection: Connection, *, limit: int, before: int | None = None) -> list[Document]:
    """What was asked for, the latest first."""
    query = select(_T).order_by(_T.c.n.desc()).limit(limit)
    if before is not None:
        query = query.where(_T.c.n < before)
    return [
        {
            "n": row.n,
            "at": moment(row.at),
            "who": row.who,
            "role": row.role,
            "via": row.via,
            "address": row.address,
            "what": row.what,
            "method": row.method,
            "path": row.path,
            "status": row.status,
        }
        for row in connection.execute(query)
    ]


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/api/v1/audit", tags=["access"])

    @router.get(
        "",
        summary="Changes that were asked for, the latest first",
        description="Who, when, what, and the status that it was answered with. For admins.",
    )
    def list_entries(
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=2**62, description="Only those with a smaller `n`.")
        ] = None,
    ) -> Document:
        with database.read() as connection:
            return {"items": entries(connection, limit=limit, before=before)}

    return router


def _named(scope: Scope) -> str:
    """What the API calls the change, empty where nothing was found at the address."""
    route = scope.get("route")
    return str(getattr(route, "summary", None) or getattr(route, "name", None) or "")
