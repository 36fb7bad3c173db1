"""HTTP/2 frames, cut from bytes that are on their way between two others.

https://www.rfc-editor.org/rfc/rfc9113#section-4
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20

_HEAD = struct.Struct(">BHBBI")
_PRIORITY_BYTES = 5


class Kind(IntEnum):
    """Those that a reader acts upon."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    GOAWAY = 7
    CONTINUATION = 9


class Unread(StrEnum):
    """Why a connection is passed on without being read any more: the whole set."""

    NOT_HTTP2 = "not HTTP/2"
    BAD_FRAME = "bad frame"
    BAD_HEADERS = "bad headers"
    TOO_MANY_CALLS = "too many calls"
    FAULT = "fault"


class UnreadableError(Exception):
    """What comes on this connection is not understood, nor will be what follows."""

    def __init__(self, reason: Unread) -> None:
        super().__init__(reason)
        self.reason = reason


class Frame(NamedTuple):
    """payload: empty where it was not wanted."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def content(self) -> bytes:
        """The payload without padding and priority. Raises UnreadableError."""
        start, end = 0, len(self.payload)
        if self.flags & PADDED and self.kind != Kind.CONTINUATION:
            start, end = 1, end - self.payload[0] if self.payload else -1
        if self.kind == Kind.HEADERS and self.flags & WITH_PRIORITY:
            start += _PRIORITY_BYTES
        if end < start:
            raise UnreadableError(Unread.BAD_FRAME)
        return self.payload[start:end]


Wants = Callable[[int, int, int], bool]
"""Whether the payload of a frame is of use, by the frame's kind, stream and length; asked once."""


class Frames:
    """One direction of a connection, cut into frames; payloads that nobody wants are not held."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._begun = bytearray()
        self._head: tuple[int, int, int, int] | None = None
        self._n_needed = _HEAD.size
        self._n_skipped = 0

    @property
    def is_between(self) -> bool:
        """Whether the last frame is over, and the next has not begun."""
        return not self._begun and self._head is None and not self._n_skipped

    @property
    def data_of(self) -> int | None:
        """The stream to which a DATA frame belongs that has begun and is held."""
        return self._head[2] if self._head is not None and self._head[0] == Kind.DATA else None

    def let_go(self) -> None:
        """The frame that has begun is not wanted any more."""
        self._n_skipped = self._n_needed - len(self._begun)
        self._begun.clear()
        self._head, self._n_needed = None, _HEAD.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that the data complete; one that is not wanted, as soon as it begins."""
        if self._begun:
            self._begun += data
            if len(self._begun) < self._n_needed:
                return
            data = bytes(self._begun)
            self._begun.clear()
        at = self._n_skipped
        while len(data) - at >= self._n_needed:
            if self._head is None:
                kind, flags, stream, length = _head(data, at)
                at += _HEAD.size
                if self._wants(kind, stream, length):
                    self._head, self._n_needed = (kind, flags, stream, length), length
                else:
                    at += length
                    yield Frame(kind, flags, stream, b"")
            else:
                kind, flags, stream, length = self._head
                self._head, self._n_needed = None, _HEAD.size
                yield Frame(kind, flags, stream, data[at : at + length])
                at += length
        self._n_skipped = max(at - len(data), 0)
        self._begun += data[at:]


def _head(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Kind, flags, stream and length."""
    high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
    return kind, flags, stream & 0x7FFFFFFF, high << 16 | low
