"""What uvicorn lets a client do without end: send a head that grows, or one that never ends."""

import asyncio
import ssl
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from monitor.collector.heads import MAX_HEAD_BYTES, MAX_HEADERS, Refusal

HEAD_TIMEOUT = Refusal(408, "the request's head did not arrive in time")
BODY_TIMEOUT = Refusal(408, "the request's body did not arrive in time")
HEAD_TOO_LARGE = Refusal(431, "the request's head is too large")


def tls_extension(transport: asyncio.Transport) -> dict[str, dict[object, object]]:
    """What ASGI tells of a client's certificate; nothing where there is no TLS.

    https://asgi.readthedocs.io/en/latest/specs/tls.html
    """
    connection = transport.get_extra_info("ssl_object")
    if connection is None:
        return {}
    shown = connection.getpeercert(binary_form=True)
    chain = [] if shown is None else [ssl.DER_cert_to_PEM_cert(shown)]
    return {"tls": {"client_cert_chain": chain}}


class LimitedProtocol(HttpToolsProtocol):
    """Gives a head `head_s` seconds from the connection's or its own first byte, and as many bytes
    and lines as the proxy allows; then a body `body_s` seconds.

    Deadlines do not begin anew with every byte: whoever trickles is given up.
    """

    head_s = 10.0
    body_s = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._n_head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._tls = tls_extension(transport)
        self._wait(self.head_s, HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._n_head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._n_head_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._tls
        self._in_head = True
        self._wait(self.head_s, HEAD_TIMEOUT)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.headers) > MAX_HEADERS:
            self._refuse(HEAD_TOO_LARGE)
            raise httptools.HttpParserError("too many headers")
        self._wait(self.body_s, BODY_TIMEOUT)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
        self._n_head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _wait(self, seconds: float, refusal: Refusal) -> None:
        self._arrived()
        self._deadline = self.loop.call_later(seconds, self._refuse, refusal)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, refusal: Refusal) -> None:
        self._arrived()
        if not self.transport.is_closing():
            self.transport.write(refusal.to_bytes(close=True))
            self.transport.close()
