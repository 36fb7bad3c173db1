"""Answers' heads: what of the model's answer is to be trusted, and how it is written again."""

from dataclasses import dataclass, field

from monitor.collector.heads import Headers, framing, kept, without_nominated

SWITCHING = 101


@dataclass(slots=True, kw_only=True)
class ResponseHead:
    """The head of a model's answer; answers with the same head share one.

    before, after: what is written to the client, around the request's id; `after` without the
        framing of a body whose end the head does not tell.
    n_body_bytes: None for a body that is chunked, or that ends with the connection.
    is_framed: whether the head tells where the body ends, or how the body will.
    """

    status: int
    headers: Headers
    before: bytes
    after: bytes
    has_body: bool
    n_body_bytes: int | None
    is_framed: bool
    keep_alive: bool
    _kept: tuple[frozenset[bytes], bytes] = field(default=(frozenset(), b""), repr=False)

    def to_bytes(self, request_id: bytes, *, chunked: bool, close: bool) -> bytes:
        """The head as the client gets it."""
        return b"".join(
            (
                self.before,
                request_id,
                self.after,
                b"\r\nTransfer-Encoding: chunked" if chunked else b"",
                b"\r\nConnection: close" if close else b"",
                b"\r\n\r\n",
            )
        )

    def kept(self, names: frozenset[bytes]) -> bytes:
        """The headers with these names, as `heads.kept` writes them."""
        if self._kept[0] is not names:
            self._kept = names, kept(self.headers, names)
        return self._kept[1]


def read_response(
    status: int, phrase: bytes, version: str, headers: Headers, *, to_head_request: bool
) -> ResponseHead | None:
    """The head of an answer, None where its framing is not to be trusted."""
    parsed = framing(headers)
    if parsed.is_chunked and not parsed.only_chunked:
        return None
    length = None if parsed.is_chunked else parsed.content_length
    has_body = not to_head_request and status not in (SWITCHING, 204, 304)
    is_framed = not has_body or parsed.is_chunked or length is not None
    lines = [b"HTTP/1.1 %d %b" % (status, phrase)]
    lines += [name + b": " + value for name, value in without_nominated(parsed)]
    lines.append(b"X-Request-Id: ")
    after = b"" if length is None else b"\r\nContent-Length: " + length
    if status == SWITCHING:
        after = b"\r\nConnection: Upgrade\r\nUpgrade: " + parsed.fields.get(b"upgrade", b"")
    return ResponseHead(
        status=status,
        headers=headers,
        before=b"\r\n".join(lines),
        after=after,
        has_body=has_body,
        n_body_bytes=None if length is None or not has_body else int(length),
        is_framed=is_framed,
        keep_alive=is_framed and version == "1.1" and b"close" not in parsed.tokens(b"connection"),
    )
