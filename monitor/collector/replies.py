"""Answers to those who call the ingest address."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def reply(
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    headers: Sequence[tuple[str, str]] = (),
) -> None:
    """Sends a whole answer by ASGI."""
    described = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in described],
        }
    )
    await send({"type": "http.response.body", "body": body})
