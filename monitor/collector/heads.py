"""HTTP/1.1 heads: what is let through, and how it is written again.

A head is never forwarded as it came. It is rebuilt from parsed fields with one framing of our own,
so that the model server and we cannot disagree about where a message ends (RFC 9112, section 11.2).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[bytes, bytes]]

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
ERROR_HEADER = "X-Driftmeter-Error"

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"})

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
_TARGET = re.compile(rb"/[!-\"$-~]*")
_HOST = re.compile(rb"[A-Za-z0-9.\-_:\[\]%]+")
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")


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


def _without_nominated(parsed: Framing) -> Headers:
    """The headers that may pass, less those that `Connection` names as this hop's own."""
    nominated = parsed.tokens(b"connection") - {b"close", b"keep-alive"}
    return [h for h in parsed.rest if h[0].lower() not in nominated] if nominated else parsed.rest


@dataclass(slots=True, kw_only=True)
class RequestHead:
    """A request that may pass.

    forwarded: the head as it is written to the model.
    expects_continue: the client waits for permission to send its body.
    """

    method: bytes
    target: str
    headers: Headers
    request_id: str
    forwarded: bytes
    is_chunked: bool
    content_length: bytes | None
    keep_alive: bool
    is_http_1_1: bool
    expects_continue: bool

    @property
    def has_body(self) -> bool:
        return self.is_chunked or self.content_length not in (None, b"0")


def read_request(
    method: bytes, target: bytes, version: str, headers: Headers, new_id: Callable[[], str]
) -> RequestHead | Refusal:
    """The head of a request as it may pass, or why it may not."""
    parsed = framing(headers)
    refusal = _refusal(method, target, version, headers, parsed)
    if refusal is not None:
        return refusal
    given = parsed.fields.get(b"x-request-id", b"")
    request_id = given.decode("ascii") if _REQUEST_ID.fullmatch(given) else new_id()
    close = version == "1.0" or b"close" in parsed.tokens(b"connection")
    return RequestHead(
        method=method,
        target=target.decode("ascii"),
        headers=headers,
        request_id=request_id,
        forwarded=_request_bytes(method, target, parsed, request_id),
        is_chunked=parsed.is_chunked,
        content_length=parsed.content_length,
        keep_alive=not close,
        is_http_1_1=version == "1.1",
        expects_continue=version == "1.1" and b"expect" in parsed.fields,
    )


def _refusal(
    method: bytes, target: bytes, version: str, headers: Headers, parsed: Framing
) -> Refusal | None:
    """Why a request may not pass; what the parser itself refuses never comes here."""
    if version not in ("1.0", "1.1"):
        return Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method not in METHODS:
        return Refusal(405, "method not allowed")
    if not _TARGET.fullmatch(target) or b"%00" in target:
        return Refusal(400, "bad request target")
    if len(headers) > MAX_HEADERS:
        return Refusal(431, "too many headers")
    return _refused_fields(version, parsed)


def _refused_fields(version: str, parsed: Framing) -> Refusal | None:
    if (version == "1.1" or parsed.n_hosts) and not _is_one_host(parsed):
        return Refusal(400, "exactly one valid Host is needed")
    if parsed.is_chunked and not (version == "1.1" and _only_chunked(parsed)):
        return Refusal(501, "unknown transfer coding")
    if parsed.fields.get(b"expect", b"100-continue").lower() != b"100-continue":
        return Refusal(417, "unknown expectation")
    if parsed.tokens(b"upgrade") - {b"h2c"} and b"upgrade" in parsed.tokens(b"connection"):
        return Refusal(501, "upgrades are not passed on")
    return None


def _only_chunked(parsed: Framing) -> bool:
    return parsed.fields[b"transfer-encoding"].strip().lower() == b"chunked"


def _is_one_host(parsed: Framing) -> bool:
    return parsed.n_hosts == 1 and _HOST.fullmatch(parsed.fields[b"host"]) is not None


def _request_bytes(method: bytes, target: bytes, parsed: Framing, request_id: str) -> bytes:
    lines = [method + b" " + target + b" HTTP/1.1"]
    if (host := parsed.fields.get(b"host")) is not None:
        lines.append(b"Host: " + host)
    else:
        lines.append(b"Host: localhost")  # HTTP/1.0 needs none, HTTP/1.1 does
    lines += [name + b": " + value for name, value in _without_nominated(parsed)]
    lines.append(b"X-Request-Id: " + request_id.encode())
    if parsed.is_chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif parsed.content_length is not None:
        lines.append(b"Content-Length: " + parsed.content_length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class ResponseHead:
    """The head of a model's answer.

    has_body: whether a body follows. is_framed: whether its end is told by the head; if not, the
        body ends with the connection.
    """

    status: int
    headers: Headers
    parsed: Framing
    has_body: bool
    is_framed: bool
    keep_alive: bool


def read_response(
    status: int, version: str, headers: Headers, *, to_head_request: bool
) -> ResponseHead | None:
    """The head of an answer, None where its framing is not to be trusted."""
    parsed = framing(headers)
    if parsed.is_chunked and not _only_chunked(parsed):
        return None
    has_body = not to_head_request and status not in (204, 304)
    is_framed = not has_body or parsed.is_chunked or parsed.content_length is not None
    return ResponseHead(
        status=status,
        headers=headers,
        parsed=parsed,
        has_body=has_body,
        is_framed=is_framed,
        keep_alive=is_framed and version == "1.1" and b"close" not in parsed.tokens(b"connection"),
    )


def response_bytes(
    head: ResponseHead, phrase: bytes, request_id: str, *, chunked: bool, close: bool
) -> bytes:
    """The answer's head as the client gets it."""
    lines = [b"HTTP/1.1 %d %b" % (head.status, phrase)]
    lines += [name + b": " + value for name, value in _without_nominated(head.parsed)]
    lines.append(b"X-Request-Id: " + request_id.encode())
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.parsed.content_length is not None and not head.parsed.is_chunked:
        lines.append(b"Content-Length: " + head.parsed.content_length)
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def kept(headers: Headers, names: frozenset[bytes]) -> Headers:
    """Those of the headers that a capture needs; names in lower case."""
    return [pair for pair in headers if pair[0].lower() in names]
