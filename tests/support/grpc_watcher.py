"""Somebody who wants to know of every call."""

import gzip
from collections.abc import Set
from dataclasses import dataclass, field

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.grpc.calls import Call, Room, Side
from monitor.collector.grpc.messages import unframed
from tests.support.grpc_model import MODEL_INFER


@dataclass
class Watching:
    """calls: that were wanted and answered by the model. statuses: of all that finished."""

    limits: CaptureLimits = field(default_factory=CaptureLimits)
    room: Room = field(default_factory=lambda: Room(1 << 23))
    headers: Set[bytes] = frozenset({b"x-request-id", b"tenant"})
    calls: list[Call] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def wants(self, path: bytes) -> bool:
        return path == MODEL_INFER.encode()

    def lost(self, reason: Dropped) -> None:
        self.dropped.append(reason)

    def finished(self, call: Call) -> None:
        self.statuses.append(call.status)
        if call.is_wanted and call.is_answered:
            self.calls.append(call)

    @property
    def messages(self) -> list[tuple[bytes, bytes]]:
        """What was asked and answered in the calls, unpacked."""
        return [(_said(call.request), _said(call.response)) for call in self.calls]


def _said(side: Side) -> bytes:
    message, is_compressed = unframed(b"".join(side.pieces))
    return gzip.decompress(message) if is_compressed else message
