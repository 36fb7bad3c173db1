"""Who may call: on loopback everybody, elsewhere whoever holds a bearer token."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.server.problems import response

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Probes carry no secrets and hold none."""


def read_tokens(path: Path) -> list[str]:
    """The tokens of a file, one a line; blank lines and lines beginning with # are left out.

    Raises ValueError when there is none, or one shorter than 24 characters.
    """
    lines = (line.strip() for line in path.read_text().splitlines())
    tokens = [line for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise ValueError(f"{path} holds no token: write one a line, at least 24 characters each")
    if any(len(token) < 24 for token in tokens):
        raise ValueError(f"{path} holds a token shorter than 24 characters")
    return tokens


class BearerTokens:
    """Lets a request pass if it carries one of the tokens that `read` gives, else answers 401.

    `read` is asked for every request, so that tokens can be rotated without a restart.
    """

    def __init__(self, app: ASGIApp, read: Callable[[], Iterable[str]]) -> None:
        self._app = app
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._admits(scope):
            await self._app(scope, receive, send)
            return
        refusal = response(
            HTTPStatus.UNAUTHORIZED, "this address needs a header 'Authorization: Bearer TOKEN'"
        )
        refusal.headers["WWW-Authenticate"] = "Bearer"
        await refusal(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer":
            return False
        digest = hashlib.sha256(token.strip()).digest()
        known = [hashlib.sha256(known.encode()).digest() for known in self._read()]
        return any(hmac.compare_digest(digest, other) for other in known)
