"""What client and model say on one HTTP/2 connection, read along as calls.

https://www.rfc-editor.org/rfc/rfc9113
"""

from functools import partial

from monitor.collector.grpc.calls import CANCELLED, UNAVAILABLE, Calls
from monitor.collector.grpc.frames import (
    END_STREAM,
    PREFACE,
    Frame,
    Frames,
    Kind,
    Unread,
    UnreadableError,
)
from monitor.collector.grpc.header_blocks import HeaderBlock, HeaderBlocks
from monitor.collector.heads import MAX_HEAD_BYTES


class Conversation:
    """Follows both directions of a connection from their first byte.

    It reads for itself alone: nothing that it thinks of a frame reaches client or model. What it
    does not understand it raises as UnreadableError, and is of no use from then on.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._preface = PREFACE
        self._asked = HeaderBlocks()
        self._answered = HeaderBlocks()
        self._from_client = Frames(partial(self._wants, is_request=True))
        self._from_model = Frames(partial(self._wants, is_request=False))
        self._has_settings = False

    @property
    def may_be_spoken_in(self) -> bool:
        """Whether a frame to the client would be between two others, and after the first."""
        return self._has_settings and self._from_model.is_between and self._answered.is_between

    def hear_client(self, data: bytes, now: float) -> None:
        if self._preface:
            data = self._without_preface(data)
        for frame in self._from_client.feed(data):
            if block := self._block(frame, self._asked):
                self._calls.open(block.stream, block.headers, now)
            elif frame.kind == Kind.DATA:
                self._add(frame, is_request=True)
            elif frame.kind == Kind.RST_STREAM:
                self._calls.break_off(frame.stream, CANCELLED, now)
        self._let_go()

    def hear_model(self, data: bytes, now: float) -> None:
        for frame in self._from_model.feed(data):
            if not self._has_settings and frame.kind != Kind.SETTINGS:
                raise UnreadableError(Unread.NOT_HTTP2)
            self._has_settings = True
            if block := self._block(frame, self._answered):
                self._calls.answer(block.stream, block.headers, now, ends=block.ends_stream)
            elif frame.kind == Kind.DATA:
                self._add(frame, is_request=False)
                if frame.flags & END_STREAM:
                    self._calls.end(frame.stream, now)
            elif frame.kind == Kind.RST_STREAM:
                self._calls.break_off(frame.stream, UNAVAILABLE, now)
        self._let_go()

    def _without_preface(self, data: bytes) -> bytes:
        n = min(len(data), len(self._preface))
        if data[:n] != self._preface[:n]:
            raise UnreadableError(Unread.NOT_HTTP2)
        self._preface = self._preface[n:]
        return data[n:]

    def _wants(self, kind: int, stream: int, length: int, *, is_request: bool) -> bool:
        if kind == Kind.DATA:
            return self._calls.make_room(stream, length, is_request=is_request)
        if kind == Kind.PUSH_PROMISE:  # it has headers too, and no place in gRPC
            raise UnreadableError(Unread.BAD_FRAME)
        if kind not in (Kind.HEADERS, Kind.CONTINUATION):
            return False
        if length > MAX_HEAD_BYTES:
            raise UnreadableError(Unread.BAD_HEADERS)
        return True

    def _block(self, frame: Frame, blocks: HeaderBlocks) -> HeaderBlock | None:
        """The header block that the frame completes."""
        if (frame.kind == Kind.HEADERS and blocks.is_between) or frame.kind == Kind.CONTINUATION:
            return blocks.add(frame)
        if not blocks.is_between:
            raise UnreadableError(Unread.BAD_FRAME)
        return None

    def _add(self, frame: Frame, *, is_request: bool) -> None:
        side = self._calls.side(frame.stream, is_request=is_request)
        if side is not None and (content := frame.content()):
            side.pieces.append(content)

    def _let_go(self) -> None:
        """What has begun to arrive for a call that is over, or given up, has no room any more."""
        for frames, is_request in ((self._from_client, True), (self._from_model, False)):
            stream = frames.data_of
            if stream is not None and self._calls.side(stream, is_request=is_request) is None:
                frames.let_go()
