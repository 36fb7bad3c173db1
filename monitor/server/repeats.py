"""A change that is asked for twice with one Idempotency-Key is made once.

As in draft-ietf-httpapi-idempotency-key-header-07: the first request's answer is kept for a day,
and given again to whoever repeats it. A key that comes with another request is refused.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Request
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.server.access import SAFE_METHODS, principal
from monitor.server.problems import response
from monitor.sql import tables
from monitor.sql.database import Database

KEPT_S = 86_400.0
DIED_AFTER_S = 60.0
"""A first request that has no answer by then has died: a repeat takes its place."""
MAX_KEY = 255
MAX_BODY_BYTES = 5_000_000
SECRETS = "/api/v1/tokens"
"""Answers with secrets are not kept: whoever repeats such a request makes another token."""

_T = tables.repeats


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, by what makes it the same as another. id: of its key, for one caller."""

    id: str
    fingerprint: str
    body: bytes


@dataclass(slots=True)
class _Heard:
    """An answer as it passes."""

    status: int = 500
    media_type: str = ""
    body: bytearray = field(default_factory=bytearray)

    def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            self.media_type = headers.get("content-type", "")
        else:
            self.body += message.get("body", b"")


class OnlyOnce:
    """Knows repeats of changes under /api/ by their key."""

    def __init__(self, app: ASGIApp, *, database: Database, clock: Callable[[], float]) -> None:
        self._app = app
        self._database = database
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_keyed(request := Request(scope, receive)):
            await self._app(scope, receive, send)
            return
        asked = await _asked(request)
        if isinstance(asked, Response):
            await asked(scope, receive, send)
            return
        answer = await run_in_threadpool(self._known, asked)
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._first(asked, scope, send)

    async def _first(self, asked: _Asked, scope: Scope, send: Send) -> None:
        heard = _Heard()

        async def replayed() -> Message:
            return {"type": "http.request", "body": asked.body, "more_body": False}

        async def hearing(message: Message) -> None:
            heard.note(message)
            await send(message)

        try:
            await self._app(scope, replayed, hearing)
        finally:
            await run_in_threadpool(self._keep, asked, heard)

    def _known(self, asked: _Asked) -> Response | None:
        """The answer to a repeat; None to a first request, which is noted."""
        now = self._clock()
        with self._database.write() as connection:
            connection.execute(delete(_T).where(_T.c.at < now - KEPT_S))
            has_died = _T.c.status.is_(None) & (_T.c.at < now - DIED_AFTER_S)
            connection.execute(delete(_T).where(has_died))
        try:
            with self._database.write() as connection:
                row = {"id": asked.id, "fingerprint": asked.fingerprint, "at": now}
                connection.execute(insert(_T).values(row))
        except IntegrityError:
            with self._database.read() as connection:
                known = connection.execute(select(_T).where(_T.c.id == asked.id)).first()
            return _again(known, asked)
        return None

    def _keep(self, asked: _Asked, heard: _Heard) -> None:
        """An answer that is not the request's fault is forgotten: it may be tried again."""
        mine = _T.c.id == asked.id
        kept = {"status": heard.status, "media_type": heard.media_type, "body": bytes(heard.body)}
        with self._database.write() as connection:
            if heard.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                connection.execute(delete(_T).where(mine))
            else:
                connection.execute(update(_T).where(mine).values(kept))


def _is_keyed(request: Request) -> bool:
    path = request.url.path
    return (
        request.method not in SAFE_METHODS
        and "idempotency-key" in request.headers
        and path.startswith("/api/")
        and not path.startswith(SECRETS)
    )


async def _asked(request: Request) -> _Asked | Response:
    key = request.headers["idempotency-key"]
    if not 0 < len(key) <= MAX_KEY:
        return response(HTTPStatus.BAD_REQUEST, f"an Idempotency-Key has 1 to {MAX_KEY} characters")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "that is too much to be kept")
    who = principal(request)
    said = (request.method, request.url.path, request.url.query, hashlib.sha256(body).hexdigest())
    asker = (who.via, who.name, str(who.namespaces))
    return _Asked(_digest(*asker, key), _digest(*said), bytes(body))


def _again(known: Row[Any] | None, asked: _Asked) -> Response:
    if known is None or known.status is None:
        return response(HTTPStatus.CONFLICT, "the first request with this key is still under way")
    if known.fingerprint != asked.fingerprint:
        return response(
            HTTPStatus.UNPROCESSABLE_ENTITY, "this Idempotency-Key came with another request"
        )
    headers = {"Idempotency-Replayed": "true"}
    media_type = known.media_type or None
    return Response(known.body, known.status, headers=headers, media_type=media_type)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
