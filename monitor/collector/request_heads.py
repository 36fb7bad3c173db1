"""Requests' heads: what is let through to the model, and how it is written again."""

import re
from dataclasses import dataclass, field

from monitor.collector.heads import (
    MAX_HEADERS,
    Framing,
    Headers,
    Refusal,
    framing,
    kept,
    without_nominated,
)

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"})

_TARGET = re.compile(rb"/[!-\"$-~]*")
_HOST = re.compile(rb"[A-Za-z0-9.\-_:\[\]%]+")
REQUEST_ID = re.compile(rb"[!-~]{1,128}")
_UPGRADE = re.compile(rb"[!#-'*+\-.0-9A-Z^-z|~/]{1,64}")


@dataclass(slots=True, kw_only=True)
class RequestHead:
    """The head of a request that may pass; requests with the same head share one.

    before, after: what is written to the model, around the request's id.
    given_id: the request's id, where it brings one. n_body_bytes: None if its body is chunked.
    expects_continue: the client waits for permission to send its body.
    upgrade: the protocol that the client wants to speak from here on, if the model does.
    """

    method: bytes
    target: bytes
    headers: Headers
    given_id: bytes | None
    before: bytes
    after: bytes
    n_body_bytes: int | None
    keep_alive: bool
    is_http_1_1: bool
    expects_continue: bool
    upgrade: bytes | None
    _kept: tuple[frozenset[bytes], bytes] = field(default=(frozenset(), b""), repr=False)

    @property
    def is_chunked(self) -> bool:
        return self.n_body_bytes is None

    @property
    def has_body(self) -> bool:
        return self.n_body_bytes != 0

    @property
    def is_repeatable(self) -> bool:
        """Whether another request may come with the very same head."""
        is_plain = not (self.is_chunked or self.expects_continue or self.upgrade)
        return is_plain and self.given_id is None

    def kept(self, names: frozenset[bytes]) -> bytes:
        """The headers with these names, as `heads.kept` writes them."""
        if self._kept[0] is not names:
            self._kept = names, kept(self.headers, names)
        return self._kept[1]


def read_request(
    method: bytes, target: bytes, version: str, headers: Headers
) -> RequestHead | Refusal:
    """The head of a request as it may pass, or why it may not."""
    parsed = framing(headers)
    refusal = _refusal(method, target, version, headers, parsed)
    if refusal is not None:
        return refusal
    given = parsed.fields.get(b"x-request-id", b"")
    close = version == "1.0" or b"close" in parsed.tokens(b"connection")
    upgrade = _upgrade(parsed)
    return RequestHead(
        method=method,
        target=target,
        headers=headers,
        given_id=given if REQUEST_ID.fullmatch(given) else None,
        before=_before(method, target, parsed),
        after=_after(parsed, upgrade),
        n_body_bytes=None if parsed.is_chunked else int(parsed.content_length or 0),
        keep_alive=not close,
        is_http_1_1=version == "1.1",
        expects_continue=version == "1.1" and b"expect" in parsed.fields,
        upgrade=upgrade,
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
    return _refused_fields(method, version, parsed)


def _refused_fields(method: bytes, version: str, parsed: Framing) -> Refusal | None:
    if (version == "1.1" or parsed.n_hosts) and not _is_one_host(parsed):
        return Refusal(400, "exactly one valid Host is needed")
    if parsed.is_chunked and not (version == "1.1" and parsed.only_chunked):
        return Refusal(501, "unknown transfer coding")
    if parsed.fields.get(b"expect", b"100-continue").lower() != b"100-continue":
        return Refusal(417, "unknown expectation")
    if upgrade := _upgrade(parsed):
        has_body = parsed.is_chunked or parsed.content_length not in (None, b"0")
        if method != b"GET" or version != "1.1" or has_body or not _UPGRADE.fullmatch(upgrade):
            return Refusal(501, "such an upgrade is not passed on")
    return None


def _upgrade(parsed: Framing) -> bytes | None:
    """The protocol that is asked for. An offer of h2c is ignored, as it may be."""
    wanted = parsed.fields.get(b"upgrade", b"").strip()
    is_asked = b"upgrade" in parsed.tokens(b"connection")
    return wanted if is_asked and wanted and wanted.lower() != b"h2c" else None


def _is_one_host(parsed: Framing) -> bool:
    return parsed.n_hosts == 1 and _HOST.fullmatch(parsed.fields[b"host"]) is not None


def _before(method: bytes, target: bytes, parsed: Framing) -> bytes:
    # HTTP/1.0 needs no Host, HTTP/1.1 does.
    host = parsed.fields.get(b"host", b"localhost")
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + host]
    lines += [name + b": " + value for name, value in without_nominated(parsed)]
    lines.append(b"X-Request-Id: ")
    return b"\r\n".join(lines)


def _after(parsed: Framing, upgrade: bytes | None) -> bytes:
    lines = [b""]
    if upgrade:
        lines += [b"Connection: Upgrade", b"Upgrade: " + upgrade]
    elif b"trailers" in parsed.tokens(b"te"):
        lines += [b"Connection: TE", b"TE: trailers"]
    if parsed.is_chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif parsed.content_length is not None:
        lines.append(b"Content-Length: " + parsed.content_length)
    return b"\r\n".join((*lines, b"", b""))
