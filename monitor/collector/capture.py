"""What the proxy saw, on its way from the event loop to the recording thread."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.decoders import Exchange


class Dropped(StrEnum):
    """Why something that was captured or spooled never reached Kafka: the whole set."""

    QUEUE_FULL = "queue full"
    TOO_LARGE = "too large"
    SPOOL_FULL = "spool full"
    SPOOL_FAILED = "spool failed"
    REFUSED_BY_KAFKA = "refused by Kafka"
    SHUTDOWN = "shutdown"
    FAULT = "fault"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureLimits:
    """queue_bytes: that wait for the recording thread. body_bytes: of one body.

    batch_bytes: at so many, the thread is woken before its interval is over. What becomes of a
        batch takes some ten times its room.
    """

    queue_bytes: int = 8 * 1024 * 1024
    body_bytes: int = 1024 * 1024
    batch_bytes: int = 512 * 1024


OVERHEAD_BYTES = 1024
"""What an exchange costs beside its bodies: objects, headers that were kept."""


class Capture:
    """A queue bounded in bytes, from one thread to one other, that never makes the first wait.

    Each side writes a count of its own, so neither needs a lock.
    """

    def __init__(self, limits: CaptureLimits, dropped: Callable[[Dropped], None]) -> None:
        self.limits = limits
        self._dropped = dropped
        self._exchanges: deque[tuple[Exchange, int]] = deque()
        self._n_put_bytes = 0
        self._n_taken_bytes = 0
        self._woken = threading.Event()

    @property
    def size_bytes(self) -> int:
        return self._n_put_bytes - self._n_taken_bytes

    def put(self, exchange: "Exchange", n_body_bytes: int) -> bool:
        """Called by the event loop only. False, and counted, where there is no room."""
        size = n_body_bytes + OVERHEAD_BYTES
        waiting = self._n_put_bytes - self._n_taken_bytes + size
        if waiting > self.limits.queue_bytes:
            self._dropped(Dropped.QUEUE_FULL)
            return False
        self._exchanges.append((exchange, size))
        self._n_put_bytes += size
        if waiting > self.limits.batch_bytes and not self._woken.is_set():
            self._woken.set()
        return True

    def wait(self, timeout_s: float) -> None:
        """Until there is a batch's worth, somebody called `wake`, or the time is over."""
        self._woken.wait(timeout_s)
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def take(self, n: int) -> list["Exchange"]:
        """Up to n exchanges, of at most `batch_bytes` unless it is one alone."""
        taken: list[Exchange] = []
        n_bytes = 0
        while self._exchanges and len(taken) < n and n_bytes < self.limits.batch_bytes:
            exchange, size = self._exchanges.popleft()
            taken.append(exchange)
            n_bytes += size
        self._n_taken_bytes += n_bytes
        return taken
