"""Captured exchanges on their way out of the proxy's process.

A recorder in a process of its own takes them batch by batch, and says of each what became of it.
Until it has, the batch stays here: a recorder that dies costs nothing but the time that the next
one needs, which gets the same batches under the same numbers.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.frames import (
    Counts,
    Kind,
    counts_from_bytes,
    counts_to_bytes,
    frame,
)
from monitor.collector.tally import DROPPED, Tally
from monitor.collector.wanted import Wanted

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
WINDOW_BYTES = 2 * 1024 * 1024
"""No more than that is with the recorder at a time; what waits, waits here, once and not twice."""
MAX_DEATHS = 3
"""A batch that was with so many recorders when they died is taken for the cause."""
OVERHEAD_BYTES = 256
"""What an exchange costs beside its bodies until its batch is put together."""


@dataclass(slots=True)
class _Batch:
    """n: exchanges in it. n_deaths: of recorders that had it."""

    data: bytes
    n: int
    n_deaths: int = 0


class Handover:
    """A queue bounded in bytes that never makes the proxy wait; on the event loop only."""

    def __init__(self, limits: CaptureLimits, tally: Tally) -> None:
        self.limits = limits
        self.tally = tally
        self.wanted = Wanted()
        self._pending: list[bytes] = []
        self._n_pending = 0
        self._n_pending_bytes = 0
        self._n_waiting_bytes = 0
        self._batches: dict[int, _Batch] = {}
        self._unsent: deque[int] = deque()
        self._sent: set[int] = set()
        self._n_sent_bytes = 0
        self._number = 0
        self._settled: Counts = Counter()
        self._told: Counts = Counter()
        self._write: Callable[[bytes], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told_bytes = 0
        self._emptied = asyncio.Event()

    @property
    def size_bytes(self) -> int:
        """Of what waits to be recorded."""
        return self._n_pending_bytes + self._n_waiting_bytes

    # from the proxy

    def put(self, pieces: Sequence[bytes], n_bytes: int) -> None:
        """One exchange, packed. Where there is no room it is dropped, and counted."""
        n_bytes += OVERHEAD_BYTES
        if self.size_bytes + n_bytes > self.limits.queue_bytes:
            self.tally.drop(Dropped.QUEUE_FULL)
            return
        self.tally.n_captured += 1
        self._pending += pieces
        self._n_pending += 1
        self._n_pending_bytes += n_bytes
        if self._n_pending_bytes >= self.limits.batch_bytes:
            self._close_batch()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._close_batch)

    def _close_batch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        self._number += 1
        data = frame(Kind.BATCH, self._number, self._pending)
        self._batches[self._number] = _Batch(data, self._n_pending)
        self._unsent.append(self._number)
        self._n_waiting_bytes += len(data)
        self._pending, self._n_pending, self._n_pending_bytes = [], 0, 0
        self._send()

    # to and from a recorder

    def connected(self, write: Callable[[bytes], None]) -> None:
        """A new recorder is told all that was counted, by those before it too."""
        self._write = write
        self._told = Counter()
        self.tell(self._settled)

    def disconnected(self) -> None:
        """The recorder is dead; what it had is for the next one."""
        self._write = None
        self.wanted = self.wanted.without_recorder()
        for number in self._sent:
            self._batches[number].n_deaths += 1
            if self._batches[number].n_deaths == MAX_DEATHS:
                self._give_up(number, Dropped.FAULT, "recorders die of them")
        self._sent.clear()
        self._n_sent_bytes = 0
        self._unsent = deque(self._batches)

    def received(self, kind: int, number: int, payload: bytes) -> None:
        if kind == Kind.WANTED:
            self.wanted = Wanted.from_bytes(payload)
        elif kind == Kind.SETTLED and number in self._sent:
            self._sent.discard(number)
            self._n_sent_bytes -= len(self._batches[number].data)
            self._settled += counts_from_bytes(payload)
            self._forget(number)
        self._send()

    def tell(self, more: Counts | None = None) -> None:
        """Says what was counted since it was said last."""
        if self._write is None:
            return
        totals = self.tally.totals()
        news, self._told = totals - self._told, totals
        news.update(more or {})
        if news or self.size_bytes != self._told_bytes:
            self._told_bytes = self.size_bytes
            self._write(frame(Kind.COUNTS, self.size_bytes, [counts_to_bytes(news)]))

    def _send(self) -> None:
        if self._write is None or not self.wanted.is_ready:
            return
        while self._unsent and self._n_sent_bytes < WINDOW_BYTES:
            number = self._unsent.popleft()
            data = self._batches[number].data
            self._sent.add(number)
            self._n_sent_bytes += len(data)
            self._write(data)

    def _forget(self, number: int) -> None:
        self._n_waiting_bytes -= len(self._batches.pop(number).data)
        if not self._batches:
            self._emptied.set()

    def _give_up(self, number: int, reason: Dropped, why: str) -> None:
        n = self._batches[number].n
        log.warning("%d captured requests are dropped: %s", n, why)
        self._settled[DROPPED, reason] += n
        self._forget(number)

    async def end(self, timeout_s: float) -> None:
        """Hands on what was captured, and gives it up where there is no time or no recorder.

        One that is still starting, or has not heard of the monitors yet, is waited for.
        """
        self._close_batch()
        if self._batches and self._write is not None:
            self._emptied.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), timeout_s)
        for number in list(self._batches):
            self._give_up(number, Dropped.SHUTDOWN, "there was no time left")
        self._unsent.clear()
        self._sent.clear()
        if self._write is not None:
            self._write(frame(Kind.END, 0, []))
