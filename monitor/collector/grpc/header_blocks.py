"""The headers on an HTTP/2 connection, which mean something only one after the other.

Each direction has a table that every block of headers may add to and refer to (HPACK, RFC 7541):
who has missed one block cannot read another.
"""

from typing import NamedTuple

from hpack import Decoder, HPACKError

from monitor.collector.grpc.frames import (
    END_HEADERS,
    END_STREAM,
    Frame,
    Kind,
    Unread,
    UnreadableError,
)
from monitor.collector.heads import MAX_HEAD_BYTES, Headers

MAX_TABLE_BYTES = 64 * 1024
N_KNOWN = 64


class HeaderBlock(NamedTuple):
    """ends_stream: nothing follows from this side."""

    stream: int
    ends_stream: bool
    headers: Headers


class _Table(NamedTuple):
    """What tells whether a table has changed: whatever is added to it becomes its first."""

    first: tuple[bytes, bytes] | None
    n: int
    size: int

    def is_same_as(self, other: "_Table") -> bool:
        return self.first is other.first and self[1:] == other[1:]


class HeaderBlocks:
    """Puts the header blocks of one direction together and decodes them.

    How large a table may be, the two sides agree upon in SETTINGS; whoever fills it then says how
    large it is at the beginning of a block, which is enough for a listener.
    """

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_HEAD_BYTES)
        self._decoder.max_allowed_table_size = MAX_TABLE_BYTES
        self._first: Frame | None = None
        self._block = bytearray()
        self._known: dict[bytes, Headers] = {}
        self._table = _Table(None, 0, self._decoder.header_table_size)

    @property
    def is_between(self) -> bool:
        """Whether no block has begun that is not complete; no other frame may come then."""
        return self._first is None

    def add(self, frame: Frame) -> HeaderBlock | None:
        """The block that the frame, HEADERS or CONTINUATION, completes. Raises UnreadableError."""
        if frame.kind == Kind.HEADERS:
            self._first = frame
            self._block.clear()
        first = self._first
        if first is None or frame.stream != first.stream:
            raise UnreadableError(Unread.BAD_FRAME)
        self._block += frame.content()
        if len(self._block) > MAX_HEAD_BYTES:
            raise UnreadableError(Unread.BAD_HEADERS)
        if not frame.flags & END_HEADERS:
            return None
        self._first = None
        headers = self._decode(bytes(self._block))
        return HeaderBlock(first.stream, bool(first.flags & END_STREAM), headers)

    def _decode(self, block: bytes) -> Headers:
        """The headers of a block; the same bytes mean the same for as long as the table is."""
        known = self._known.get(block)
        if known is not None:
            return known
        before = self._table
        try:
            headers = [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        except (HPACKError, IndexError) as error:
            raise UnreadableError(Unread.BAD_HEADERS) from error
        table = self._decoder.header_table
        entries = table.dynamic_entries
        self._table = _Table(entries[0] if entries else None, len(entries), table.maxsize)
        if not self._table.is_same_as(before) or len(self._known) == N_KNOWN:
            self._known.clear()
        else:
            self._known[block] = headers
        return headers
