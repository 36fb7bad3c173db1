"""HTTP/2 frames as bytes, written from the specification (RFC 9113, section 4.1 and 6)."""

from collections.abc import Sequence

import hpack

from tests.support.grpc_model import MODEL_INFER

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 2, 3, 4, 6, 8
PUSH_PROMISE, CONTINUATION = 5, 9
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 1, 4, 8, 32

Pairs = Sequence[tuple[str, str]]


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


def message(content: bytes, *, is_compressed: bool = False) -> bytes:
    """Behind gRPC's prefix."""
    return bytes([is_compressed]) + len(content).to_bytes(4, "big") + content


class Speaker:
    """One side of a connection, with its own table of headers."""

    def __init__(self) -> None:
        self.encoder = hpack.Encoder()

    def headers(self, stream: int, pairs: Pairs, *, flags: int = END_HEADERS) -> bytes:
        return frame(HEADERS, stream, self.encoder.encode(list(pairs)), flags)

    def request(
        self, stream: int, content: bytes, *, path: str = MODEL_INFER, **more: str
    ) -> bytes:
        pairs = [
            *((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "model")),
            *(("te", "trailers"), ("content-type", "application/grpc")),
            *((name.replace("_", "-"), value) for name, value in more.items()),
        ]
        return self.headers(stream, pairs) + frame(DATA, stream, message(content), END_STREAM)

    def begin(self, stream: int) -> bytes:
        return self.headers(stream, [(":status", "200"), ("content-type", "application/grpc")])

    def end(self, stream: int, status: int = 0) -> bytes:
        pairs = [("grpc-status", str(status)), ("grpc-message", "")]
        return self.headers(stream, pairs, flags=END_HEADERS | END_STREAM)

    def response(self, stream: int, content: bytes, status: int = 0) -> bytes:
        data = frame(DATA, stream, message(content))
        return self.begin(stream) + data + self.end(stream, status)
