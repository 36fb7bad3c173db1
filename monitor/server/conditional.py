"""Answers of the API that have not changed since somebody asked are not sent again.

RFC 9110, section 13: an answer carries an entity tag, and a request that names it in If-None-Match
is answered 304 while it still fits. A monitor has a tag of its own, its revision.
"""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_MODIFIED = 304


class Conditional:
    """Tags the JSON that GET answers under /api/; streams of lines pass as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        if not is_read or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        head: Message = {}
        body = bytearray()

        async def gathering(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_document(message):
                head.update(message)
                return
            if not head:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await _answer(head, bytes(body), known, send)

        await self._app(scope, receive, gathering)


def _is_document(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("application/json")


async def _answer(head: Message, body: bytes, known: str, send: Send) -> None:
    headers = MutableHeaders(raw=head["headers"])
    if head["status"] == 200 and "etag" not in headers:
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers["ETag"] = tag
        if tag in {one.strip() for one in known.split(",")}:
            head["status"], body = NOT_MODIFIED, b""
            del headers["content-length"]
            del headers["content-type"]
    await send({**head, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
