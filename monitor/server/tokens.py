"""Tokens in SQL: made and revoked while everything runs. Only a digest of each is kept."""

import hashlib
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, insert, select, update

from monitor.server.access import Principal, Role, principal
from monitor.server.moments import moment
from monitor.server.problems import ProblemError
from monitor.spec.strict import NAMESPACE_PATTERN
from monitor.sql import seen, tables
from monitor.sql.database import Database
from monitor.tenants.namespaces import Namespaces

PREFIX = "dm_"
USE_NOTED_EVERY_S = 60.0
"""When a token was last used is known to a minute: a write at every request would be dear."""

Document = dict[str, Any]

_T = tables.tokens


class Wanted(BaseModel):
    """A token that somebody asks for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "grafana", "role": "viewer", "days": 365}]},
    )

    name: Annotated[str, Field(min_length=1, max_length=200, description="Whose it is.")]
    role: Annotated[Role, Field(description="What its holder may do.")] = Role.VIEWER
    namespaces: Annotated[
        list[Annotated[str, Field(pattern=NAMESPACE_PATTERN)]] | None,
        Field(min_length=1, max_length=100, description="Whose monitors; all, if absent."),
    ] = None
    days: Annotated[int | None, Field(ge=1, le=3650, description="After which it expires.")] = None


def find(database: Database, secret: str, now: float) -> Principal | None:
    """Whose token it is, if it is in force."""
    with database.read() as connection:
        row = connection.execute(select(_T).where(_T.c.digest == _digest(secret))).first()
    if row is None or row.revoked_at is not None or (row.expires_at or now) < now:
        return None
    if row.last_used_at is None or row.last_used_at < now - USE_NOTED_EVERY_S:
        with database.write() as connection:
            noted = update(_T).where(_T.c.digest == row.digest).values(last_used_at=now)
            connection.execute(noted)
    return Principal(row.name, Role(row.role), "token", Namespaces.of(row.namespaces))


def create(connection: Connection, wanted: Wanted, by: str, now: float) -> tuple[str, Document]:
    """The secret, which is never shown again, and what is kept of it.

    Who is confined to some namespaces makes tokens for these; raises a problem for others.
    """
    own, asked = seen.namespaces(connection), Namespaces.of(wanted.namespaces)
    granted = own if wanted.namespaces is None else asked
    if not own.cover(granted):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"you may give tokens for: {own}")
    secret = PREFIX + secrets.token_urlsafe(32)
    digest = _digest(secret)
    row = {
        "digest": digest,
        "id": digest[:16],
        "name": wanted.name,
        "role": wanted.role.value,
        "namespaces": granted.to_json(),
        "created_by": by,
        "created_at": now,
        "expires_at": None if wanted.days is None else now + 86_400 * wanted.days,
    }
    connection.execute(insert(_T).values(row))
    found = connection.execute(select(_T).where(_T.c.digest == digest)).one()
    return secret, _document(found, now)


def revoke(connection: Connection, token_id: str, now: float) -> None:
    """Raises a problem if there is none; a second time changes nothing."""
    found = connection.execute(select(_T).where(_T.c.id == token_id)).first()
    if found is None or not _is_seen(connection, found):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no token {token_id!r}.")
    in_force = (_T.c.id == token_id) & _T.c.revoked_at.is_(None)
    connection.execute(update(_T).where(in_force).values(revoked_at=now))


def every(connection: Connection, now: float) -> list[Document]:
    """All tokens, the latest made first."""
    rows = connection.execute(select(_T).order_by(_T.c.created_at.desc(), _T.c.id))
    return [_document(row, now) for row in rows if _is_seen(connection, row)]


def _is_seen(connection: Connection, row: Row[Any]) -> bool:
    return seen.namespaces(connection).cover(Namespaces.of(row.namespaces))


def routes(database: Database, clock: Callable[[], float]) -> APIRouter:
    router = APIRouter(prefix="/api/v1/tokens", tags=["access"])

    @router.get("", summary="All tokens", description="Without their secrets. For admins.")
    def list_tokens() -> Document:
        with database.read() as connection:
            return {"items": every(connection, clock())}

    @router.post(
        "",
        summary="Make a token",
        description="The answer is the only place where its secret is ever shown. For admins.",
        status_code=HTTPStatus.CREATED,
    )
    def make_token(wanted: Wanted, request: Request) -> Document:
        with database.write() as connection:
            secret, made = create(connection, wanted, principal(request).name, clock())
        return made | {"token": secret}

    @router.delete(
        "/{token_id}",
        summary="Revoke a token",
        description="It opens nothing from now on. For admins.",
        status_code=HTTPStatus.NO_CONTENT,
    )
    def revoke_token(token_id: str) -> None:
        with database.write() as connection:
            revoke(connection, token_id, clock())

    return router


def _digest(secret: str) -> str:
    """The secrets are random, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _document(row: Row[Any], now: float) -> Document:
    is_over = row.expires_at is not None and row.expires_at < now
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "namespaces": row.namespaces,
        "state": "revoked" if row.revoked_at is not None else "expired" if is_over else "active",
        "created_by": row.created_by,
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "last_used_at": moment(row.last_used_at),
    }
