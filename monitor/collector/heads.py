"""HTTP/1.1 heads: what is let through, and how it is written again.

A head is never forwarded as it came. It is rebuilt from parsed fields with one framing of our own,
so that the model server and we cannot disagree about where a message ends (RFC 9112, section 11.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
ERROR_HEADER = "X-Driftmeter-Error"

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
        b"expect",
    }
)
_SPECIAL = _HOP_BY_HOP | {b"host", b"content-length", b"x-request-id"}
_NO_TRAILERS = _SPECIAL | {b"authorization", b"cookie", b"set-cookie"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of our own, and why."""

    status: int
    reason: str

    def to_bytes(self, *, close: bool) -> bytes:
        body = f"{self.reason}\n".encode()
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"{ERROR_HEADER}: {self.reason}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n"
        ).encode("latin-1") + body


@dataclass(slots=True)
class Framing:
    """The fields of a head that say where its message ends and what its connection does."""

    fields: dict[bytes, bytes]
    n_hosts: int
    rest: Headers

    @property
    def only_chunked(self) -> bool:
        """Whether chunked is the one transfer coding: no other is understood here."""
        return self.fields[b"transfer-encoding"].strip().lower() == b"chunked"

    @property
    def is_chunked(self) -> bool:
        return b"transfer-encoding" in self.fields

    @property
    def content_length(self) -> bytes | None:
        return self.fields.get(b"content-length")

    def tokens(self, name: bytes) -> set[bytes]:
        value = self.fields.get(name)
        return {token.strip().lower() for token in value.split(b",")} if value else set()


def framing(headers: Iterable[tuple[bytes, bytes]]) -> Framing:
    """Sorts headers into those that concern this connection and the rest, which may pass."""
    fields: dict[bytes, bytes] = {}
    rest: Headers = []
    n_hosts = 0
    for pair in headers:
        name = pair[0].lower()
        if name not in _SPECIAL:
            rest.append(pair)
            continue
        if name == b"host":
            n_hosts += 1
        before = fields.get(name)
        fields[name] = pair[1] if before is None else before + b", " + pair[1]
    return Framing(fields, n_hosts, rest)


def without_nominated(parsed: Framing) -> Headers:
    """The headers that may pass, less those that `Connection` names as this hop's own."""
    nominated = parsed.tokens(b"connection") - {b"close", b"keep-alive"}
    return [h for h in parsed.rest if h[0].lower() not in nominated] if nominated else parsed.rest


def joined(lines: Iterable[bytes]) -> bytes:
    return b"\r\n".join(lines)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Headers) -> bytes:
    """The end of a chunked body.

    Trailers that say where a message ends, where it goes or who sends it do not pass: whoever
    merges trailers into headers would believe them (RFC 9110, section 6.5.1).
    """
    passing = [
        name + b": " + value + b"\r\n"
        for name, value in trailers
        if name.lower() not in _NO_TRAILERS and not name.lower().startswith(b"content-")
    ]
    return b"".join((b"0\r\n", *passing, b"\r\n"))


def kept(headers: Headers, names: frozenset[bytes]) -> bytes:
    """Those of the headers that a capture needs, as lines; names in lower case."""
    return b"\n".join(n + b":" + v for n, v in headers if n.lower() in names)
